"""From observations on the model's grid to its answers, in batches.

The SavedModel is run as it would be served, so a served answer and a predicted one are the same.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.prediction.model_folder import check_instrument
from phangs_sfh.prediction.results import result_table
from phangs_sfh.problems.inputs import sizes

MIN_BATCH = 32
N_DRAWS = 256
"""Samples of the posterior that the signature ``posterior`` gives of every row."""


def predict(observations, model, batch_size=256, progress=None):
    """Answer every row.

    Rows go through the model in batches filled up with empty rows to a few fixed sizes. No row's
    answer depends on another's, nor, but for rounding, on the batch.

    Parameters
    ----------
    observations : Observations
    model : Model, or RemoteModel
    batch_size : int
    progress : callable, given how many more rows are done

    Returns
    -------
    table : QTable, see ``results``

    Raises
    ------
    InputError
        If the model is for another instrument.
    """
    answers = collected(model.answer, observations, model, batch_size, progress)
    answers["flag"] = answers["flag"] | observations.flags
    return result_table(answers, model.asked_info)


def sample(observations, model, n=None, seed=0, batch_size=256, progress=None):
    """Draw from the posterior of every row.

    Parameters
    ----------
    observations : Observations
    model : Model, or RemoteModel
    n : int, samples of each row; default: all that the model draws, 256
    seed : int, which of the model's samples are taken, in which order; the same for all rows
    batch_size, progress : as for ``predict``

    Returns
    -------
    draws : dict of float32 arrays, (rows, n, 16) where per bin, else (rows, n); NaN in rows without
        data

    Raises
    ------
    InputError
        If n is out of range, or the model is for another instrument or draws fewer.
    """
    if n is not None and not 1 <= n <= N_DRAWS:
        raise InputError(
            f"{model.path}: n is {n}, the model draws 1 to {N_DRAWS} samples of a row; for more: "
            "Model.posterior(data).sample(n)"
        )

    def some(**inputs):
        found = model.draw(**inputs)
        made = min(values.shape[1] for values in found.values())
        if n is not None and n > made:
            raise InputError(f"{model.path}: draws only {made} samples of a row; ask for no more")
        chosen = np.random.default_rng(seed).permutation(made)[:n]
        return {name: values[:, chosen] for name, values in found.items()}

    draws = collected(some, observations, model, batch_size, progress)
    given, kinds = observations.inputs(), model.described.inputs
    errors = np.concatenate([given[one.error] for one in kinds], axis=1)
    empty = ~(errors > 0).any(axis=1)
    for values in draws.values():
        values[empty] = np.nan
    return draws


def add_samples(table, draws):
    """Put samples beside the percentiles: vector columns ``NAME_samples``.

    Parameters
    ----------
    table : QTable from ``predict``, changed in place
    draws : dict from ``sample``, of the same rows
    """
    for name, values in draws.items():
        like = table[f"{name}_p50"]
        unit = getattr(like, "unit", None)
        table[f"{name}_samples"] = values if unit is None else type(like)(values, unit)
        table[f"{name}_samples"].info.format = like.info.format
        table[
            f"{name}_samples"
        ].info.description = (
            "samples of the joint posterior: the i-th of all columns belong together"
        )


def collected(ask, observations, model, batch_size, progress=None):
    """What ``ask`` says of all rows, asked batch by batch.

    Parameters
    ----------
    ask : callable, given the four inputs by name, returns a dict of arrays, one row each
    observations, model, batch_size, progress : as for ``predict``

    Returns
    -------
    answers : dict of arrays, one row for each of the observations
    """
    check_instrument(model.path, model.instrument, observations.instrument)
    n = len(observations)
    given = observations.inputs()
    inputs = {name: given[name] for name in sizes(model.described.inputs, model.instrument)}
    answers = {}
    batches = [slice(start, min(start + batch_size, n)) for start in range(0, n, batch_size)]
    found = _answered(ask, inputs, batches, batch_size, model.in_flight)
    for rows, part in zip(batches, found, strict=True):
        count = rows.stop - rows.start
        for name, value in part.items():
            if name not in answers:
                answers[name] = np.empty((n, *value.shape[1:]), value.dtype)
            answers[name][rows] = value[:count]
        if progress is not None:
            progress(count)
    return answers


def _answered(ask, inputs, batches, batch_size, in_flight):
    """Answers to slices of the inputs, in order; several at once if the model is on a server."""

    def answer(rows):
        size = _batch_shape(rows.stop - rows.start, batch_size)
        return ask(**{name: _filled_up(value[rows], size) for name, value in inputs.items()})

    if in_flight == 1:
        yield from map(answer, batches)
        return
    with ThreadPoolExecutor(in_flight) as pool:
        yield from pool.map(answer, batches)


def _batch_shape(count, batch_size):
    """Rows to run ``count`` rows with: the next power of two, so that few shapes are ever met."""
    return min(batch_size, max(MIN_BATCH, 1 << (count - 1).bit_length()))


def _filled_up(rows, size):
    """Rows with zeros, which mean missing, added to ``size`` rows."""
    if len(rows) == size:
        return rows
    return np.concatenate([rows, np.zeros((size - len(rows), *rows.shape[1:]), rows.dtype)])
