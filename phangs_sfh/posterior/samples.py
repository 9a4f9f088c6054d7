"""Joint samples of the posterior, inside the graph: always the same ones for the same mixture."""

import numpy as np
from keras import ops

from phangs_sfh.posterior import recalibration
from phangs_sfh.posterior.marginals import (
    estimate,
    logit,
    marginal_values,
    marginals,
    named_columns,
    parts_of,
)
from phangs_sfh.posterior.quantiles import mixture_quantiles, normal_points

N_SAMPLES = 256


def samples(labels, logits, loc, scale_tril, n_samples=N_SAMPLES, tails=None):
    """Equal-weight joint samples.

    Each component gets its share of fixed quasi-random normals (stratified choice by cumulative
    weight), so samples of one component are neighbours: shuffle before thinning.

    Parameters
    ----------
    labels : Labels
    logits, loc, scale_tril : tensors, from ``PosteriorSpec.mixture`` or a ``FusedHead``
    n_samples : int, even
    tails : dict from ``recalibration.tails_of``, optional; each quantity's distribution is then
        stretched to hold what it says, ranks and so correlations kept, and shares are brought
        back to a sum of 1

    Returns
    -------
    columns : dict of float32 tensors by label, (n, S) or (n, S, n_bins)
    """
    points = ops.convert_to_tensor(normal_points(n_samples, labels.n_targets))
    strata = (np.arange(n_samples, dtype=np.float32) + 0.5) / n_samples
    reached = ops.cumsum(ops.softmax(logits, axis=-1), axis=-1)
    y = None
    for k in range(loc.shape[1]):
        drawn = loc[:, k, None] + ops.matmul(points, ops.swapaxes(scale_tril[:, k], -1, -2))
        beyond = ops.expand_dims(reached[:, k - 1, None] < strata, -1)
        y = drawn if k == 0 else ops.where(beyond, drawn, y)
    if not tails:
        return named_columns(labels, marginal_values(labels, y, summed=False), ops.exp)
    values = marginal_values(labels, y, logit, summed=False)
    found, _ = marginals(labels, logits, loc, *parts_of(labels, scale_tril), summed=False)
    values = _stretched(values, found, tails)
    return named_columns(labels, _whole(labels, values), ops.exp)


def _whole(labels, values):
    """Logits of shares, in the last columns, to logarithms of shares that sum to 1."""
    parts, start = [values[..., : labels.n_plain]], labels.n_plain
    for label in labels.shares:
        share = ops.sigmoid(values[..., start : start + label.size])
        start += label.size
        parts.append(ops.log(share / ops.sum(share, axis=-1, keepdims=True)))
    return ops.concatenate(parts, axis=-1)


def _stretched(values, marginals, tails):
    """Samples (n, S, D) moved so that their quantiles are the recalibrated ones.

    Linear between the quantiles of ``recalibration.TAILS``, shifted as a whole beyond them.
    """
    weights, mean, std, skewness = marginals
    n_columns = mean.shape[-1]
    plain = np.repeat(np.float32(recalibration.TAILS), n_columns)
    plain = ops.zeros_like(weights[:, :1]) + plain
    levels = recalibration.levels_at(estimate(weights, mean), tails)
    old = mixture_quantiles(weights, mean, std, skewness, plain)
    new = mixture_quantiles(weights, mean, std, skewness, levels)
    moved = new[:, :1] + ops.minimum(values - old[:, :1], 0.0)
    for i in range(len(recalibration.TAILS) - 1):
        width = ops.maximum(old[:, i + 1 : i + 2] - old[:, i : i + 1], 1e-6)
        step = ops.maximum(new[:, i + 1 : i + 2] - new[:, i : i + 1], 0.0)
        moved = moved + step * ops.clip((values - old[:, i : i + 1]) / width, 0.0, 1.0)
    return moved + ops.maximum(values - old[:, -1:], 0.0)
