"""Attention over tokens of both branches, missing ones masked, into one latent token."""

import keras
import numpy as np
from keras import layers, ops

MASKED = -1e9
EPSILON = 1e-3


@keras.saving.register_keras_serializable(package="phangs_sfh")
class Attention(keras.layers.Layer):
    """Multi-head attention (Vaswani et al. 2017) of the first ``n_queries`` tokens to all tokens.

    Call with tokens [n, t, dim] and present [n, t] (0 or 1); returns [n, n_queries, dim], all
    tokens if ``n_queries`` is None. Missing tokens get no attention. With ``normalise`` (a few
    queries only) tokens go through a layer normalisation first, as part of the same sums.
    """

    def __init__(self, heads, n_queries=None, normalise=False, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.n_queries, self.normalise = heads, n_queries, normalise
        if normalise and n_queries is None:
            raise ValueError("normalise is for a few queries; use a LayerNormalization before")

    def build(self, tokens_shape, present_shape=None):
        dim = tokens_shape[-1]
        if dim % self.heads:
            raise ValueError(f"dim {dim} is not a multiple of heads {self.heads}")
        for name, width in (("query", dim), ("key_value", 2 * dim), ("out", dim)):
            kernel = self.add_weight(
                name=f"{name}_kernel", shape=(dim, width), initializer="glorot_uniform"
            )
            bias = self.add_weight(name=f"{name}_bias", shape=(width,), initializer="zeros")
            setattr(self, name, (kernel, bias))
        if self.normalise:
            self.gamma = self.add_weight(name="gamma", shape=(dim,), initializer="ones")
            self.beta = self.add_weight(name="beta", shape=(dim,), initializer="zeros")

    def _heads(self, x, n_parts=1):
        """[n, t, parts · dim] to [parts, n, heads, t, dim / heads]."""
        _, tokens, width = x.shape
        x = ops.reshape(x, (-1, tokens, n_parts, self.heads, width // n_parts // self.heads))
        return ops.transpose(x, (2, 0, 3, 1, 4))

    def call(self, tokens, present):
        if self.n_queries is None:
            return self._all_ask(tokens, present)
        return self._few_ask(tokens, present)

    def _all_ask(self, tokens, present):
        dim = tokens.shape[-1]
        query = self._heads(_affine(tokens, self.query))[0] * (dim // self.heads) ** -0.5
        key_value = self._heads(_affine(tokens, self.key_value), 2)
        scores = ops.matmul(query, ops.transpose(key_value[0], (0, 1, 3, 2)))
        scores = scores + MASKED * (1.0 - present[:, None, None, :])
        mixed = ops.matmul(ops.softmax(scores, axis=-1), key_value[1])
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, tokens.shape[1], dim))
        return _affine(mixed, self.out)

    def _few_ask(self, tokens, present):
        """The same sums in another order: no keys and values of every token, a quarter of the time.

        Queries are taken through the keys' weights to the tokens, and tokens are mixed before they
        go through the values' weights. The keys' bias adds the same to all scores of a query. So
        does the normalisation's; its mean is that over a token's numbers, and is taken off where
        there are a few vectors instead of all tokens.
        """
        dim, length = tokens.shape[-1], tokens.shape[-1] // self.heads
        parts = ops.reshape(self.key_value[0], (dim, 2, self.heads, length))
        asking, inverse = tokens[:, : self.n_queries], None
        if self.normalise:
            inverse = _inverse_std(tokens)
            asking = self._normed(asking * inverse[:, : self.n_queries])
        query = self._heads(_affine(asking, self.query))[0] * length**-0.5
        asked = ops.matmul(query, ops.transpose(parts[:, 0], (1, 2, 0)))  # [n, heads, queries, dim]
        asked = ops.reshape(asked, (-1, self.heads * self.n_queries, dim))
        if self.normalise:
            asked = _centred(asked * self.gamma)
        scores = ops.matmul(tokens, ops.transpose(asked, (0, 2, 1)))  # [n, t, heads · queries]
        if self.normalise:
            scores = scores * inverse
        shares = ops.softmax(scores + MASKED * (1.0 - present[:, :, None]), axis=1)
        if self.normalise:
            shares = shares * inverse
        mixed = ops.matmul(ops.transpose(shares, (0, 2, 1)), tokens)
        if self.normalise:
            mixed = self._normed(mixed)
        mixed = ops.reshape(mixed, (-1, self.heads, self.n_queries, dim))
        mixed = ops.matmul(mixed, ops.transpose(parts[:, 1], (1, 0, 2)))
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, self.n_queries, dim))
        return _affine(mixed + self.key_value[1][dim:], self.out)

    def _normed(self, x):
        return _centred(x) * self.gamma + self.beta

    def compute_output_shape(self, tokens_shape, present_shape=None):
        n, tokens, dim = tokens_shape
        return (n, tokens if self.n_queries is None else self.n_queries, dim)

    def get_config(self):
        sizes = {"heads": self.heads, "n_queries": self.n_queries, "normalise": self.normalise}
        return {**super().get_config(), **sizes}


