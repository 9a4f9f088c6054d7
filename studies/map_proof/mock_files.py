"""A mock observation with noise, as the files that telescopes leave: MUSE cube and HST images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from studies.map_proof.mock_observation import CHANNEL, UNIT

MUSE_UNIT = "10**(-20)*erg/s/cm**2/Angstrom"
RA, DEC = 170.06, 12.99

MUSE_AREA, MUSE_SECONDS, MUSE_EXPOSURES, MUSE_READ_NOISE = 5.2e5, 2600.0, 4, 2.6
"""Collecting area [cm2], exposure time [s], number of exposures, read noise [electrons]."""

MUSE_THROUGHPUT = ((4750, 0.17), (5500, 0.30), (7000, 0.36))
"""Atmosphere, telescope and spectrograph, per photon (after Bacon et al. 2010)."""

SKY_LEVEL = 36.0
"""Dark sky's continuum, V = 21.5 mag / arcsec2, in a spaxel of 0.04 arcsec2 [1e-20 ...]."""

SKY_LINES = ((5577.3, 60.0), (5891.0, 4.0), (6300.3, 25.0), (6363.8, 8.0), (6863.9, 5.0),
             (6923.2, 5.0))  # fmt: skip
"""Wavelength [Å] and peak over the sky's continuum."""

PLANCK_TIMES_C = 1.98645e-8  # erg Å


@dataclass(frozen=True)
class Exposure:
    """An image: exposure time [s], inverse sensitivity PHOTFLAM [erg / (s cm2 Å) per electron/s],
    sky and dark current [electrons / s / pixel], and read noise of all exposures [electrons]."""

    seconds: float
    photflam: float
    sky: float
    read_noise: float


HST = {
    "F275W": Exposure(2200.0, 3.22e-18, 0.004, 5.4),
    "F336W": Exposure(1100.0, 1.29e-18, 0.005, 5.4),
    "F438W": Exposure(1100.0, 6.73e-19, 0.015, 5.4),
    "F555W": Exposure(670.0, 1.85e-19, 0.040, 5.4),
    "F814W": Exposure(830.0, 1.50e-19, 0.035, 5.4),
}
"""As PHANGS-HST observes (Lee et al. 2022), with WFC3/UVIS."""


@dataclass(frozen=True)
class Errors:
    """Errors of calibration that no error array tells of.

    Attributes
    ----------
    calibration : rms of the cube's smooth multiplicative error, a cubic in wavelength
    zero_point : standard deviation of each band's error [relative flux]
    """

    calibration: float = 0.02
    zero_point: float = 0.02


NO_ERRORS = Errors(0.0, 0.0)


def write_observation(observation, folder, seed=0, errors=None):
    """Write cube and images with noise.

    Parameters
    ----------
    observation : mock_observation.MockObservation
    folder : existing folder
    seed : int, of noise and calibration errors
    errors : Errors

    Returns
    -------
    cube : Path
    images : dict of Path by band
    """
    rng = np.random.default_rng(seed)
    folder, errors = Path(folder), errors or Errors()
    cube = folder / "cube.fits"
    _write_cube(cube, observation, rng, errors)
    images = {}
    for name, values in zip(observation.band_names, observation.images, strict=True):
        images[name] = folder / f"{name}.fits"
        factor = 1 + errors.zero_point * rng.standard_normal()
        _write_image(images[name], values * factor, HST[name], observation.setup.pixel, rng)
    return cube, images


def write_truth(truth, path, scale):
    """Write true maps, an extension each, named as the maps' are but without a percentile."""
    hdus = [fits.PrimaryHDU()]
    for name, values in truth.items():
        header = wcs_header(values.shape[-1], values.shape[-2], scale)
        hdus.append(fits.ImageHDU(values.astype("f4"), header, name=name))
    fits.HDUList(hdus).writeto(path, overwrite=True)


def muse_variance(wave, flux, spaxel_area=0.04):
    """Variance of a MUSE spaxel's flux, photons of source and sky and read noise.

    Parameters
    ----------
    wave : (n_channels,) array [Å]
    flux : (n_channels, ...) array [1e-20 erg / (s cm2 Å)]
    spaxel_area : [arcsec2]
    """
    throughput = np.interp(wave, *np.transpose(MUSE_THROUGHPUT))
    electrons = UNIT * MUSE_AREA * MUSE_SECONDS * CHANNEL * throughput * wave / PLANCK_TIMES_C
    line = np.exp(-0.5 * ((wave[:, None] - np.array(SKY_LINES)[:, 0]) / 1.1) ** 2)
    sky = SKY_LEVEL * spaxel_area / 0.04 * (1 + line @ np.array(SKY_LINES)[:, 1])
    shape = (-1,) + (1,) * (flux.ndim - 1)
    electrons, sky = electrons.reshape(shape), sky.reshape(shape)
    counts = electrons * (np.maximum(flux, 0) + sky) + MUSE_EXPOSURES * MUSE_READ_NOISE**2
    return counts / electrons**2


def _write_cube(path, observation, rng, errors):
    wave, setup = observation.wave, observation.setup
    variance = muse_variance(wave, observation.cube, setup.spaxel**2).astype("f4")
    x = np.linspace(-1, 1, len(wave))
    basis = np.polynomial.legendre.legvander(x, 3)[:, 1:]
    basis /= np.sqrt(np.mean(basis**2, axis=0))
    wrong = 1 + errors.calibration * basis @ rng.standard_normal(3) / np.sqrt(3)
    flux = observation.cube * wrong[:, None, None].astype("f4")
    flux += np.sqrt(variance) * rng.standard_normal(flux.shape, dtype="f4")
    header = wcs_header(setup.n, setup.n, setup.spaxel)
    header["CTYPE3"], header["CUNIT3"] = "AWAV", "Angstrom"
    header["CRVAL3"], header["CRPIX3"], header["CD3_3"] = wave[0], 1.0, CHANNEL
    for key in ("CD1_3", "CD2_3", "CD3_1", "CD3_2"):
        header[key] = 0.0
    header["BUNIT"] = MUSE_UNIT
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(flux, header, name="DATA")]
    header["BUNIT"] = f"({MUSE_UNIT})**2"
    hdus.append(fits.ImageHDU(variance, header, name="STAT"))
    hdus[0].header["OBJECT"] = "mock spiral"
    fits.HDUList(hdus).writeto(path, overwrite=True)


def _write_image(path, brightness, exposure, scale, rng):
    rate = brightness * scale**2 / exposure.photflam
    electrons = (np.maximum(rate, 0) + exposure.sky) * exposure.seconds + exposure.read_noise**2
    error = np.sqrt(electrons) / exposure.seconds
    rate = rate + error * rng.standard_normal(rate.shape)
    header = wcs_header(rate.shape[1], rate.shape[0], scale)
    header["BUNIT"], header["PHOTFLAM"] = "ELECTRONS/S", exposure.photflam
    header["EXPTIME"] = exposure.seconds
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(rate.astype("f4"), header, name="SCI"),
        fits.ImageHDU(error.astype("f4"), header, name="ERR"),
    ]
    fits.HDUList(hdus).writeto(path, overwrite=True)


def wcs_header(nx, ny, scale):
    """Tangential projection, north up; all files share their centre. ``scale`` in arcsec."""
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
    header["CRVAL1"], header["CRVAL2"] = RA, DEC
    header["CRPIX1"], header["CRPIX2"] = (nx + 1) / 2, (ny + 1) / 2
    header["CD1_1"], header["CD2_2"] = -scale / 3600, scale / 3600
    header["CD1_2"] = header["CD2_1"] = 0.0
    return header
