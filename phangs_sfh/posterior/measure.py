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


def measure_reference(model, galaxies, instrument, conditions, spec=None):
    """Constants behind surprise and prior of a trained network.

    Parameters
    ----------
    model : keras.Model, trained
    galaxies : dict with splits ``train`` and ``valid``, each a dict of arrays from records.load
    instrument : Instrument
    conditions : ObservingConditions of the training
    spec : PosteriorSpec, optional; with it percentiles are recalibrated

    Returns
    -------
    constants : dict of arrays for ``reference.save_reference``

    Raises
    ------
    InputError
        If a split is empty.
    """
    train = {key: value[:N_TRAIN] for key, value in galaxies["train"].items()}
    times = int(np.clip(N_VALID // max(1, len(galaxies["valid"]["sfh"])), 1, MOST_TIMES))
    valid = {key: np.concatenate([value] * times) for key, value in galaxies["valid"].items()}
    return reference.fit_reference(
        model,
        train["spectrum"][:N_SPECTRA],
        batches.fixed_batches(train, instrument, conditions, BATCH, TRAIN_SEED),
        batches.fixed_batches(valid, instrument, conditions, BATCH, VALID_SEED),
        excluded=emission_lines.window_mask(instrument.wave),
        spec=spec,
    )
