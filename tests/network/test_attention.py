"""Attention: two orders of the same sums, and missing tokens."""

import numpy as np
import pytest
from keras.layers import LayerNormalization

from phangs_sfh.network.attention import Attention


def _attention(rng, n_queries, heads=4, dim=16):
    layer = Attention(heads, n_queries)
    layer.build((None, 9, dim), (None, 9))
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return layer


@pytest.mark.parametrize("n_queries", [1, 3])
def test_few_queries_get_what_all_would(n_queries):
    few = _attention(np.random.default_rng(1), n_queries)
    everyone = _attention(np.random.default_rng(1), None)
    rng = np.random.default_rng(2)
    tokens = rng.normal(size=(5, 9, 16)).astype("float32")
    present = (rng.random((5, 9)) > 0.3).astype("float32")
    present[:, 0] = 1.0
    expected = np.asarray(everyone(tokens, present))[:, :n_queries]
    assert np.allclose(few(tokens, present), expected, atol=1e-4 * np.abs(expected).max())


def test_normalisation_inside_is_that_before():
    rng = np.random.default_rng(5)
    before, plain = LayerNormalization(), _attention(np.random.default_rng(6), 1)
    inside = Attention(4, 1, normalise=True)
    for layer in (before, inside):
        layer.build((None, 9, 16))
    gamma, beta = rng.normal(size=(2, 16))
    before.set_weights([gamma, beta])
    inside.set_weights([*plain.get_weights(), gamma, beta])
    tokens = (3.0 + rng.normal(size=(5, 9, 16)) * rng.uniform(0.1, 5, (5, 9, 1))).astype("float32")
    present = np.ones((5, 9), "float32")
    expected = np.asarray(plain(before(tokens), present))
    assert np.allclose(inside(tokens, present), expected, atol=1e-4 * np.abs(expected).max())


def test_missing_tokens_are_not_seen():
    layer = _attention(np.random.default_rng(3), 1)
    tokens = np.random.default_rng(4).normal(size=(1, 9, 16)).astype("float32")
    present = np.ones((1, 9), "float32")
    present[0, 5] = 0.0
    other = tokens.copy()
    other[0, 5] = 1e3
    answer = np.asarray(layer(tokens, present))
    assert np.array_equal(answer, layer(other, present))
    assert not np.allclose(answer, layer(other, np.ones_like(present)))
