"""What the mixture says of each single number: marginals, percentiles, cumulative probabilities.

Targets of ``plain`` labels are components of the mixture, so their marginal is a one-dimensional
mixture of normals and its quantiles are exact; so are those of the label, an increasing function.
A share of a whole is not: it hangs on the log-ratios of all earlier shares. Within one component of
the mixture its logit is nearly normal, so mean, standard deviation and skewness of the logit are
measured on 48 fixed quasi-random points and the quantiles are those of the mixture of these
(slightly skewed) normals. On mixtures drawn at random that is within 0.016 sigma of 10^5 samples on
average, nearer than sorting 512 quasi-random samples and several times faster
(tests/posterior/test_marginals.py, studies/cost).

Columns are in the order of ``Labels.plain``, then ``Labels.shares``, then of ``Labels.summed``
what is left after each share, but for the first bin's (all) and the last's (the last share). These
come out of the same points. keras.ops only.
"""

import numpy as np
from keras import ops

from phangs_sfh.posterior import recalibration
from phangs_sfh.posterior.quantiles import (
    PERCENTILES,
    cumulative_of,
    mixture_quantiles,
    normal_points,
)
from phangs_sfh.problems.transforms import LARGEST_SHARE, SMALLEST_SHARE

N_MOMENT_POINTS = 48
MAX_LOG_ODDS = 60.0


def share_moments(loc, unit, sigma, start, cut, summed=True):
    """Moments of the logit of shares within every component.

    With odds e_i = exp(ratio i), what is left after share i is R_i = prod_{j <= i} 1 / (1 + e_j),
    and f_i = e_i R_i, the last R itself: ``StickBreaking.log_shares`` without its logarithms. Share
    by share, so that a batch of 1024 stays in the processor's cache.

    Parameters
    ----------
    loc : (n, K, m) tensor, mean log-ratios
    unit : (n, K or 1, cut, cut) tensor, lower triangular
    sigma : (n, K, cut) tensor; the leading targets are normal with scale matrix
        ``unit @ diag(sigma)``
    start : int, target that the first log-ratio is
    cut : int, see ``Labels.cut``
    summed : bool, whether what is left after the shares is asked too

    Returns
    -------
    mean, std, skewness : (n, K, 2 m) tensors: of the m + 1 shares, then of what is left after each
        of the first m - 1; without ``summed`` (n, K, m + 1)
    shares : (n, K, m + 1) tensor, mean of the shares themselves
    """
    points = normal_points(N_MOMENT_POINTS, cut).T
    n_ratios = loc.shape[-1]
    left, moments, rest, averages = 1.0, [], [], []
    average = ops.convert_to_tensor(_AVERAGE)  # once: each use of an array is stored in the graph
    for i in range(n_ratios):
        at, width = start + i, start + i + 1
        row = unit[:, :, at, :width] * sigma[..., :width]
        ratio = ops.matmul(ops.reshape(row, (-1, width)), np.ascontiguousarray(points[:width]))
        ratio = ratio + ops.reshape(loc[..., i], (-1, 1))
        odds = ops.exp(ops.minimum(ratio, MAX_LOG_ODDS))
        left = left * ops.reciprocal(1.0 + odds)
        moments.append(_logit_moments(odds * left, average))
        averages.append(ops.matmul(odds * left, average))
        if summed and i < n_ratios - 1:
            rest.append(_logit_moments(left, average))
    moments.append(_logit_moments(left, average))
    averages.append(ops.matmul(left, average))

    def joined(parts):
        return ops.reshape(ops.concatenate(parts, axis=-1), (-1, loc.shape[1], len(parts)))

    mean, variance, third = (joined(parts) for parts in zip(*moments, *rest, strict=True))
    std = ops.sqrt(variance) + 1e-6
    return mean, std, third / (std * std * std), joined(averages)


_AVERAGE = np.full((N_MOMENT_POINTS, 1), 1.0 / N_MOMENT_POINTS, np.float32)


def _logit_moments(share, average):
    """Mean, second and third central moment of the logit over the points, each (m, 1)."""
    share = ops.maximum(share, 1e-30)
    logit = ops.log(share / ops.maximum(1.0 - share, 1e-6))
    mean = ops.matmul(logit, average)
    residual = logit - mean
    square = residual * residual
    return mean, ops.matmul(square, average), ops.matmul(square * residual, average)


def quantiles(labels, logits, loc, scale_tril):
    """Percentiles of all labels.

    Parameters
    ----------
    labels : Labels
    logits, loc, scale_tril : tensors, from ``PosteriorSpec.mixture`` or a ``FusedHead``

    Returns
    -------
    columns : dict, see ``marginal_quantiles``
    """
    return marginal_quantiles(labels, logits, loc, *parts_of(labels, scale_tril))


def parts_of(labels, scale_tril):
    """Standard deviations, and the scale matrix of the first ``cut`` targets in two factors."""
    std = ops.sqrt(ops.sum(ops.square(scale_tril), axis=-1))
    cut = labels.cut
    return std, scale_tril[..., :cut, :cut], ops.ones_like(std[..., :cut])


