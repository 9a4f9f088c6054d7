"""Ask a model about mock observations, keeping per galaxy only what the metrics need.

Samples of the posterior (256 a galaxy) are boiled down batch by batch: 8000 galaxies need
100 MB instead of 3 GB.
"""

import time
from dataclasses import dataclass, field

import numpy as np

from phangs_sfh.evaluation import calibration, metrics
from phangs_sfh.evaluation.mocks import GROUPS, to_vector

BATCH = 512


@dataclass
class Answers:
    """What a model says of the mocks under one set of observing conditions.

    Attributes
    ----------
    conditions : library.observing.ObservingConditions
    columns : dict of result-table columns, (n,) or (n, 16)
    probability : (n, 38) array, posterior's cumulative probability at the truth
    tarp : dict of (n,) arrays, by group of ``mocks.GROUPS``
    young : (n, 3) array, 16, 50 and 84 % of the mass fraction under 10 Myr
    sn : (n,) array, median S/N per pixel as observed; NaN without a spectrum
    band_present : (n, n_bands) bool array
    seconds, seconds_posterior : float, time in the two signatures
    """

    conditions: object
    columns: dict
    probability: np.ndarray
    tarp: dict
    young: np.ndarray
    sn: np.ndarray
    band_present: np.ndarray
    seconds: float = field(default=0.0)
    seconds_posterior: float = field(default=0.0)

    def __len__(self):
        return len(self.sn)


def observe_in_batches(mocks, instrument, conditions, seed, size=BATCH):
    """Observe all mocks, ``size`` at a time.

    Yields
    ------
    rows : slice
    inputs : dict of the four input arrays
    """
    from phangs_sfh.library import observing

    for number, start in enumerate(range(0, len(mocks), size)):
        rows = slice(start, min(start + size, len(mocks)))
        noiseless = {"spectrum": mocks.spectrum[rows], "bands": mocks.bands[rows]}
        inputs = observing.observe(noiseless, instrument, conditions, (seed, number))
        yield rows, inputs


def ask(signatures, mocks, instrument, conditions, seed, progress=None):
    """Observe the mocks and ask the model about each.

    Parameters
    ----------
    signatures : dict of callables ``serving_default`` and ``posterior``, each taking the four
        inputs by name and returning a dict of tensors
    mocks : mocks.Mocks
    instrument : instrument.Instrument
    conditions : library.observing.ObservingConditions
    seed : int; the same seed gives the same noise, also with other bands missing
    progress : callable given the number of galaxies done

    Returns
    -------
    answers : Answers
    """
    rng = np.random.default_rng(seed)
    references = rng.permutation(len(mocks))
    scale = mocks.vector.std(axis=0) + 1e-9
    parts, seconds = [], np.zeros(2)
    for rows, inputs in observe_in_batches(mocks, instrument, conditions, seed):
        start = time.perf_counter()
        columns = _numpy(signatures["serving_default"](**inputs))
        middle = time.perf_counter()
        samples = _numpy(signatures["posterior"](**inputs))
        seconds += middle - start, time.perf_counter() - middle
        truth, reference = mocks.vector[rows], mocks.vector[references[rows]]
        part = {f"column {name}": values for name, values in columns.items()}
        part |= _boil_down(samples, truth, reference, scale, rng)
        parts.append(part | _observed(_numpy(inputs)))
        if progress is not None:
            progress(len(truth))
    merged = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Answers(
        conditions=conditions,
        columns=_with_prefix(merged, "column "),
        probability=merged["probability"],
        tarp=_with_prefix(merged, "tarp "),
        young=merged["young"],
        sn=merged["sn"],
        band_present=merged["band_present"],
        seconds=float(seconds[0]),
        seconds_posterior=float(seconds[1]),
    )


def _boil_down(samples, truth, reference, scale, rng):
    vector = to_vector(samples, samples["sfh"])
    part = {"probability": calibration.cumulative_at_truth(vector, truth, rng)}
    for name, group in GROUPS.items():
        scaled = [x[..., group] / scale[group] for x in (vector, truth, reference)]
        part[f"tarp {name}"] = calibration.tarp_fractions(*scaled, rng)
    young = metrics.young_fraction(samples["sfh"])
    part["young"] = np.quantile(young, [0.16, 0.5, 0.84], axis=1).T
    return part


def _observed(inputs):
    error = inputs["flux_err"]
    with np.errstate(divide="ignore", invalid="ignore"):
        sn = np.where(error > 0, inputs["flux"] / error, np.nan)
    seen = np.any(error > 0, axis=1)
    median = np.full(len(error), np.nan)
    median[seen] = np.nanmedian(sn[seen], axis=1)
    return {"sn": median, "band_present": inputs["band_flux_err"] > 0}


def _numpy(tensors):
    return {name: np.asarray(values) for name, values in tensors.items()}


def _with_prefix(columns, prefix):
    return {k.removeprefix(prefix): v for k, v in columns.items() if k.startswith(prefix)}
