"""The mixture density against TFP, its marginal, and its units."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from phangs_sfh.errors import InputError
from phangs_sfh.posterior.density import PosteriorSpec
from phangs_sfh.problems.histories import LABELS

N = LABELS.n_targets


def spec_of(k, **settings):
    rng = np.random.default_rng(k)
    y = rng.normal(size=(200, N)) * rng.uniform(0.1, 4, N) + rng.normal(size=N)
    spec = PosteriorSpec.standardised_by(y, LABELS, n_components=k, **settings)
    return spec, y[:32].astype(np.float32)


def random_params(spec, n=32):
    rng = np.random.default_rng(9)
    noise = 0.1 * rng.normal(size=(n, spec.n_params))
    return tf.constant(noise + spec.initial_bias(), tf.float32)


@pytest.mark.parametrize("k", [1, 4])
def test_density_is_that_of_tfp(k):
    spec, y = spec_of(k)
    params = random_params(spec)
    expected = spec.distribution(params).log_prob(y)
    np.testing.assert_allclose(-spec.negative_log_likelihood(params, y), expected, rtol=2e-4)


@pytest.mark.parametrize("k", [1, 4])
def test_leading_density_is_the_marginal_of_the_leading_block(k):
    spec, y = spec_of(k)
    params = random_params(spec)
    logits, loc, scale_tril = spec.unpack(params)
    covariance = np.asarray(scale_tril @ tf.linalg.matrix_transpose(scale_tril))
    m = spec.n_leading
    marginal = tfp.distributions.MixtureSameFamily(
        tfp.distributions.Categorical(logits=logits),
        tfp.distributions.MultivariateNormalTriL(
            loc[..., :m], np.linalg.cholesky(covariance[..., :m, :m])
        ),
    )
    expected = marginal.log_prob(spec.standardise(y)[:, :m]) - np.log(spec.scale[:m]).sum()
    np.testing.assert_allclose(spec.log_densities(params, y)[1], expected, rtol=2e-4, atol=2e-4)


def test_scale_is_lower_triangular_and_positive():
    spec, _ = spec_of(3)
    _, _, scale_tril = spec.unpack(random_params(spec))
    assert scale_tril.shape == (32, 3, N, N)
    np.testing.assert_array_equal(np.triu(scale_tril, 1), 0)
    assert (np.diagonal(scale_tril, axis1=-2, axis2=-1) >= spec.sigma_floor).all()


def test_density_cannot_grow_without_bound():
    """However sure of itself a network is, the floor under the widths bounds its density."""
    spec, y = spec_of(1)
    params = np.zeros((32, spec.n_params), np.float32)
    params[:, 1 : 1 + N] = spec.standardise(y)
    params[:, 1 + N : 1 + 2 * N] = -1e4
    joint = spec.log_densities(tf.constant(params), y)[0].numpy()
    bound = -N * np.log(spec.sigma_floor * np.sqrt(2 * np.pi)) - np.log(spec.scale).sum()
    assert np.isfinite(joint).all() and (joint <= bound + 1e-2).all()


def test_loss_is_least_for_the_true_posterior():
    """A proper score: moved, widened, narrowed or decorrelated answers all do worse on average."""
    spec = PosteriorSpec.standard(LABELS, n_components=1)
    rng = np.random.default_rng(4)
    true = np.zeros((1, spec.n_params), np.float32)
    true[0, 1 + N : 1 + 2 * N] = np.log(np.expm1(0.7 - spec.sigma_floor))
    true[0, 1 + 2 * N :] = 0.15 * rng.normal(size=N * (N - 1) // 2)
    scale_tril = np.asarray(spec.unpack(tf.constant(true))[2])[0, 0]
    y = (rng.normal(size=(20000, N)) @ scale_tril.T).astype(np.float32)

    def score(change):
        params = true.copy()
        change(params[0])
        total = sum(np.sum(spec.loss(tf.tile(params, [2000, 1]), part)) for part in np.split(y, 10))
        return total / len(y)

    def moved(p):
        p[1 : 1 + N] += 0.1

    def narrowed(p):
        p[1 + N : 1 + 2 * N] = np.log(np.expm1(0.6))

    def widened(p):
        p[1 + N : 1 + 2 * N] = np.log(np.expm1(0.8))

    def decorrelated(p):
        p[1 + 2 * N :] = 0

    best = score(lambda p: None)
    for change in (moved, narrowed, widened, decorrelated):
        assert score(change) > best + 1e-3, change.__name__


def test_squared_error_is_that_of_the_mixtures_mean():
    spec, y = spec_of(4)
    params = random_params(spec)
    mean = spec.standardise(tf.constant(spec.distribution(params).mean()))
    expected = np.mean((spec.standardise(y) - mean) ** 2, axis=1)
    np.testing.assert_allclose(spec.squared_error(params, y), expected, rtol=1e-4)


def test_json_round_trip_and_unknown_field():
    import json

    spec, y = spec_of(2)
    assert PosteriorSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    np.testing.assert_allclose(spec.restore(spec.standardise(y)), y, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match="model.json"):
        PosteriorSpec.from_dict({"flavour": "strange"})
