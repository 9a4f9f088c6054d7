"""Ask a model about mock observations, keeping per object only what the metrics need.

Samples of the posterior (256 an object) are boiled down batch by batch: 8000 galaxies need
100 MB instead of 3 GB.
"""

import time
from dataclasses import dataclass, field

import numpy as np

from phangs_sfh.evaluation import calibration
from phangs_sfh.evaluation.extras import Extra
from phangs_sfh.evaluation.mocks import joint_groups, to_vector
from phangs_sfh.problems.inputs import Bands, Spectrum

BATCH = 512


@dataclass
class Answers:
    """What a model says of the mocks under one set of observing conditions.

    Attributes
    ----------
    conditions : library.observing.ObservingConditions
    columns : dict of result-table columns, (n,) or (n, n_bins)
    probability : (n, D) array, posterior's cumulative probability at the truth
    tarp : dict of (n,) arrays, by group of ``mocks.joint_groups``
    kept : dict of (n, ...) arrays, what the problem's extra keeps of the samples
    sn : (n,) array, median S/N per pixel as observed; NaN without a spectrum
    band_present : (n, n_bands) bool array
    seconds, seconds_posterior : float, time in the two signatures
    """

    conditions: object
    columns: dict
    probability: np.ndarray
    tarp: dict
    kept: dict
    sn: np.ndarray
    band_present: np.ndarray
    seconds: float = field(default=0.0)
    seconds_posterior: float = field(default=0.0)

    def __len__(self):
        return len(self.sn)


def observe_in_batches(mocks, survey, seed, size=BATCH):
    """Observe all mocks, ``size`` at a time.

    Yields
    ------
    rows : slice
    inputs : dict of the network's input arrays
    """
    for number, start in enumerate(range(0, len(mocks), size)):
        rows = slice(start, min(start + size, len(mocks)))
        yield rows, survey.observe(mocks.noiseless(rows), (seed, number))


def ask(signatures, mocks, survey, seed, progress=None, extra=None):
    """Observe the mocks and ask the model about each.

    Parameters
    ----------
    signatures : dict of callables ``serving_default`` and ``posterior``, each taking the problem's
        inputs by name and returning a dict of tensors
    mocks : mocks.Mocks
    survey : library.survey.Survey
    seed : int; the same seed gives the same noise, also with other bands missing
    progress : callable given the number of objects done
    extra : extras.Extra of the problem, optional

    Returns
    -------
    answers : Answers
    """
    extra = extra or Extra()
    rng = np.random.default_rng(seed)
    references = rng.permutation(len(mocks))
    scale = mocks.vector.std(axis=0) + 1e-9
    parts, seconds = [], np.zeros(2)
    for rows, inputs in observe_in_batches(mocks, survey, seed):
        start = time.perf_counter()
        columns = _numpy(signatures["serving_default"](**inputs))
        middle = time.perf_counter()
        samples = _numpy(signatures["posterior"](**inputs))
        seconds += middle - start, time.perf_counter() - middle
        truth, reference = mocks.vector[rows], mocks.vector[references[rows]]
        part = {f"column {name}": values for name, values in columns.items()}
        part |= _boil_down(mocks.labels, samples, truth, reference, scale, rng)
        part |= {f"kept {name}": values for name, values in extra.keep(samples).items()}
        parts.append(part | _observed(_numpy(inputs)))
        if progress is not None:
            progress(len(truth))
    merged = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Answers(
        conditions=survey.conditions,
        columns=_with_prefix(merged, "column "),
        probability=merged["probability"],
        tarp=_with_prefix(merged, "tarp "),
        kept=_with_prefix(merged, "kept "),
        sn=merged["sn"],
        band_present=merged["band_present"],
        seconds=float(seconds[0]),
        seconds_posterior=float(seconds[1]),
    )


def _boil_down(labels, samples, truth, reference, scale, rng):
    vector = to_vector(labels, samples)
    part = {"probability": calibration.cumulative_at_truth(vector, truth, rng)}
    for name, columns in joint_groups(labels).items():
        scaled = [np.take(x, columns, axis=-1) / scale[columns] for x in (vector, truth, reference)]
        part[f"tarp {name}"] = calibration.tarp_fractions(*scaled, rng)
    return part


def _observed(inputs):
    """Median S/N per pixel and which bands there are, as far as the inputs are such."""
    n = len(next(iter(inputs.values())))
    median, present = np.full(n, np.nan), np.zeros((n, 0), bool)
    if Spectrum.error in inputs:
        error = inputs[Spectrum.error]
        with np.errstate(divide="ignore", invalid="ignore"):
            sn = np.where(error > 0, inputs[Spectrum.value] / error, np.nan)
        seen = np.any(error > 0, axis=1)
        median[seen] = np.nanmedian(sn[seen], axis=1)
    if Bands.error in inputs:
        present = inputs[Bands.error] > 0
    return {"sn": median, "band_present": present}


def _numpy(tensors):
    return {name: np.asarray(values) for name, values in tensors.items()}


def _with_prefix(columns, prefix):
    return {k.removeprefix(prefix): v for k, v in columns.items() if k.startswith(prefix)}
