"""Spectra that are not of stars, or of other stars than a galaxy's: further cases of ``stress``."""

import numpy as np

from phangs_sfh.instrument.constants import FWHM_PER_SIGMA, SPEED_OF_LIGHT
from phangs_sfh.instrument.emission_lines import LINES

BROAD_LINES = {"Hbeta": 0.3, "He I 5876": 0.1, "Halpha": 1.0}
NARROW_LINES = {
    "[O III] 4959": 0.33,
    "[O III] 5007": 1.0,
    "[O I] 6300": 0.15,
    "[N II] 6583": 0.5,
    "[S II] 6716": 0.2,
    "[S II] 6731": 0.2,
}


def active_nucleus(inputs, wave):
    """Lines of an active nucleus: broad Balmer lines (3000 km/s) and strong [O III], unmasked."""
    level = np.median(inputs["flux"], axis=1, keepdims=True)
    lines = np.zeros_like(wave)
    for strengths, fwhm in ((BROAD_LINES, 3000.0), (NARROW_LINES, 500.0)):
        for name, peak in strengths.items():
            centre = LINES[name]
            sigma = centre * fwhm / SPEED_OF_LIGHT / FWHM_PER_SIGMA
            lines += peak * np.exp(-0.5 * ((wave - centre) / sigma) ** 2)
    yield "flux", inputs["flux"] + level * lines


def power_law(inputs, wave):
    """No stars: a featureless continuum, f_λ ∝ λ^-1.5, with the data's noise."""
    rng = np.random.default_rng(1)
    level = np.median(inputs["flux"], axis=1, keepdims=True)
    error = inputs["flux_err"]
    noise = error * rng.standard_normal(error.shape)
    yield "flux", level * (wave / np.median(wave)) ** -1.5 + noise


def cool_star(inputs, wave):
    """A foreground star's depth of features: the logarithm of the spectrum stretched threefold."""
    flux = inputs["flux"]
    usable = inputs["flux_err"] > 0
    level = np.median(flux, axis=1, keepdims=True)
    stretched = level * (np.maximum(flux, 1e-3 * level) / level) ** 3
    yield "flux", np.where(usable, stretched, flux)


CASES = {
    "active nucleus": active_nucleus,
    "featureless continuum": power_law,
    "features 3 times too deep": cool_star,
}
