"""Quantiles and samples of the mixture against brute force."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import log_expit

from phangs_sfh.posterior.marginals import quantiles, share_moments
from phangs_sfh.posterior.quantiles import normal_points
from phangs_sfh.posterior.samples import samples
from phangs_sfh.problems.histories import LABELS

K = 4
N_TARGETS, RATIO, MH = LABELS.n_targets, LABELS.slices["sfh"], LABELS.slices["mh"]
SCALARS = [label.name for label in LABELS.scalars]
SOFT = ("av", "sigma_v")
"""Positive quantities: nearly logarithmic when small."""


def _mixtures(n, seed=1):
    """Mixtures in physical units, as wide and as many-peaked as posteriors of histories are."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(K, 0.7), n)
    centre = np.zeros((n, N_TARGETS))
    centre[:, RATIO] = np.concatenate(
        [
            rng.uniform(-9, -3, (n, 8)),
            rng.uniform(-5, -0.5, (n, 4)),
            rng.uniform(-1.5, 1.5, (n, 3)),
        ],
        axis=1,
    )
    between, within = np.full(N_TARGETS, 0.3), np.full(N_TARGETS, 0.3)
    between[RATIO] = np.r_[np.full(8, 1.5), np.full(4, 0.8), np.full(3, 0.5)]
    within[RATIO] = np.r_[np.full(8, 1.0), np.full(4, 0.8), np.full(3, 0.6)]
    loc = centre[:, None] + rng.normal(size=(n, K, N_TARGETS)) * between
    tril = np.tril(0.4 * rng.normal(size=(n, K, N_TARGETS, N_TARGETS)), -1) + np.eye(N_TARGETS)
    tril /= np.sqrt((tril**2).sum(-1, keepdims=True))
    width = np.exp(rng.uniform(np.log(0.3), np.log(2.0), (n, K, N_TARGETS))) * within
    return weights, loc, tril * width[..., None]


def _tensors(weights, loc, tril):
    """Arguments of ``quantiles`` and ``samples``."""
    return tuple(np.float32(part) for part in (np.log(weights), loc, tril))


def _draw(weights, loc, tril, rng, n=100_000):
    k = rng.choice(K, n, p=weights)
    y = np.empty((n, N_TARGETS))
    for i in range(K):
        mine = k == i
        y[mine] = loc[i] + rng.normal(size=(mine.sum(), N_TARGETS)) @ tril[i].T
    ratios = y[:, RATIO]
    taken = log_expit(ratios)
    left = np.cumsum(taken - ratios, axis=1)
    zero = np.zeros((n, 1))
    log_f = np.concatenate([zero, left], axis=1) + np.concatenate([taken, zero], axis=1)
    return y, np.exp(log_f)


@pytest.fixture(scope="module")
def case():
    n = 30
    mixtures = _mixtures(n)
    rng = np.random.default_rng(3)
    shape = (n, 3, 16)
    truth = SimpleNamespace(
        y=np.empty((n, 3, N_TARGETS)), sfh=np.empty(shape), cmf=np.empty(shape),
        sfh_mean=np.empty((n, 16)),
    )  # fmt: skip
    for i in range(n):
        y, sfh = _draw(*(part[i] for part in mixtures), rng)
        truth.y[i] = np.quantile(y, [0.16, 0.5, 0.84], axis=0)
        truth.sfh[i] = np.quantile(sfh, [0.16, 0.5, 0.84], axis=0)
        cmf = np.cumsum(sfh[:, ::-1], axis=1)[:, ::-1]
        truth.cmf[i], truth.sfh_mean[i] = np.quantile(cmf, [0.16, 0.5, 0.84], axis=0), sfh.mean(0)
    return _tensors(*mixtures), truth


def _stacked(columns, name):
    return np.stack([np.asarray(columns[f"{name}_{p}"]) for p in ("p16", "p50", "p84")], axis=1)


def _error_in_sigma(found, truth):
    sigma = 0.5 * (truth[:, 2:] - truth[:, :1])
    return np.abs(found - truth) / sigma


def test_scalars_and_metallicities_have_exact_quantiles(case):
    mixture, truth = case
    columns = quantiles(LABELS, *mixture)
    error = _error_in_sigma(_stacked(columns, "mh"), truth.y[..., MH])
    assert error.mean() < 0.006 and error.max() < 0.05  # what 1e5 samples can tell
    for name in SCALARS:
        expected = truth.y[..., LABELS.slices[name].start]
        if name in SOFT:
            expected = np.asarray(LABELS[name].transform.from_target(expected))
        error = _error_in_sigma(_stacked(columns, name), expected)
        assert error.mean() < 0.008 and error.max() < 0.05, name


def test_mass_fractions_within_three_hundredths_of_sigma(case):
    mixture, truth = case
    found = _stacked(quantiles(LABELS, *mixture), "sfh")
    linear = _error_in_sigma(found, truth.sfh)
    in_log = _error_in_sigma(np.log(found), np.log(truth.sfh))
    for error in (linear, in_log):
        assert error.mean() < 0.02
        assert error.mean(axis=(0, 1)).max() < 0.045  # the worst bin
        assert np.quantile(error, 0.95) < 0.08


def test_youngest_fraction_is_exact(case):
    """It hangs on one ratio alone: a logit-normal mixture."""
    mixture, truth = case
    found = _stacked(quantiles(LABELS, *mixture), "sfh")[..., 0]
    assert _error_in_sigma(np.log(found), np.log(truth.sfh[..., 0])).mean() < 0.008


