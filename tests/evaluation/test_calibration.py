"""Calibration diagnostics on posteriors that are known to be right, too narrow, wide or biased."""

import numpy as np
import pytest

from phangs_sfh.evaluation import calibration
from phangs_sfh.problems.histories.labels import LABELS, SFH

N, S, D = 4000, 200, 4
SIGMA = 0.5


def case(width=1.0, shift=0.0, seed=0):
    """Normal prior, normal data: exact posterior, widened and shifted (in its sigma)."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal((N, D))
    data = truth + SIGMA * rng.standard_normal((N, D))
    sigma = SIGMA / np.sqrt(1 + SIGMA**2)
    mean = data / (1 + SIGMA**2)
    noise = rng.standard_normal((N, S, D))
    samples = mean[:, None] + shift * sigma + width * sigma * noise
    return samples, truth, rng


def test_exact_posterior_has_nominal_coverage_at_every_level():
    samples, truth, rng = case()
    probability = calibration.cumulative_at_truth(samples, truth, rng)
    share = calibration.coverage(probability)
    np.testing.assert_allclose(share, np.tile(calibration.LEVELS, (D, 1)), atol=0.025)


def test_few_samples_do_not_bias_coverage():
    """With 20 samples the empirical 95 % quantiles hold 90 % of truths; ranks still hold 95 %."""
    samples, truth, rng = case()
    probability = calibration.cumulative_at_truth(samples[:, :20], truth, rng)
    np.testing.assert_allclose(calibration.coverage(probability, [0.95]), 0.95, atol=0.015)
    low, high = np.quantile(samples[:, :20], [0.025, 0.975], axis=1)
    assert np.mean((truth > low) & (truth < high)) < 0.92


@pytest.mark.parametrize(("width", "sign"), [(0.6, -1), (1.6, 1)])
def test_wrong_widths_are_seen_by_coverage_ranks_and_tarp(width, sign):
    samples, truth, rng = case(width)
    probability = calibration.cumulative_at_truth(samples, truth, rng)
    share = calibration.coverage(probability, [0.68])
    assert np.all(sign * (share - 0.68) > 0.1)
    counts = calibration.rank_histogram(probability[:, 0])
    edges, middle = counts[[0, -1]].mean(), counts[8:12].mean()
    assert sign * (middle - edges) > 0.5 * N / len(counts)
    references = rng.permutation(truth)
    curve = calibration.expected_coverage(
        calibration.tarp_fractions(samples, truth, references, rng)
    )
    assert sign * curve["area"] > 0.02
    assert curve["ks_p"] < 1e-4


def test_exact_posterior_has_uniform_ranks_and_a_diagonal_tarp_curve():
    samples, truth, rng = case()
    probability = calibration.cumulative_at_truth(samples, truth, rng)
    for column in probability.T:
        summary = calibration.uniformity(column)
        assert summary["ks_p"] > 1e-3 and summary["chi2_p"] > 1e-3
        assert sum(summary["counts"]) == N
    fractions = calibration.tarp_fractions(samples, truth, rng.permutation(truth), rng)
    curve = calibration.expected_coverage(fractions)
    assert curve["deviation"] < 0.03
    assert curve["ks_p"] > 1e-3


def test_bias_tilts_the_ranks():
    samples, truth, rng = case(shift=0.5)
    probability = calibration.cumulative_at_truth(samples, truth, rng)
    assert np.all(probability.mean(axis=0) < 0.4)
    assert calibration.uniformity(probability[:, 0])["ks"] > 0.1


def test_tarp_sees_a_lost_correlation_that_marginals_do_not():
    """Right in each quantity, wrong together: the case for a joint test."""
    rng = np.random.default_rng(1)
    common = rng.standard_normal((N, 1))
    truth = np.repeat(common, D, axis=1)
    samples = rng.standard_normal((N, S, D))
    probability = calibration.cumulative_at_truth(samples, truth, rng)
    np.testing.assert_allclose(calibration.coverage(probability, [0.68]), 0.68, atol=0.025)
    references = 2 * rng.standard_normal((N, D))
    fractions = calibration.tarp_fractions(samples, truth, references, rng)
    assert calibration.expected_coverage(fractions)["deviation"] > 0.04


def test_ties_are_spread_over_their_ranks():
    samples, truth = np.zeros((N, S)), np.zeros(N)
    probability = calibration.cumulative_at_truth(samples, truth, np.random.default_rng(0))
    assert calibration.uniformity(probability)["ks_p"] > 1e-3


def test_empty_bins_follow_the_floor_of_training():
    """A posterior equal to the floor's own distribution is calibrated for empty bins."""
    sfh = np.zeros((N, 16))
    sfh[:, 12] = 1.0
    truth = calibration.floored_shares(LABELS, {"sfh": sfh}, seed=3)["sfh"]
    again = calibration.floored_shares(LABELS, {"sfh": sfh}, seed=3)["sfh"]
    np.testing.assert_array_equal(truth, again)
    np.testing.assert_allclose(truth.sum(axis=1), 1.0)
    empty = np.log10(truth[:, 2])
    assert np.median(empty) == pytest.approx(np.log10(SFH.floor), abs=0.02)
    rng = np.random.default_rng(4)
    draws = SFH.floored(np.repeat(sfh[:, None], 100, axis=1), rng.standard_normal((N, 100, 16)))
    probability = calibration.cumulative_at_truth(np.log10(draws), np.log10(truth), rng)
    np.testing.assert_allclose(calibration.coverage(probability, [0.68]), 0.68, atol=0.03)


def test_sharpness_is_one_for_the_prior_and_small_for_a_sharp_answer():
    truth = np.random.default_rng(5).standard_normal((N, 2))
    low, high = np.tile([[-0.994, -0.0994]], (N, 1)), np.tile([[0.994, 0.0994]], (N, 1))
    np.testing.assert_allclose(calibration.sharpness(low, high, truth), [1, 0.1], rtol=0.05)
