"""Are the error bars true? Coverage, simulation-based calibration, TARP and sharpness.

All rests on one number per galaxy and quantity, the posterior's cumulative probability at the
truth: the truth's rank among the samples, ``(rank + u) / (S + 1)`` with u uniform, which spreads
ties and makes the number exactly uniform if truth and samples come from one distribution (Talts et
al. 2018, arXiv:1804.06788). The truth lies inside the central interval of level L when the number
is between (1 - L) / 2 and (1 + L) / 2: no quantile has to be estimated from few samples.

Convention for empty bins. A bin without stars has no log mass fraction. As in training, the truth
is ``StickBreaking.floored`` with its fuzz, here from a fixed seed, so a posterior that says "about
1e-5" is right about an empty bin, and its interval must have the width of the fuzz.

The model's samples are the same 256 normal points for every galaxy, so their own sampling error
(about 0.03 in coverage at 68 %, 0.01 at 95 %) does not average out over galaxies. Coverage at 68 %
is therefore taken from the reported percentiles (``assess.within``), which are exact.
"""

import numpy as np
from scipy import stats

LEVELS = (0.5, 0.68, 0.9, 0.95)
N_RANK_BINS = 20


def floored_shares(labels, truth, seed):
    """True shares with the floor of training and its fuzz, from a fixed seed.

    Parameters
    ----------
    labels : Labels
    truth : dict of (n, n_bins) arrays by label

    Returns
    -------
    floored : dict of (n, n_bins) arrays, of the labels that are shares of a whole
    """
    rng = np.random.default_rng(seed)
    found = {}
    for label in labels.shares:
        shares = np.asarray(truth[label.name], dtype=np.float64)
        found[label.name] = label.transform.floored(shares, rng.standard_normal(shares.shape))
    return found


def cumulative_at_truth(samples, truth, rng):
    """Posterior's cumulative probability at the truth, from samples.

    Parameters
    ----------
    samples : (n, S, ...) array
    truth : (n, ...) array
    rng : numpy Generator, for the place within a rank and for ties

    Returns
    -------
    probability : (n, ...) array, uniform in (0, 1) if the posterior is right
    """
    below = np.sum(samples < truth[:, None], axis=1)
    ties = np.sum(samples == truth[:, None], axis=1)
    return (below + rng.random(truth.shape) * (1 + ties)) / (samples.shape[1] + 1)


def coverage(probability, levels=LEVELS):
    """Share of truths inside the central intervals.

    Parameters
    ----------
    probability : (n, ...) array from ``cumulative_at_truth``
    levels : (k,) sequence

    Returns
    -------
    share : (..., k) array
    """
    distance = np.abs(2.0 * np.asarray(probability) - 1.0)
    return np.stack([np.mean(distance < level, axis=0) for level in levels], axis=-1)


def rank_histogram(probability, n_bins=N_RANK_BINS):
    """Counts of (n,) probabilities in ``n_bins`` equal bins."""
    return np.histogram(probability, bins=n_bins, range=(0.0, 1.0))[0]


def uniformity(probability, n_bins=N_RANK_BINS):
    """Tests of simulation-based calibration: are the ranks uniform?

    With thousands of galaxies the tests see departures too small to matter, so ``ks`` (the largest
    difference of cumulative probabilities) is the number to read.

    Returns
    -------
    summary : dict with ``counts`` (list), ``ks``, ``ks_p``, ``chi2_reduced``, ``chi2_p``
    """
    counts = rank_histogram(probability, n_bins)
    ks = stats.kstest(probability, "uniform")
    chi2 = stats.chisquare(counts)
    return {
        "counts": counts.tolist(),
        "ks": float(ks.statistic),
        "ks_p": float(ks.pvalue),
        "chi2_reduced": float(chi2.statistic / (n_bins - 1)),
        "chi2_p": float(chi2.pvalue),
    }


def tarp_fractions(samples, truth, references, rng):
    """TARP: share of samples nearer to a reference point than the truth is.

    Lemos et al. 2023 (arXiv:2302.03026), algorithm 2. Distances are Euclidean: hand in quantities
    of like scale.

    Parameters
    ----------
    samples : (n, S, d) array
    truth : (n, d) array
    references : (n, d) array, one random point a galaxy, drawn without looking at its truth
    rng : numpy Generator, for the place within a rank

    Returns
    -------
    fraction : (n,) array, uniform in (0, 1) if the joint posterior is right
    """
    to_samples = np.sum((samples - references[:, None]) ** 2, axis=-1)
    to_truth = np.sum((truth - references) ** 2, axis=-1)
    return cumulative_at_truth(to_samples, to_truth, rng)


def expected_coverage(fraction, n_levels=51):
    """Curve of expected coverage against credibility level, from ``tarp_fractions``.

    Returns
    -------
    summary : dict with ``level`` and ``coverage`` (lists of ``n_levels``), ``deviation`` (largest
        difference of the two), ``area`` (mean of coverage - level over levels above one half,
        times 2: positive if too wide, negative if too narrow) and ``ks_p``
    """
    level = np.linspace(0.0, 1.0, n_levels)
    curve = np.array([np.mean(fraction <= x) for x in level])
    curve[0] = 0.0
    ks = stats.kstest(fraction, "uniform")
    upper = level >= 0.5
    return {
        "level": level.tolist(),
        "coverage": curve.tolist(),
        "deviation": float(np.max(np.abs(curve - level))),
        "area": float(2 * np.mean((curve - level)[upper])),
        "ks_p": float(ks.pvalue),
    }


def sharpness(low, high, truth):
    """Width of the 68 % intervals relative to the prior's, per column.

    Parameters
    ----------
    low, high : (n, ...) arrays, p16 and p84
    truth : (n, ...) array; its own spread over the galaxies is the prior's

    Returns
    -------
    ratio : (...) array, median width over the prior's: 1 = nothing learnt, 0 = all
    """
    prior_low, prior_high = np.quantile(truth, [0.16, 0.84], axis=0)
    return np.median(high - low, axis=0) / (prior_high - prior_low)