def test_percentiles_in_order_and_fractions_in_range(case):
    mixture, _ = case
    columns = quantiles(LABELS, *mixture)
    for name in ["sfh", "cmf", "mh", *SCALARS]:
        values = _stacked(columns, name)
        assert values.dtype == np.float32 and np.all(np.diff(values, axis=1) >= 0), name
    assert np.all((_stacked(columns, "sfh") > 0) & (_stacked(columns, "sfh") < 1))


def test_cumulative_history_falls_from_one_and_holds_the_samples(case):
    mixture, truth = case
    found = _stacked(quantiles(LABELS, *mixture), "cmf")
    assert np.all(found[..., 0] == 1) and np.all(np.diff(found, axis=-1) <= 0)
    linear = _error_in_sigma(found[..., 1:], truth.cmf[..., 1:])
    assert linear.mean() < 0.03 and np.quantile(linear, 0.95) < 0.1


def test_mean_history_is_the_samples_mean_and_sums_to_one(case):
    mixture, truth = case
    columns = quantiles(LABELS, *mixture)
    mean = np.asarray(columns["sfh_mean"])
    assert np.allclose(mean.sum(axis=1, dtype=np.float64), 1.0, atol=1e-6)
    assert np.abs(mean - truth.sfh_mean).mean() < 0.003
    assert np.abs(mean - truth.sfh_mean).max() < 0.03
    weights, loc, _ = mixture
    expected = np.einsum("nk,nki->ni", np.exp(weights), loc[..., MH])
    np.testing.assert_allclose(columns["mh_mean"], expected, atol=1e-4)


def test_share_moments_follow_the_transforms_definition(case):
    """A component without width: its mean logit is that of ``StickBreaking.log_shares``."""
    rng = np.random.default_rng(4)
    ratios = rng.normal(size=(5, 1, 15)).astype("float32") * 3
    cut = LABELS.cut
    nothing = np.zeros((5, 1, cut, cut), "float32"), np.ones((5, 1, cut), "float32")
    mean, std, _, shares = share_moments(ratios, *nothing, RATIO.start, cut)
    fractions = np.exp(np.asarray(LABELS["sfh"].transform.log_shares(ratios), np.float64))
    left = np.cumsum(fractions[..., ::-1], axis=-1)[..., ::-1][..., 1:-1]
    expected = np.concatenate([fractions, left], axis=-1)
    assert np.allclose(mean, np.log(expected / (1 - expected)), atol=3e-3)
    assert np.all(np.asarray(std) < 1e-4)
    assert np.allclose(shares, fractions, atol=1e-5)


def test_far_out_parameters_stay_finite():
    """Log-ratios of +-1e4 and widths of 1e3 are nonsense, but no cause for NaN."""
    loc = np.array([[-1e4] * N_TARGETS, [1e4] * N_TARGETS, [0.0] * N_TARGETS])[:, None].repeat(K, 1)
    unit = np.eye(N_TARGETS)
    tril = np.stack([1e-6 * unit, 1e3 * unit, 1e3 * np.tril(np.ones_like(unit))])
    mixture = _tensors(np.full((3, K), 1 / K), loc, tril[:, None].repeat(K, 1))
    for columns in (quantiles(LABELS, *mixture), samples(LABELS, *mixture)):
        for name, values in columns.items():
            assert np.all(np.isfinite(np.asarray(values))), name


def test_samples_have_the_mixture_s_moments_and_correlations():
    weights, loc, tril = _mixtures(6, seed=5)
    columns = samples(LABELS, *_tensors(weights, loc, tril))
    for name in SOFT:
        columns[name] = np.asarray(LABELS[name].transform.to_target(columns[name]))
    drawn = np.concatenate([np.stack([columns[n] for n in SCALARS], -1), columns["mh"]], axis=-1)
    keep = np.r_[[LABELS.slices[name].start for name in SCALARS], MH]
    mean = np.einsum("nk,nki->ni", weights, loc)
    offset = loc - mean[:, None]
    covariance = np.einsum("nk,nkia,nkja->nij", weights, tril, tril)
    covariance += np.einsum("nk,nki,nkj->nij", weights, offset, offset)
    sigma = np.sqrt(np.einsum("nii->ni", covariance))[:, keep]
    assert np.abs((drawn.mean(axis=1) - mean[:, keep]) / sigma).mean() < 0.02
    measured = np.stack([np.cov(rows.T, bias=True) for rows in drawn])
    difference = measured - covariance[:, keep][..., keep]
    assert np.abs(difference / sigma[:, :, None] / sigma[:, None, :]).mean() < 0.04


def test_samples_agree_with_the_quantiles(case):
    mixture, _ = case
    columns, drawn = quantiles(LABELS, *mixture), samples(LABELS, *mixture)
    assert drawn["sfh"].shape == (30, 256, 16)
    assert np.allclose(np.asarray(drawn["sfh"]).sum(-1), 1.0, atol=1e-4)
    for name in ("sfh", "mh", "mw_logage"):
        inside = np.stack([np.asarray(columns[f"{name}_{p}"])[:, None] for p in ("p16", "p84")])
        share = np.mean((drawn[name] > inside[0]) & (drawn[name] < inside[1]))
        assert abs(share - 0.68) < 0.015, name


def test_points_of_any_stretch_are_spread_evenly():
    points = normal_points(256, N_TARGETS)
    assert np.allclose(points.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(points.T @ points / 256, np.eye(N_TARGETS), atol=1e-5)
    for start in range(0, 256, 64):
        assert np.abs(points[start : start + 64].mean(axis=0)).max() < 1e-5
        assert np.all(np.abs(points[start : start + 64].std(axis=0) - 1) < 0.4)
