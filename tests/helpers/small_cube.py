"""A small cube with the conventions of the MUSE pipeline, and images to go with it."""

import numpy as np
from astropy.io import fits

MUSE_UNIT = "10**(-20)*erg/s/cm**2/Angstrom"
N_CHANNELS, START, STEP = 1800, 4800.0, 1.25
SPAXEL = 0.2
REDSHIFT = 0.003


def wcs_cards(header, nx, ny, scale=SPAXEL, angle=0.0, offset=(0.0, 0.0)):
    """Tangential projection around RA 170.06, Dec 12.99, NGC 3627's; offset in arcsec."""
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
    header["CRVAL1"] = 170.06 + offset[0] / 3600
    header["CRVAL2"] = 12.99 + offset[1] / 3600
    header["CRPIX1"], header["CRPIX2"] = (nx + 1) / 2, (ny + 1) / 2
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    cd = np.array([[-cos, sin], [sin, cos]]) * scale / 3600
    header["CD1_1"], header["CD1_2"], header["CD2_1"], header["CD2_2"] = cd.ravel()


def wavelengths():
    return START + STEP * np.arange(N_CHANNELS)


def spectra(ny, nx, seed=0):
    """Flux and variance (n_channels, ny, nx): a sloping continuum with lines, differing in y, x."""
    rng = np.random.default_rng(seed)
    wave = wavelengths()[:, None, None]
    slope = rng.uniform(-1, 1, (ny, nx))
    level = rng.uniform(50, 200, (ny, nx))
    lines = sum(
        0.4 * np.exp(-0.5 * ((wave - centre * (1 + REDSHIFT)) / 4) ** 2)
        for centre in (4861.3, 5175.0, 5270.0, 5893.0)
    )
    flux = level * (1 + slope * (wave / 5900 - 1)) * (1 - lines)
    deviation = np.broadcast_to(0.03 * level, flux.shape)
    flux = flux + rng.normal(size=flux.shape) * deviation
    return flux.astype("f4"), (deviation**2).astype("f4")


def write_cube(path, ny=4, nx=5, change=None, seed=0):
    """Write a cube; ``change`` is given the HDU list before. Returns flux and variance."""
    flux, variance = spectra(ny, nx, seed)
    data = fits.ImageHDU(flux, name="DATA")
    wcs_cards(data.header, nx, ny)
    data.header["CTYPE3"], data.header["CUNIT3"] = "AWAV", "Angstrom"
    data.header["CRVAL3"], data.header["CRPIX3"], data.header["CD3_3"] = START, 1.0, STEP
    data.header["CD1_3"] = data.header["CD2_3"] = data.header["CD3_1"] = data.header["CD3_2"] = 0.0
    data.header["BUNIT"] = MUSE_UNIT
    stat = fits.ImageHDU(variance, data.header.copy(), name="STAT")
    stat.header["BUNIT"] = MUSE_UNIT + "**2"  # the pipeline's, which is not the unit's square
    quality = fits.ImageHDU(np.zeros(flux.shape, "u1"), name="DQ")
    hdus = fits.HDUList([fits.PrimaryHDU(), data, stat, quality])
    hdus[0].header["OBJECT"] = "NGC 0"
    if change is not None:
        change(hdus)
    hdus.writeto(path, overwrite=True)
    return flux, variance


def write_image(path, values, error, scale=0.04, unit="ELECTRONS/S", photflam=2e-18, **wcs):
    """Write an HST-like image of (ny, nx) values with the extension ERR."""
    header = fits.Header()
    wcs_cards(header, values.shape[1], values.shape[0], scale, **wcs)
    if unit:
        header["BUNIT"] = unit
    if photflam:
        header["PHOTFLAM"] = photflam
    fits.HDUList(
        [
            fits.PrimaryHDU(),
            fits.ImageHDU(values.astype("f4"), header, name="SCI"),
            fits.ImageHDU(np.broadcast_to(error, values.shape).astype("f4"), header, name="ERR"),
        ]
    ).writeto(path, overwrite=True)


def write_map(path, values, unit=None):
    header = fits.Header()
    if unit:
        header["BUNIT"] = unit
    fits.writeto(path, values, header, overwrite=True)
