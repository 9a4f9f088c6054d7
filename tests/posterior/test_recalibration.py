"""Recalibrated percentiles: right for a wrong posterior, unchanged for a right one."""

import numpy as np
import pytest
from keras import ops
from scipy.special import ndtr, ndtri

from phangs_sfh.posterior import recalibration
from phangs_sfh.posterior.marginals import cumulative_at, quantiles
from phangs_sfh.posterior.quantiles import mixture_quantiles
from phangs_sfh.posterior.samples import samples
from phangs_sfh.problems.histories import LABELS

D = LABELS.n_plain + LABELS.n_shares

P = (0.16, 0.5, 0.84)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def _cumulative(age, rng, width):
    """Standard normal truths seen by a posterior of another width: its cumulative at truths."""
    return ndtr(rng.normal(size=(len(age), 2)) / width[:, None])


def test_levels_restore_coverage_at_every_age(rng):
    age = rng.uniform(8.0, 10.0, 60_000)
    width = 0.6 + 0.5 * (age - 8.0)  # too narrow when young, too wide when old
    constants = recalibration.fit_levels(age, _cumulative(age, rng, width), P)
    fresh = rng.uniform(8.0, 10.0, 60_000)
    wide = 0.6 + 0.5 * (fresh - 8.0)
    truth = _cumulative(fresh, rng, wide)
    levels = ops.convert_to_numpy(recalibration.levels_at(fresh.astype("float32"), constants))
    low, high = levels[:, :2], levels[:, 4:]
    inside = (truth > low) & (truth < high)
    for third in np.array_split(np.argsort(fresh), 3):
        before = np.mean(np.abs(truth[third] - 0.5) < 0.34)
        assert inside[third].mean() == pytest.approx(0.68, abs=0.02), before
    youngest = np.argsort(fresh)[:20_000]
    assert np.mean(np.abs(truth[youngest] - 0.5) < 0.34) < 0.60


def test_a_right_posterior_is_left_alone(rng):
    age = rng.normal(9.5, 0.4, 40_000)
    cumulative = rng.uniform(size=(40_000, 3))
    constants = recalibration.fit_levels(age, cumulative, P)
    expected = np.repeat(P, 3)
    np.testing.assert_allclose(constants["levels"], expected[None] * np.ones((6, 1)), atol=0.02)
    assert np.all(np.diff(constants["levels_knots"]) > 0)


def test_few_examples_recalibrate_nothing(rng):
    assert recalibration.fit_levels(rng.normal(size=300), rng.uniform(size=(300, 4)), P) == {}
    same = np.ones(20_000)
    assert recalibration.fit_levels(same, rng.uniform(size=(20_000, 4)), P) == {}


def test_quantiles_at_given_levels_are_those_of_the_mixture(rng):
    weights = np.float32([[0.3, 0.7], [1.0, 0.0]])
    mean = rng.normal(size=(2, 2, 3)).astype("float32")
    std = np.full((2, 2, 3), 0.5, "float32")
    plain = mixture_quantiles(weights, mean, std, 0.0 * std)
    standard = np.repeat(np.float32(P), 3)[None] * np.ones((2, 1), "float32")
    same = mixture_quantiles(weights, mean, std, 0.0 * std, standard)
    np.testing.assert_allclose(plain, same, atol=1e-4)
    levels = np.repeat(np.float32([0.05, 0.6, 0.9]), 3)[None] * np.ones((2, 1), "float32")
    other = ops.convert_to_numpy(mixture_quantiles(weights, mean, std, 0.0 * std, levels))
    expected = mean[1, 0] + 0.5 * ndtri([0.05, 0.6, 0.9])[:, None]
    np.testing.assert_allclose(other[1], expected, atol=0.01)


def test_cumulative_at_quantiles_is_their_level(rng):
    """``cumulative_at`` and ``quantiles`` are inverse to each other."""
    n, k = 4, 2
    logits = rng.normal(size=(n, k)).astype("float32")
    loc = (0.5 * rng.normal(size=(n, k, LABELS.n_targets))).astype("float32")
    tril = np.tile(0.3 * np.eye(LABELS.n_targets, dtype="float32"), (n, k, 1, 1))
    y = ops.convert_to_numpy(loc[:, 0])
    _, cumulative = cumulative_at(LABELS, y, logits, loc, tril)
    cumulative = ops.convert_to_numpy(cumulative)
    columns = quantiles(LABELS, logits, loc, tril)
    for i, name in enumerate(("mw_logage", "lw_logage", "mw_mh", "lw_mh", "logml")):
        below = y[:, i] < ops.convert_to_numpy(columns[f"{name}_p50"])
        np.testing.assert_array_equal(cumulative[:, i] < 0.5, below)
    assert np.all((cumulative > 0) & (cumulative < 1))


def test_samples_are_stretched_to_the_recalibrated_quantiles(rng):
    """A posterior twice too wide in everything: samples end with the width of the truths."""
    n, k = 6, 2
    logits = rng.normal(size=(n, k)).astype("float32")
    loc = (0.3 * rng.normal(size=(n, k, LABELS.n_targets))).astype("float32")
    tril = np.tile(0.4 * np.eye(LABELS.n_targets, dtype="float32"), (n, k, 1, 1))
    tails = {
        "levels_knots": np.float32([-5.0, 5.0]),
        "levels": np.tile(np.repeat(ndtr(0.5 * ndtri(recalibration.TAILS)), D), (2, 1)).astype(
            "float32"
        ),
    }
    plain = samples(LABELS, logits, loc, tril)
    moved = samples(LABELS, logits, loc, tril, tails=tails)
    for name in ("mw_logage", "lw_mh", "mh"):
        before, after = (ops.convert_to_numpy(x[name]) for x in (plain, moved))
        np.testing.assert_array_equal(np.argsort(before, axis=1), np.argsort(after, axis=1))
        ratio = np.ptp(np.percentile(after, [2.5, 97.5], axis=1), axis=0) / np.ptp(
            np.percentile(before, [2.5, 97.5], axis=1), axis=0
        )
        assert np.median(ratio) == pytest.approx(0.5, abs=0.12)
    np.testing.assert_allclose(ops.convert_to_numpy(moved["sfh"]).sum(axis=-1), 1.0, atol=1e-4)


def test_samples_of_a_right_posterior_stay(rng):
    n, k = 5, 3
    logits = rng.normal(size=(n, k)).astype("float32")
    loc = (0.3 * rng.normal(size=(n, k, LABELS.n_targets))).astype("float32")
    tril = np.tile(0.3 * np.eye(LABELS.n_targets, dtype="float32"), (n, k, 1, 1))
    levels = np.tile(np.repeat(np.float32(recalibration.TAILS), D), (2, 1))
    tails = {"levels_knots": np.float32([-5.0, 5.0]), "levels": levels}
    plain = samples(LABELS, logits, loc, tril)
    same = samples(LABELS, logits, loc, tril, tails=tails)
    for name in plain:
        np.testing.assert_allclose(plain[name], same[name], atol=2e-4)