def _centred(x):
    return x - ops.mean(x, axis=-1, keepdims=True)


def _inverse_std(tokens):
    """1 / standard deviation of each token's numbers, [n, t, 1], as Keras' LayerNormalization."""
    average = np.full((tokens.shape[-1], 1), 1.0 / tokens.shape[-1], np.float32)
    mean, square = ops.matmul(tokens, average), ops.matmul(tokens * tokens, average)
    return ops.rsqrt(ops.maximum(square - mean * mean, 0.0) + EPSILON)


def _affine(x, weights):
    return ops.matmul(x, weights[0]) + weights[1]


@keras.saving.register_keras_serializable(package="phangs_sfh")
class PrependLatent(keras.layers.Layer):
    """Put a learned query before the tokens, always present: it collects the answer."""

    def build(self, tokens_shape, present_shape=None):
        self.query = self.add_weight(
            name="query",
            shape=(1, 1, tokens_shape[-1]),
            initializer=keras.initializers.RandomNormal(stddev=0.3),
        )

    def call(self, tokens, present):
        query = ops.zeros_like(tokens[:, :1]) + self.query
        tokens = ops.concatenate([query, tokens], axis=1)
        return tokens, ops.concatenate([ops.ones_like(present[:, :1]), present], axis=1)

    def compute_output_shape(self, tokens_shape, present_shape=None):
        n, tokens, dim = tokens_shape
        return (n, tokens + 1, dim), (n, tokens + 1)


@keras.saving.register_keras_serializable(package="phangs_sfh")
class FirstTokens(keras.layers.Layer):
    """The first ``count`` tokens, [n, t, dim] to [n, count, dim]."""

    def __init__(self, count=1, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def call(self, tokens):
        return tokens[:, : self.count]

    def get_config(self):
        return {**super().get_config(), "count": self.count}


def attend(tokens, present, blocks, heads, expansion=2):
    """Merge tokens into one vector.

    Parameters
    ----------
    tokens : [n, t, dim]
    present : [n, t], 0 or 1
    blocks : number of pre-norm attention blocks; in the last one only the latent token asks
    heads : attention heads
    expansion : hidden width of the blocks' dense layers in units of dim

    Returns
    -------
    latent token : [n, dim]
    """
    dim = tokens.shape[-1]
    tokens, present = PrependLatent(name="latent_query")(tokens, present)
    for i in range(blocks):
        last = i == blocks - 1
        if last:
            mixed = Attention(heads, 1, normalise=True, name=f"attention_{i}")(tokens, present)
            tokens = FirstTokens(1, name="latent_token")(tokens)
        else:
            normed = layers.LayerNormalization(name=f"norm_{i}a")(tokens)
            mixed = Attention(heads, name=f"attention_{i}")(normed, present)
        tokens = layers.Add(name=f"add_{i}a")([tokens, mixed])
        x = layers.LayerNormalization(name=f"norm_{i}b")(tokens)
        x = layers.Dense(expansion * dim, activation="relu", name=f"dense_{i}a")(x)
        x = layers.Dense(dim, name=f"dense_{i}b")(x)
        tokens = layers.Add(name=f"add_{i}b")([tokens, x])
    tokens = layers.LayerNormalization(name="latent_norm")(tokens)
    return layers.Reshape((dim,), name="latent_vector")(tokens)
