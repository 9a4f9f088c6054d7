"""How old the stars of another library look to one that has those of BC03.

Each SSP is fitted by each BC03 SSP, of any age and metallicity, times a polynomial that takes up
dust and calibration, as full spectral fitting does; the age of the nearest is what a method that
knows BC03 alone must answer.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from phangs_sfh.evaluation.report.markdown import table
from phangs_sfh.instrument.constants import FWHM_PER_SIGMA

WAVE = np.arange(4800.0, 7000.0, 1.25)
FWHM = 3.6  # [Å] to which all are smoothed; MaStar's is 3.05
DEGREE = 8  # of the multiplicative polynomial, as for pPXF in docs/benchmark.md
AGES_MYR = (5.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0)


def apparent_age(grid, base, ages, mh=0.0):
    """Age of the SSP of ``base`` that is nearest in spectrum.

    Parameters
    ----------
    grid, base : ssp.grid.SSPGrid
    ages : (n,) array [yr] of SSPs of ``grid``; the nearest on its grid of ages are taken
    mh : float, their [M/H]; the nearest on its grid is taken

    Returns
    -------
    age : (n,) array [yr]
    residual : (n,) array, rms of the difference from that SSP over the flux
    """
    plane = np.abs(grid.mh - mh).argmin()
    targets = _smooth(grid, grid.luminosity[plane, _nearest(grid, ages)])
    templates = _smooth(base, base.luminosity.reshape(-1, len(base.wave)))
    legendre = np.polynomial.legendre.legvander(np.linspace(-1.0, 1.0, len(WAVE)), DEGREE)
    residual = np.empty((len(templates), len(targets)))
    for row, template in zip(residual, templates, strict=True):
        orthonormal = np.linalg.qr(legendre * template[:, None])[0]
        row[:] = (targets**2).sum(axis=1) - ((targets @ orthonormal) ** 2).sum(axis=1)
    best = residual.argmin(axis=0)
    rms = np.sqrt(np.maximum(residual.min(axis=0), 0.0) / len(WAVE))
    return np.tile(base.age, len(base.metallicity))[best], rms


def _nearest(grid, ages):
    """Indices on the grid of ages."""
    return [np.abs(np.log(grid.age / age)).argmin() for age in ages]


def _smooth(grid, spectra):
    """On ``WAVE``, at ``FWHM``, divided by their mean."""
    optical = (grid.wave > WAVE[0] - 50.0) & (grid.wave < WAVE[-1] + 50.0)
    fine = np.arange(WAVE[0] - 40.0, WAVE[-1] + 40.0, 1.25)
    sigma = np.sqrt(max(FWHM**2 - grid.resolution_fwhm**2, 0.0)) / FWHM_PER_SIGMA / 1.25
    sampled = [np.interp(fine, grid.wave[optical], row[optical]) for row in spectra]
    sampled = gaussian_filter1d(np.array(sampled, float), sigma, axis=1)
    inside = (fine > WAVE[0] - 0.1) & (fine < WAVE[-1] + 0.1)
    sampled = sampled[:, inside]
    return sampled / sampled.mean(axis=1, keepdims=True)


def ages_table(grids, base):
    """log10 of apparent over true age [dex] by library and age, solar metallicity.

    Parameters
    ----------
    grids : iterable of (name, SSPGrid) with ``covered_age`` in their provenance
    base : SSPGrid
    """
    header = ["library", *(f"{age:g} Myr" for age in AGES_MYR)]
    rows = []
    for name, grid in grids:
        low, high = grid.provenance["covered_age"]
        ages = np.array(AGES_MYR) * 1e6
        covered = (ages >= 0.9 * low) & (ages <= 1.1 * high)
        seen, _ = apparent_age(grid, base, ages)
        shift = np.log10(seen / grid.age[_nearest(grid, ages)])
        cells = [f"{x:+.2f}" if here else "" for x, here in zip(shift, covered, strict=True)]
        rows.append([name, *cells])
    return table(header, rows)