def marginal_quantiles(labels, logits, loc, std, unit, sigma, calibration=None):
    """``quantiles`` from no more of the mixture than they hang on.

    Parameters
    ----------
    labels : Labels
    logits, loc : (n, K), (n, K, T) tensors
    std : (n, K, T) tensor, standard deviations of the targets
    unit, sigma : tensors, the scale matrix of the first ``cut`` targets, see ``share_moments``
    calibration : dict from ``recalibration.fit_levels``, optional

    Returns
    -------
    columns : dict of float32 tensors, ``NAME_p16``, ``NAME_p50`` and ``NAME_p84`` of every label
        and of what is left of shares, (n,) or (n, n_bins); and means, where labels ask for them.
        Never decreasing from p16 to p84; shares within (0, 1).
    """
    found, shares = marginals(labels, logits, loc, std, unit, sigma)
    weights, means = found[:2]
    levels = None
    if calibration:
        levels = recalibration.levels_at(estimate(weights, means), calibration)
    values = mixture_quantiles(*found, levels)
    columns, value = {}, None
    for row, percentile in enumerate(PERCENTILES):
        # Levels that are recalibrated each for itself may cross in rows unlike all others.
        value = values[:, row] if row == 0 else ops.maximum(value, values[:, row])
        named = named_columns(labels, value, ops.sigmoid)
        columns |= {f"{name}_{percentile}": column for name, column in named.items()}
    return columns | _means(labels, weights, loc, shares)


def _means(labels, weights, loc, shares):
    """Posterior means by column, of the mixture: of shares (they sum to 1) and of what is its own
    target."""
    columns = {}
    for label in labels.averaged:
        of_components = shares.get(label.name, loc[..., labels.slices[label.name]])
        mean = ops.sum(weights[..., None] * of_components, axis=1)
        if not label.transform.elementwise:
            mean = mean / ops.sum(mean, axis=-1, keepdims=True)
        columns[label.mean] = mean if label.axis is not None else mean[..., 0]
    return columns


def marginals(labels, logits, loc, std, unit, sigma, summed=True):
    """One-dimensional mixtures of plain targets, and of the logits of shares and their sums.

    Without ``summed`` those of the sums are left out, and not worked out either.

    Returns
    -------
    mixtures : weights (n, K); mean, std (n, K, D); skewness (n, K, D - n_plain), of the others
    shares : dict of (n, K, n_bins) tensors, mean shares in each component
    """
    plain = [labels.slices[label.name] for label in labels.plain]
    first = [loc[..., s] for s in plain], [std[..., s] for s in plain], [loc[..., :0]]
    averages, own, sums = {}, [], []
    for label in labels.shares:
        place, asked = labels.slices[label.name], summed and bool(label.older)
        *moments, averages[label.name] = share_moments(
            loc[..., place], unit, sigma, place.start, labels.cut, asked
        )
        own.append([found[..., : label.size] for found in moments])
        if asked:
            sums.append([found[..., label.size :] for found in moments])
    joined = (
        ops.concatenate([*plain_parts, *(found[i] for found in (*own, *sums))], axis=-1)
        for i, plain_parts in enumerate(first)
    )
    return (ops.softmax(logits, axis=-1), *joined), averages


def estimate(weights, means):
    """Mean of the first label's target, (n,): what recalibration goes by."""
    return ops.sum(weights * means[..., 0], axis=-1)


def cumulative_at(labels, y, logits, loc, scale_tril):
    """Cumulative probability of each marginal at given targets, and the first label's estimate.

    Parameters
    ----------
    labels : Labels
    y : (n, T) tensor
    logits, loc, scale_tril : tensors, from ``PosteriorSpec.mixture``

    Returns
    -------
    estimate : (n,) tensor; cumulative : (n, D) tensor
    """
    found, _ = marginals(labels, logits, loc, *parts_of(labels, scale_tril))
    weights, mean, std, skewness = found
    gamma = None
    if labels.shares:
        gamma = ops.clip(skewness, -1.0, 1.0) / 6.0
        gamma = ops.pad(gamma, [[0, 0], [0, 0], [labels.n_plain, 0]])
    cumulative = cumulative_of(weights, mean, std, gamma)
    return estimate(weights, mean), cumulative(marginal_values(labels, y, logit))


def marginal_values(labels, y, of_log_share=lambda log_share: log_share, summed=True):
    """Targets (..., T) in the coordinates of the marginals, (..., D), or without ``summed``.

    ``of_log_share`` is applied to the logarithm of shares: ``logit``, or nothing.
    """
    parts = [labels.plain_targets(y)] if labels.plain else []
    for label in labels.shares:
        parts.append(of_log_share(label.transform.log_shares(y[..., labels.slices[label.name]])))
    for label in labels.summed if summed else ():
        left = label.transform.log_left(y[..., labels.slices[label.name]])
        parts.append(of_log_share(left[..., :-1]))
    return ops.concatenate(parts, axis=-1)


def logit(log_share):
    """ln(f / (1 - f)) of ln f."""
    return log_share - ops.log(ops.maximum(-ops.expm1(log_share), 1e-6))


def named_columns(labels, values, share):
    """Labels by name from (..., D) marginal values; ``share`` makes shares of their columns."""
    columns, start = {}, 0
    for label in [*labels.plain, *labels.shares]:
        value = values[..., start : start + label.size]
        start += label.size
        if label.transform.elementwise:
            value = label.transform.from_target(value)
        else:
            value = ops.clip(share(value), SMALLEST_SHARE, LARGEST_SHARE)
        columns[label.name] = value if label.axis is not None else value[..., 0]
    for label in labels.summed if start < values.shape[-1] else ():
        left = share(values[..., start : start + label.size - 2])
        start += label.size - 2
        ends = ops.ones_like(columns[label.name][..., :1]), columns[label.name][..., -1:]
        columns[label.older] = _falling(ops.concatenate([ends[0], left, ends[1]], axis=-1))
    return columns


def _falling(values):
    """The least of each value and those before it, (..., n): what is left only falls."""
    n = values.shape[-1]
    later = np.triu(np.full((n, n), np.inf, np.float32), 1)
    return ops.min(values[..., None, :] + later, axis=-1)
