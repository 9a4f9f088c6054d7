"""Percentiles that hold what they say, where a mixture of normals does not quite.

Histories have atoms and edges (no star older than 4 Gyr; all mass in one bin) that four normals
cannot follow, so the mixture's 16 % may be exceeded by 13 or 20 % of truths, more so among old or
among young galaxies. On the valid split the level of the mixture that 16, 50 and 84 % of truths
stay below is measured for each quantity, as a function of the estimated age, and the answer gives
the mixture's quantile at that level (Kuleshov, Fenner & Ermon 2018, made conditional). Samples are
stretched the same way, at five levels. keras.ops only, where it is part of the graph.
"""

import numpy as np
from keras import ops

N_KNOTS = 6
TAILS = (0.025, 0.16, 0.5, 0.84, 0.975)
"""Probabilities at which samples are recalibrated."""
FEWEST = 2000
"""Examples at each knot; with fewer in all nothing is recalibrated."""


def fit_levels(estimate, cumulative, probabilities):
    """Levels of the mixture at which truths are distributed as they should be.

    Parameters
    ----------
    estimate : (N,) array, estimated age of held-out examples
    cumulative : (N, D) array, the mixture's cumulative probability at their truths
    probabilities : tuple of L

    Returns
    -------
    constants : dict of ``levels_knots`` (M,), rising, and ``levels`` (M, L D); empty if there are
        too few examples
    """
    n_knots = min(N_KNOTS, len(estimate) // FEWEST)
    if n_knots < 2:
        return {}
    knots = np.quantile(estimate, (np.arange(n_knots) + 0.5) / n_knots)
    if np.min(np.diff(knots)) <= 1e-3:
        return {}
    share = _hats(np.asarray(estimate, np.float64), knots)
    levels = []
    for weight in share.T:
        rows = weight > 0
        levels.append(_weighted_quantiles(cumulative[rows], weight[rows], probabilities))
    levels = np.clip(np.stack(levels), 0.005, 0.995)
    return {
        "levels_knots": knots.astype(np.float32),
        "levels": levels.reshape(n_knots, -1).astype(np.float32),
    }


def fit_tails(estimate, cumulative):
    """``fit_levels`` at ``TAILS``, for samples; ``tails_knots`` and ``tails``, or empty."""
    found = fit_levels(estimate, cumulative, TAILS)
    return {key.replace("levels", "tails"): value for key, value in found.items()}


def tails_of(constants):
    """What ``fit_tails`` put among the constants of a model, as ``levels_at`` takes it."""
    names = ("tails_knots", "tails")
    return {n.replace("tails", "levels"): constants[n] for n in names if n in constants}


def levels_at(estimate, constants):
    """Levels for each row, (n, L D), linear between the knots; keras.ops.

    Parameters
    ----------
    estimate : (n,) tensor
    constants : dict from ``fit_levels``
    """
    knots, levels = constants["levels_knots"], constants["levels"]
    width = np.diff(knots)
    part = ops.clip((ops.expand_dims(estimate, -1) - knots[:-1]) / width, 0.0, 1.0)  # (n, M - 1)
    return levels[:1] + ops.matmul(part, np.diff(levels, axis=0))


def _hats(x, knots):
    """Share of each knot in linear interpolation, (N, M)."""
    identity = np.eye(len(knots))
    return np.stack([np.interp(x, knots, row) for row in identity], axis=-1)


def _weighted_quantiles(values, weight, probabilities):
    """(L, D) quantiles of the columns of (N, D) values."""
    order = np.argsort(values, axis=0)
    ordered = np.take_along_axis(values, order, axis=0)
    reached = np.cumsum(weight[order], axis=0)
    reached = (reached - 0.5 * weight[order]) / reached[-1]
    columns = zip(reached.T, ordered.T, strict=True)
    return np.stack([np.interp(probabilities, at, value) for at, value in columns], axis=-1)
