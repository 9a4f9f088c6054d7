"""What a model may answer: looked at where every answer comes in, from here or from a server.

A model of another make, or a server between, may leave columns out, answer NaN, other widths or
text. None of it goes into a table.
"""

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.prediction.results import WHOLE_NUMBERS, answer_names, quantities
from phangs_sfh.problems.inputs import sizes

REMEDY = "use a model that phangs-sfh exported"
ROUNDING = 1e-3
"""Of order and of sums, relative to 1 or the value: float32, and what servers make of it."""


def check_signature(path, inputs, outputs, described, instrument):
    """Raise InputError unless a model takes and gives what it must.

    Parameters
    ----------
    path : of the model, or its address
    inputs : dict, shape of each input by name; -1 for any length
    outputs : names of its outputs
    described, instrument : what its model.json says
    """
    expected = {name: [-1, n] for name, n in sizes(described.inputs, instrument).items()}
    for name in sorted(set(expected) | set(inputs)):
        if inputs.get(name) != expected.get(name):
            raise InputError(
                f"{path}: takes '{name}' with shape {inputs.get(name)}, not {expected.get(name)} "
                f"as instrument '{instrument.name}' says; give its own description with --model"
            )
    absent = [name for name in answer_names(described.labels) if name not in outputs]
    if absent:
        raise InputError(f"{path}: answers no '{absent[0]}'; {REMEDY}")


def checked_answers(path, labels, found, n, more=()):
    """What ``serving_default`` answered, as it must be.

    Parameters
    ----------
    path : of the model, or its address
    labels : Labels
    found : dict of arrays by name
    n : int, rows asked for
    more : names of further columns, one number a row

    Returns
    -------
    answers : dict of float32 arrays, ``flag`` and ``used`` int32, of all columns of the result
        table and ``more``

    Raises
    ------
    InputError
        Names model and column: missing, of wrong shape or type, not finite, percentiles not in
        order, shares beyond 0 and 1.
    """
    shares = [label.name for label in labels.shares]
    summed = [label.older for label in labels.summed]
    means = [label.mean for label in labels.shares if label.mean]
    answers = {name: _numbers(path, found, name, (n,)) for name in more}
    for quantity in quantities(labels):
        shape = (n,) if quantity.axis is None else (n, quantity.size)
        columns = [_numbers(path, found, name, shape) for name in quantity.columns]
        answers |= zip(quantity.columns, columns, strict=True)
        if quantity.percentiles:
            _check_order(path, quantity, columns)
        if quantity.name in (*shares, *summed):
            for name, values in zip(quantity.columns, columns, strict=True):
                _check_shares(path, name, values, falling=quantity.name in summed)
        if quantity.name in means:
            _check_sum(path, quantity.name, columns[0])
    for name in WHOLE_NUMBERS:
        answers[name] = _whole(path, name, answers[name])
    return answers


def checked_draws(path, labels, found, n):
    """What ``posterior`` answered: dict of float32 arrays (n, samples, ...), else as above."""
    made = np.shape(found.get(labels.names[0]))[1:2]
    draws = {}
    for label in labels:
        draws[label.name] = _numbers(path, found, label.name, (n, *made, *label.shape))
    if made in ((), (0,)):
        _refuse(path, labels.names[0], "without samples")
    for label in labels.shares:
        _check_shares(path, label.name, draws[label.name])
        _check_sum(path, label.name, draws[label.name])
    return draws


def _refuse(path, name, what):
    raise InputError(f"{path}: answered '{name}' {what}; {REMEDY}")


def _numbers(path, found, name, shape):
    """A column as finite float32 (bit masks: as they are)."""
    if name not in found:
        raise InputError(f"{path}: answers no '{name}'; {REMEDY}")
    values = np.asarray(found[name])
    if values.shape != shape:
        rows = f"for {shape[0]} spectra"
        _refuse(path, name, f"with shape {values.shape} {rows}, not {shape}")
    if values.dtype.kind not in "iuf":
        _refuse(path, name, f"with type {values.dtype}, not numbers")
    with np.errstate(over="ignore"):
        kept = values if name in WHOLE_NUMBERS else values.astype(np.float32)
    bad = ~np.isfinite(kept)
    if bad.any():
        _refuse(path, name, f"with {values[bad][0]} in row {np.argwhere(bad)[0][0]}")
    return kept


def _whole(path, name, values):
    if (values != np.round(values)).any() or ((values < 0) | (values >= 2**31)).any():
        _refuse(path, name, "with what is no bit mask")
    return values.astype(np.int32)


def _check_order(path, quantity, columns):
    for low, high, a, b in zip(quantity.columns, quantity.columns[1:], columns, columns[1:],
                               strict=False):  # fmt: skip
        if (a - b > ROUNDING * np.maximum(1, np.abs(a))).any():
            _refuse(path, low, f"above '{high}'")


def _check_shares(path, name, values, falling=False):
    if (values < -ROUNDING).any() or (values > 1 + ROUNDING).any():
        _refuse(path, name, "with shares that are not between 0 and 1")
    if falling and (np.diff(values, axis=-1) > ROUNDING).any():
        _refuse(path, name, "with sums that do not fall from bin to bin")


def _check_sum(path, name, values):
    if (np.abs(values.sum(axis=-1, dtype=np.float64) - 1) > ROUNDING).any():
        _refuse(path, name, "with shares whose sum is not 1")
