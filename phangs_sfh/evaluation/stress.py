"""Inputs that no answer should be trusted on: does surprise tell?

Each case spoils good observations of the mocks in one way that happens to real users, as a function
of inputs and wavelengths that yields what it changes: nothing if there is none of it.
"""

import numpy as np

from phangs_sfh.evaluation import metrics
from phangs_sfh.evaluation.answers import observe_in_batches
from phangs_sfh.observations.flags import Flag
from phangs_sfh.problems.inputs import Bands, Spectrum

N_OBJECTS = 512
NEUTRAL = "as observed"


def wrong_redshift(inputs, wave):
    """Rest frame missed by Δz = 0.005: 24 to 35 Å."""
    from_wave = wave * 1.005
    for name in (Spectrum.value, Spectrum.error):
        if name in inputs:
            yield name, np.stack([np.interp(from_wave, wave, row) for row in inputs[name]])


def band_units(inputs, wave):
    """Bands in a unit a factor 10 off."""
    if Spectrum.value in inputs and Bands.value in inputs and inputs[Bands.value].size:
        yield Bands.value, 10 * inputs[Bands.value]
        yield Bands.error, 10 * inputs[Bands.error]


def noise_only(inputs, wave):
    """No source: noise about zero in all inputs."""
    rng = np.random.default_rng(0)
    for name in [name for name in inputs if f"{name}_err" in inputs]:
        error = inputs[f"{name}_err"]
        yield name, error * rng.standard_normal(error.shape)


CASES = {
    "wrong redshift": wrong_redshift,
    "bands 10 times too bright": band_units,
    "noise only": noise_only,
}


def stress(signatures, mocks, survey, seed, more, scalars):
    """Surprise and errors on spoiled inputs.

    Parameters
    ----------
    signatures, mocks, survey, seed : as for ``answers.ask``
    more : dict, further cases
    scalars : names of those whose errors are given

    Returns
    -------
    summary : dict by case with ``meaning``, ``surprise`` (16, 50, 84 %), ``flagged`` (share with
        HIGH_SURPRISE) and the scalars' ``metrics.errors``
    """
    rows, inputs = next(observe_in_batches(mocks, survey, seed, N_OBJECTS))
    inputs = {name: np.asarray(value, dtype=np.float64) for name, value in inputs.items()}
    truth = {name: mocks.truth[name][rows] for name in scalars}
    summary = {NEUTRAL: _answer(signatures, inputs, truth, "the observations themselves")}
    for name, spoil in {**CASES, **more}.items():
        spoiled = dict(spoil(inputs, survey.instrument.wave))
        if spoiled:
            summary[name] = _answer(signatures, inputs | spoiled, truth, spoil.__doc__)
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
        **{name: metrics.errors(columns[f"{name}_p50"] - truth[name]) for name in truth},
    }
