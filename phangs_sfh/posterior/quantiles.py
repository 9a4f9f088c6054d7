"""Quantiles of one-dimensional mixtures of normals, and fixed quasi-random normal points.

Everything is deterministic and row by row: the same input gives the same answer in any batch.
keras.ops only.
"""

from functools import cache

import numpy as np
from keras import ops
from scipy.special import ndtri

PERCENTILES = {"p16": 0.16, "p50": 0.50, "p84": 0.84}
N_BISECTIONS = 7
_PROBABILITIES = tuple(PERCENTILES.values())


@cache
def normal_points(n_points, n_dimensions):
    """Quasi-random standard normal points with exact mean 0 and, if there are enough, covariance 1.

    A Richtmyer lattice (multiples of the square roots of the primes, modulo 1) and its mirror
    image in turn, so that any run of successive points is evenly spread too.

    Returns
    -------
    points : (n_points, n_dimensions) float32 array; ``n_points`` is even
    """
    primes = [p for p in range(2, 2000) if all(p % d for d in range(2, int(p**0.5) + 1))]
    half = n_points // 2
    steps = np.sqrt(np.array(primes[:n_dimensions], dtype=np.float64))
    uniform = np.mod((np.arange(half)[:, None] + 0.5) * steps + 0.5 / half, 1.0)
    normal = ndtri(np.clip(uniform, 0.25 / n_points, 1.0 - 0.25 / n_points))
    if half >= n_dimensions:
        covariance = normal.T @ normal / half
        normal = np.linalg.solve(np.linalg.cholesky(covariance), normal.T).T
    points = np.stack([normal, -normal], axis=1)
    return points.reshape(n_points, n_dimensions).astype(np.float32)


def mixture_quantiles(weights, mean, std, skewness, levels=None):
    """Quantiles (16, 50, 84 %) of one-dimensional mixtures of slightly skewed normals.

    Bisection between the lowest and the highest quantile of the components, which enclose the
    mixture's, then linear interpolation of the cumulative probability: no start value to fail, and
    within 0.01 sigma for 99.9 % of random mixtures. Skewness enters by the Cornish-Fisher
    expansion to first order (Cornish & Fisher 1938).

    Parameters
    ----------
    weights : (n, K) tensor, sums to 1
    mean, std : (n, K, D) tensors; std > 0
    skewness : (n, K, S) tensor, of the last S columns; those before them have none
    levels : (n, L D) tensor, optional; levels to take in place of 16, 50 and 84 %

    Returns
    -------
    quantiles : (n, L, D) tensor, L = 3 unless levels are given
    """
    n_columns, n_skewed = mean.shape[-1], skewness.shape[-1]
    if levels is None:
        levels = np.repeat(np.array([_PROBABILITIES], np.float32), n_columns)
    levels = ops.reshape(levels, (-1, levels.shape[-1] // n_columns, n_columns))
    cut = n_columns - n_skewed
    found = []
    if cut:
        found.append(_search(weights, mean[..., :cut], std[..., :cut], None, levels[..., :cut]))
    if n_skewed:
        gamma = ops.clip(skewness, -1.0, 1.0) / 6.0
        found.append(_search(weights, mean[..., cut:], std[..., cut:], gamma, levels[..., cut:]))
    return ops.concatenate(found, axis=-1)


def _search(weights, mean, std, gamma, levels):
    """Bisection for all columns and levels (n or 1, L, D) at once; gamma: skewness / 6 or None."""
    n_levels, n_columns = levels.shape[1:]
    target = ops.reshape(levels, (-1, n_levels * n_columns))
    z = ops.expand_dims(np.float32(np.sqrt(2.0)) * ops.erfinv(2.0 * target - 1.0), 1)
    mean, std = (ops.tile(x, (1, 1, n_levels)) for x in (mean, std))
    of_components = mean + std * z
    if gamma is not None:
        gamma = ops.tile(gamma, (1, 1, n_levels))
        of_components = of_components + std * gamma * (z * z - 1.0)
    low, high = ops.min(of_components, axis=1), ops.max(of_components, axis=1)
    cumulative = cumulative_of(weights, mean, std, gamma)
    below, above = ops.zeros_like(low) + (target - 0.1), ops.zeros_like(low) + (target + 0.1)
    for _ in range(N_BISECTIONS):
        middle = 0.5 * (low + high)
        value = cumulative(middle)
        rises = value < target
        low, high = ops.where(rises, middle, low), ops.where(rises, high, middle)
        below, above = ops.where(rises, value, below), ops.where(rises, above, value)
    share = ops.clip((target - below) / ops.maximum(above - below, 1e-9), 0.0, 1.0)
    return ops.reshape(low + (high - low) * share, (-1, n_levels, n_columns))


def cumulative_of(weights, mean, std, gamma=None):
    """The mixtures' cumulative probability as a function of (n, D) values."""
    inverse = 1.0 / (std * np.float32(np.sqrt(2.0)))
    offset = mean * inverse
    half_weights = ops.expand_dims(0.5 * weights, 1)
    if gamma is not None:
        gamma = gamma * np.float32(np.sqrt(2.0))

    def cumulative(t):
        x = ops.expand_dims(t, 1) * inverse - offset  # z / sqrt(2)
        if gamma is not None:
            bounded = ops.clip(x, -1.7, 1.7)  # keeps the expansion monotonic
            x = x - gamma * (bounded * bounded - 0.5)
        return 0.5 + ops.matmul(half_weights, ops.erf(x))[:, 0]

    return cumulative
