"""The fused head is the last layer followed by the posterior's own unpacking."""

import numpy as np
from keras import ops

from phangs_sfh.posterior.density import PosteriorSpec
from phangs_sfh.posterior.fused_head import FusedHead
from phangs_sfh.posterior.marginals import marginal_quantiles, quantiles
from phangs_sfh.problems.histories import LABELS


def test_same_mixture_as_layer_and_unpacking():
    rng = np.random.default_rng(1)
    y = rng.normal(size=(100, LABELS.n_targets)) * rng.uniform(0.1, 5, LABELS.n_targets) + 3
    spec = PosteriorSpec.standardised_by(y, LABELS)
    kernel = rng.normal(size=(20, spec.n_params)) * 0.1
    bias = spec.initial_bias(seed=2)
    hidden = rng.normal(size=(7, 20)).astype("float32")
    params = ops.convert_to_tensor(np.float32(hidden @ kernel + bias))
    expected = spec.mixture(params)
    found = FusedHead(spec, LABELS.cut, kernel, bias)(ops.convert_to_tensor(hidden))
    for one, other in zip(found, expected, strict=True):
        other = np.asarray(other)
        assert np.allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(other).max())


def test_marginals_are_those_of_the_mixture():
    rng = np.random.default_rng(4)
    y = rng.normal(size=(100, LABELS.n_targets)) * rng.uniform(0.1, 5, LABELS.n_targets) + 3
    spec = PosteriorSpec.standardised_by(y, LABELS)
    kernel = rng.normal(size=(20, spec.n_params)) * 0.1
    head = FusedHead(spec, LABELS.cut, kernel, spec.initial_bias(seed=2))
    hidden = ops.convert_to_tensor(rng.normal(size=(7, 20)).astype("float32"))
    mixture = head(hidden)
    logits, loc, std, unit, sigma = (np.asarray(part) for part in head.marginals(hidden))
    tril = np.asarray(mixture[2])
    assert np.all(tril == np.tril(tril))
    assert np.allclose(unit * sigma[..., None, :], tril[..., : LABELS.cut, : LABELS.cut], atol=1e-6)
    assert np.allclose(std, np.sqrt((tril**2).sum(axis=-1)), rtol=1e-5)
    whole = quantiles(LABELS, *mixture)
    for name, values in marginal_quantiles(LABELS, *head.marginals(hidden)).items():
        assert np.allclose(values, whole[name], rtol=1e-5, atol=1e-6), name
