"""Measure the training set as the network sees it: at the end of a run, or before an export."""

from phangs_sfh import emission_lines, pipeline
from phangs_sfh.network import reference

N_SPECTRA = 6000  # for the space of noiseless spectra
N_TRAIN = 20_000
N_VALID = 40_000  # observations, a galaxy seen anew as often as it takes
BATCH = 512
TRAIN_SEED = 1_000_081


def measure_reference(model, galaxies, instrument, conditions):
    """Constants behind surprise and prior of a trained network.

    Parameters
    ----------
    model : keras.Model, trained
    galaxies : dict with splits ``train`` and ``valid``, each a dict of arrays from records.load
    instrument : Instrument
    conditions : ObservingConditions of the training

    Returns
    -------
    constants : dict of arrays for ``reference.save_reference``

    Raises
    ------
    InputError
        If a split is empty.
    """
    train = {key: value[:N_TRAIN] for key, value in galaxies["train"].items()}
    valid = galaxies["valid"]
    repeats = max(1, round(N_VALID / max(1, len(valid["sfh"]))))

    def observed_valid():
        for i in range(min(repeats, 8)):
            seed = pipeline.VALID_SEED + 1 + i
            yield from pipeline.fixed_batches(valid, instrument, conditions, BATCH, seed)

    return reference.fit_reference(
        model,
        train["spectrum"][:N_SPECTRA],
        pipeline.fixed_batches(train, instrument, conditions, BATCH, TRAIN_SEED),
        observed_valid(),
        excluded=emission_lines.window_mask(instrument.wave),
    )
