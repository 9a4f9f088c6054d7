"""The fused head is the last layer followed by the posterior's own unpacking."""

import numpy as np
from keras import ops

from phangs_sfh.network import summaries
from phangs_sfh.network.fused_head import FusedHead
from phangs_sfh.network.posterior import PosteriorSpec


def test_same_mixture_as_layer_and_unpacking():
    rng = np.random.default_rng(1)
    spec = PosteriorSpec.standardised_by(rng.normal(size=(100, 37)) * rng.uniform(0.1, 5, 37) + 3)
    kernel = rng.normal(size=(20, spec.n_params)) * 0.1
    bias = spec.initial_bias(seed=2)
    hidden = rng.normal(size=(7, 20)).astype("float32")
    params = ops.convert_to_tensor(np.float32(hidden @ kernel + bias))
    expected = summaries.mixture(spec, params)
    found = FusedHead(spec, kernel, bias)(ops.convert_to_tensor(hidden))
    for one, other in zip(found, expected, strict=True):
        other = np.asarray(other)
        assert np.allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(other).max())
