"""What the network predicts: layout of the target vector and its map to physical quantities.

The target ``y`` of one galaxy has 37 components::

    y[0:6]    mw_logage, lw_logage [log10 yr], mw_mh, lw_mh [dex], logml [dex], av (stretched)
    y[6:21]   log-ratios of the mass fractions, young to old (stick-breaking, see below)
    y[21:37]  [M/H] in the 16 bins [dex]

The log-ratio of bin i is ln(f_i / (f_{i+1} + ... + f_16)), natural logarithm: the log-odds that a
star no younger than bin i belongs to bin i. Any 15 real numbers are a valid history, and a young
fraction hangs on the ratios of its own and younger bins alone. Scalars and young bins come first
so that the marginal density of both is the leading block of a lower-triangular scale matrix.
"""

import numpy as np
from keras import ops

from phangs_sfh.galaxy import ages

SCALARS = ["mw_logage", "lw_logage", "mw_mh", "lw_mh", "logml", "av"]
N_SCALARS = len(SCALARS)
N_RATIOS = ages.N_BINS - 1
N_TARGETS = N_SCALARS + N_RATIOS + ages.N_BINS

SCALAR_SLICE = slice(0, N_SCALARS)
RATIO_SLICE = slice(N_SCALARS, N_SCALARS + N_RATIOS)
MH_SLICE = slice(N_SCALARS + N_RATIOS, N_TARGETS)

FRACTION_FLOOR = 1e-5
"""Mass fraction added to every bin before the logarithm. Empty bins have none otherwise."""

FLOOR_SPREAD = 0.5
"""Scatter of the floor's natural logarithm from one draw to the next."""


AV_SOFTNESS = 0.2
"""A_V [mag] below which its target is about logarithmic; it is linear well above."""

SMALLEST_AV = 1e-3


def av_to_target(av):
    """A_V [mag] on a scale without an edge at 0, where a normal density could not end; keras.ops.

    The inverse of ``av_from_target``; A_V below 1e-3 mag counts as that.
    """
    x = ops.maximum(av, SMALLEST_AV) / AV_SOFTNESS
    return x + ops.log(-ops.expm1(-x))  # ln(e^x - 1)


def av_from_target(target):
    """A_V [mag], 0.2 softplus(target): positive; keras.ops."""
    return AV_SOFTNESS * ops.softplus(target)


def log_ratios(fractions):
    """Log-ratios of mass fractions.

    Parameters
    ----------
    fractions : (..., 16) array, positive; need not be normalised

    Returns
    -------
    ratios : (..., 15) array
    """
    fractions = np.asarray(fractions, dtype=np.float64)
    older = np.cumsum(fractions[..., ::-1], axis=-1)[..., ::-1]
    return np.log(fractions[..., :-1]) - np.log(older[..., 1:])


def log_fractions(ratios):
    """Natural logarithm of the mass fractions, the inverse of ``log_ratios``; keras.ops.

    Parameters
    ----------
    ratios : (..., 15) tensor

    Returns
    -------
    log_fractions : (..., 16) tensor; the exponentials sum to 1
    """
    log_taken = ops.log_sigmoid(ratios)
    log_left = ops.cumsum(log_taken - ratios, axis=-1)  # log(1 - σ(x)) = log σ(x) - x
    zero = ops.zeros_like(ratios[..., :1])
    before = ops.concatenate([zero, log_left], axis=-1)
    taken = ops.concatenate([log_taken, zero], axis=-1)
    return before + taken


def floored(fractions, noise=None):
    """Add the floor to every bin.

    ``noise``, standard normal of the same shape, spreads the floor by e**(FLOOR_SPREAD · noise):
    without a spread every empty bin has the same label and a density could grow without bound
    there. Fractions well above the floor are not changed by it.
    """
    floor = FRACTION_FLOOR if noise is None else FRACTION_FLOOR * np.exp(FLOOR_SPREAD * noise)
    total = fractions + floor
    return total / total.sum(axis=-1, keepdims=True)
