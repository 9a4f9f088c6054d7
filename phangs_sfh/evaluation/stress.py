"""Inputs that no answer should be trusted on: does surprise tell?

Each case spoils good observations of the mocks in one way that happens to real users.
"""

import numpy as np

from phangs_sfh.evaluation import metrics
from phangs_sfh.evaluation.answers import observe_in_batches
from phangs_sfh.evaluation.mocks import SCALARS
from phangs_sfh.instrument.constants import FWHM_PER_SIGMA, SPEED_OF_LIGHT
from phangs_sfh.instrument.emission_lines import LINES
from phangs_sfh.observations.flags import Flag

N_GALAXIES = 512
BROAD_LINES = {"Hbeta": 0.3, "He I 5876": 0.1, "Halpha": 1.0}
NARROW_LINES = {
    "[O III] 4959": 0.33,
    "[O III] 5007": 1.0,
    "[O I] 6300": 0.15,
    "[N II] 6583": 0.5,
    "[S II] 6716": 0.2,
    "[S II] 6731": 0.2,
}
NEUTRAL = "as observed"


def wrong_redshift(inputs, wave):
    """Rest frame missed by Δz = 0.005: 24 to 35 Å."""
    from_wave = wave * 1.005
    for name in ("flux", "flux_err"):
        yield name, np.stack([np.interp(from_wave, wave, row) for row in inputs[name]])


def band_units(inputs, wave):
    """Bands in a unit a factor 10 off."""
    yield "band_flux", 10 * inputs["band_flux"]
    yield "band_flux_err", 10 * inputs["band_flux_err"]


def noise_only(inputs, wave):
    """No source: noise about zero in spectrum and bands."""
    rng = np.random.default_rng(0)
    for name in ("flux", "band_flux"):
        error = inputs[f"{name}_err"]
        yield name, error * rng.standard_normal(error.shape)


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
    "wrong redshift": wrong_redshift,
    "bands 10 times too bright": band_units,
    "noise only": noise_only,
    "active nucleus": active_nucleus,
    "featureless continuum": power_law,
    "features 3 times too deep": cool_star,
}


def stress(signatures, mocks, instrument, conditions, seed):
    """Surprise and errors on spoiled inputs.

    Parameters
    ----------
    signatures, mocks, instrument, conditions, seed : as for ``answers.ask``

    Returns
    -------
    summary : dict by case with ``meaning``, ``surprise`` (16, 50, 84 %), ``flagged`` (share with
        HIGH_SURPRISE) and ``lw_logage``, ``lw_mh`` (``metrics.errors``)
    """
    rows, inputs = next(observe_in_batches(mocks, instrument, conditions, seed, N_GALAXIES))
    inputs = {name: np.asarray(value, dtype=np.float64) for name, value in inputs.items()}
    truth = {name: mocks.truth[name][rows] for name in SCALARS}
    summary = {NEUTRAL: _answer(signatures, inputs, truth, "the observations themselves")}
    for name, spoil in CASES.items():
        spoiled = inputs | dict(spoil(inputs, instrument.wave))
        summary[name] = _answer(signatures, spoiled, truth, spoil.__doc__)
    return summary


def _answer(signatures, inputs, truth, meaning):
    import tensorflow as tf

    tensors = {name: tf.constant(value, tf.float32) for name, value in inputs.items()}
    columns = {k: v.numpy() for k, v in signatures["serving_default"](**tensors).items()}
    flagged = (columns["flag"] & int(Flag.HIGH_SURPRISE)) > 0
    return {
        "meaning": " ".join(meaning.split()),
        "surprise": np.percentile(columns["surprise"], [16, 50, 84]).tolist(),
        "flagged": float(flagged.mean()),
        **{k: metrics.errors(columns[f"{k}_p50"] - truth[k]) for k in ("lw_logage", "lw_mh")},
    }
