"""Spectrum to tokens: filters of its own for each 160 Å of the fixed grid, then convolutions."""

import keras
import numpy as np
from keras import layers, ops

from phangs_sfh.network.normalise import BLOCK, RATIO_LIMIT

PATCH = 128  # pixels a token stands for: 160 Å
NOISE = 0.15
"""Scatter added to that of each principal component of a patch, relative to the mean flux."""


@keras.saving.register_keras_serializable(package="phangs_sfh")
class Patches(keras.layers.Layer):
    """Cut the spectrum into patches and whiten each.

    Call with ``deviation`` [n, n_pixels], ``log_error`` and ``coverage`` [n, blocks]; returns
    [t, n, patch + 2 patch / 8], tokens first, since each token has weights of its own in what
    follows. Lines are a thousandth of a patch's variance and carry most of what is to be known:
    whitening, a rotation to the patch's principal components divided by their scatter in the
    training set with noise added, brings them up towards its level and slope.
    """

    def __init__(self, patch=PATCH, **kwargs):
        super().__init__(**kwargs)
        self.patch = patch

    def build(self, deviation_shape, log_error_shape=None, coverage_shape=None):
        tokens = -(-deviation_shape[-1] // self.patch)
        self.whitening = self.add_weight(
            name="whitening",
            shape=(tokens, self.patch, self.patch),
            initializer=_unit_matrices,
            trainable=False,
        )

    def set_typical(self, deviation):
        """Take the principal components of noiseless galaxies, [m, n_pixels] array."""
        tokens = self.whitening.shape[0]
        padding = tokens * self.patch - deviation.shape[-1]
        patches = np.pad(np.asarray(deviation, np.float64), [[0, 0], [0, padding]])
        patches = patches.reshape(len(patches), tokens, self.patch)
        whitening = np.zeros(self.whitening.shape, np.float32)
        for i in range(tokens):
            variances, components = np.linalg.eigh(np.cov(patches[:, i].T))
            variances, components = variances[::-1], components[:, ::-1]
            whitening[i] = components / np.sqrt(np.maximum(variances, 0.0) + NOISE**2)
        self.whitening.assign(whitening)

    def call(self, deviation, log_error, coverage):
        tokens = self.whitening.shape[0]
        padding = tokens * self.patch - deviation.shape[-1]
        deviation = ops.pad(deviation, [[0, 0], [0, padding]])
        whitened = ops.matmul(_tokens_first(deviation, tokens), self.whitening)
        whitened = ops.clip(whitened, -RATIO_LIMIT, RATIO_LIMIT)
        blocks = [_tokens_first(values, tokens) for values in (log_error, coverage)]
        return ops.concatenate([whitened, *blocks], axis=-1)

    def compute_output_shape(self, deviation_shape, log_error_shape=None, coverage_shape=None):
        tokens = -(-deviation_shape[-1] // self.patch)
        return (tokens, deviation_shape[0], self.patch + 2 * self.patch // BLOCK)

    def get_config(self):
        return {**super().get_config(), "patch": self.patch}


def _unit_matrices(shape, dtype=None):
    return np.broadcast_to(np.eye(shape[-1], dtype="float32"), shape)


def _tokens_first(values, tokens):
    """[n, tokens · length] to [tokens, n, length]."""
    length = values.shape[-1] // tokens
    return ops.transpose(ops.reshape(values, (-1, tokens, length)), (1, 0, 2))


@keras.saving.register_keras_serializable(package="phangs_sfh")
class LocalDense(keras.layers.Layer):
    """A dense layer with weights of its own for each token: [t, n, c] to [t, n, units].

    The grid is at rest, so each stretch holds the same absorption features in every galaxy and a
    filter for just those costs no more than a shared one. The bias doubles as position embedding.
    """

    def __init__(self, units, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.activation = units, keras.activations.get(activation)

    def build(self, input_shape):
        tokens, _, channels = input_shape
        scale = keras.initializers.RandomNormal(stddev=channels**-0.5)
        self.kernel = self.add_weight(
            name="kernel", shape=(tokens, channels, self.units), initializer=scale
        )
        position = keras.initializers.RandomNormal(stddev=0.3)
        self.bias = self.add_weight(
            name="bias", shape=(tokens, 1, self.units), initializer=position
        )

    def call(self, x):
        return self.activation(ops.matmul(x, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "units": self.units, "activation": activation}


@keras.saving.register_keras_serializable(package="phangs_sfh")
class SpectraFirst(keras.layers.Layer):
    """[t, n, c] to [n, t, c]."""

    def call(self, x):
        return ops.transpose(x, (1, 0, 2))

    def compute_output_shape(self, input_shape):
        tokens, n, channels = input_shape
        return (n, tokens, channels)


@keras.saving.register_keras_serializable(package="phangs_sfh")
class AnyCoverage(keras.layers.Layer):
    """1 where a patch has at least one usable pixel, [n, blocks] to [n, tokens]."""

    def __init__(self, patch=PATCH, **kwargs):
        super().__init__(**kwargs)
        self.blocks = patch // BLOCK
        self.patch = patch

    def call(self, coverage):
        tokens = coverage.shape[-1] // self.blocks
        most = ops.max(ops.reshape(coverage, (-1, tokens, self.blocks)), axis=-1)
        return ops.cast(most > 0, coverage.dtype)

    def compute_output_shape(self, coverage_shape):
        return (coverage_shape[0], coverage_shape[-1] // self.blocks)

    def get_config(self):
        return {**super().get_config(), "patch": self.patch}


def spectral_tokens(features, dim, filters, convolutions, kernels=(3,), patch=PATCH):
    """Tokens of the spectrum.

    Parameters
    ----------
    features : dict from ``Normalise``
    dim : length of a token
    filters : nonlinear filters of each patch between it and its token; 0 for none
    convolutions : number of residual Conv1D layers over neighbouring tokens
    kernels : their lengths in tokens; the answers of several are added
    patch : pixels a token stands for

    Returns
    -------
    tokens : [n, t, dim]; present : [n, t], 0 or 1
    """
    parts = [features[name] for name in ("deviation", "log_error", "coverage")]
    x = Patches(patch, name="patches")(*parts)
    if filters:
        x = LocalDense(filters, "relu", name="filters")(x)
    x = SpectraFirst(name="spectra_first")(LocalDense(dim, name="local")(x))
    for i in range(convolutions):
        y = layers.Activation("relu", name=f"relu_{i}")(x)
        names = [f"conv_{i}", *(f"conv_{i}_{length}" for length in kernels[1:])]
        parts = [
            layers.Conv1D(dim, length, padding="same", name=name)(y)
            for length, name in zip(kernels, names, strict=True)
        ]
        x = layers.Add(name=f"spectral_{i}")([x, *parts])
    return x, AnyCoverage(patch, name="spectral_present")(features["coverage"])
