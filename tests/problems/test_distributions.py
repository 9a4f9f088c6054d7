"""TFP's distribution is the definition: the faster equals must agree with it."""

import numpy as np
import pytest
import tensorflow as tf

from phangs_sfh.posterior.density import PosteriorSpec, label_distribution
from phangs_sfh.posterior.marginals import quantiles
from phangs_sfh.posterior.samples import samples
from phangs_sfh.problems.distributions import label_bijector
from phangs_sfh.problems.histories import INPUTS, LABELS
from phangs_sfh.problems.problem import Described

N = 6


@pytest.fixture(scope="module")
def case():
    """Posteriors of histories as wide as real ones: spec, params, the distribution."""
    rng = np.random.default_rng(2)
    y = rng.normal(size=(300, LABELS.n_targets)) * rng.uniform(0.2, 1.0, LABELS.n_targets)
    y[:, LABELS.slices["sfh"]] -= np.linspace(6, 0, 15)
    spec = PosteriorSpec.standardised_by(y, LABELS, n_components=3)
    params = 0.2 * rng.normal(size=(N, spec.n_params)) + spec.initial_bias()
    params = tf.constant(params, tf.float32)
    content = Described("histories", INPUTS, LABELS).to_dict() | {"posterior": spec.to_dict()}
    return spec, params, label_distribution(content, params)


def test_events_are_labels_by_name(case):
    *_, density = case
    assert density.batch_shape == (N,)
    drawn = density.sample(4, seed=(0, 1))
    assert {k: v.shape for k, v in drawn.items()} == {
        label.name: (4, N, *label.shape) for label in LABELS
    }
    np.testing.assert_allclose(tf.reduce_sum(drawn["sfh"], -1), 1.0, rtol=1e-5)
    assert np.all(drawn["av"] > 0)


def test_bijector_is_the_transforms(case):
    y = tf.random.stateless_normal([20, LABELS.n_targets], (3, 4))
    mine, theirs = LABELS.values(y), label_bijector(LABELS).forward(y)
    for name, value in mine.items():
        np.testing.assert_allclose(value, theirs[name], rtol=2e-4, atol=1e-6, err_msg=name)
    back = label_bijector(LABELS).inverse(theirs)
    np.testing.assert_allclose(back, y, atol=2e-3)


def test_density_is_what_training_minimises_times_the_jacobian(case):
    spec, params, density = case
    y = spec.distribution(params).sample(seed=(5, 6))
    bijector = label_bijector(LABELS)
    jacobian = bijector.forward_log_det_jacobian(y, event_ndims=1)
    found = density.log_prob(bijector.forward(y))
    expected = -spec.negative_log_likelihood(params, y) - jacobian
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=0.2)


def test_quantiles_of_the_served_graph_are_those_of_the_distribution(case):
    spec, params, density = case
    drawn = density.sample(40_000, seed=(7, 8))
    columns = quantiles(LABELS, *spec.mixture(params))
    for name in LABELS.names:
        truth = np.quantile(drawn[name], [0.16, 0.5, 0.84], axis=0)
        found = np.stack([np.asarray(columns[f"{name}_{p}"]) for p in ("p16", "p50", "p84")])
        off = np.abs(found - truth) / (0.5 * (truth[2] - truth[0]))
        assert off.mean() < 0.03 and off.max() < 0.25, name


def test_mean_is_that_of_the_served_samples(case):
    spec, params, density = case
    mean = density.mean()
    drawn = samples(LABELS, *spec.mixture(params))
    for name, value in mean.items():
        served, spread = np.mean(drawn[name], axis=1), np.std(drawn[name], axis=1)
        assert np.abs((value - served) / spread).mean() < 0.06, name
    np.testing.assert_allclose(tf.reduce_sum(mean["sfh"], -1), 1.0, rtol=1e-4)
