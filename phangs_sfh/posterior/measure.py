"""Measure the training set as the network sees it: at the end of a run, or before an export."""

import numpy as np

from phangs_sfh.instrument import emission_lines
from phangs_sfh.library import batches
from phangs_sfh.posterior import reference

N_SPECTRA = 6000  # for the space of noiseless spectra
N_TRAIN = 20_000
N_VALID = 40_000  # observations; a galaxy is seen anew, in new noise, a few times
MOST_TIMES = 5
BATCH = 512
TRAIN_SEED, VALID_SEED = 1_000_081, 1_000_099


def measure_reference(model, examples, survey, spec=None):
    """Constants behind surprise and prior of a trained network.

    Parameters
    ----------
    model : keras.Model, trained
    examples : dict with splits ``train`` and ``valid``, each a dict of arrays from records.load;
        20 000 of ``train`` are used
    survey : library.survey.Survey, with the conditions of the training
    spec : PosteriorSpec, optional; with it percentiles are recalibrated

    Returns
    -------
    constants : dict of arrays for ``reference.save_reference``

    Raises
    ------
    InputError
        If a split is empty.
    """
    train = {key: value[:N_TRAIN] for key, value in examples["train"].items()}
    times = N_VALID // max(1, batches.n_objects(examples["valid"]))
    times = int(np.clip(times, 1, MOST_TIMES))
    valid = {key: np.concatenate([value] * times) for key, value in examples["valid"].items()}
    spectra = train["spectrum"][:N_SPECTRA] if "spectrum" in train else None
    return reference.fit_reference(
        model,
        survey.labels,
        spectra,
        batches.fixed_batches(train, survey, BATCH, TRAIN_SEED),
        batches.fixed_batches(valid, survey, BATCH, VALID_SEED),
        excluded=emission_lines.window_mask(survey.instrument.wave),
        spec=spec,
    )
