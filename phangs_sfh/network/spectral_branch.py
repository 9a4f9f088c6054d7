"""Spectrum to tokens: strided convolutions, and a dense map of each stretch of the fixed grid."""

import keras
from keras import layers, ops

PATCH = 64  # pixels a token stands for: 80 Å
FOLD = 8  # pixels folded into channels before the first convolution


@keras.saving.register_keras_serializable(package="phangs_sfh")
class Fold(keras.layers.Layer):
    """Fold pixels into channels: [n, pixels, c] to [n, tokens · patch / fold, fold · c].

    The end is padded with zeros (= missing) to whole patches. A convolution of kernel k after it is
    one of kernel k · fold and stride fold before it, but is a far larger matrix product a pixel.
    """

    def __init__(self, patch=PATCH, fold=FOLD, **kwargs):
        super().__init__(**kwargs)
        self.patch, self.fold = patch, fold

    def call(self, x):
        _, n_pixels, n_channels = x.shape
        padded = -(-n_pixels // self.patch) * self.patch
        x = ops.pad(x, [[0, 0], [0, padded - n_pixels], [0, 0]])
        return ops.reshape(x, (-1, padded // self.fold, self.fold * n_channels))

    def get_config(self):
        return {**super().get_config(), "patch": self.patch, "fold": self.fold}


@keras.saving.register_keras_serializable(package="phangs_sfh")
class LocalDense(keras.layers.Layer):
    """A dense layer with weights of its own for each token: [n, t, c] to [n, t, units].

    The grid is at rest, so each stretch holds the same absorption features in every galaxy and a
    filter for just those costs no more than a shared one. The bias doubles as position embedding.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        _, tokens, channels = input_shape
        scale = keras.initializers.RandomNormal(stddev=channels**-0.5)
        self.kernel = self.add_weight(
            name="kernel", shape=(tokens, channels, self.units), initializer=scale
        )
        position = keras.initializers.RandomNormal(stddev=0.3)
        self.bias = self.add_weight(name="bias", shape=(tokens, self.units), initializer=position)

    def call(self, x):
        product = ops.matmul(ops.transpose(x, (1, 0, 2)), self.kernel)  # one product a token
        return ops.transpose(product, (1, 0, 2)) + self.bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="phangs_sfh")
class AnyValid(keras.layers.Layer):
    """1 where a patch has at least one valid pixel, [n, pixels] to [n, tokens]."""

    def __init__(self, patch=PATCH, **kwargs):
        super().__init__(**kwargs)
        self.patch = patch

    def call(self, valid):
        n_pixels = valid.shape[-1]
        padded = -(-n_pixels // self.patch) * self.patch
        valid = ops.pad(valid, [[0, 0], [0, padded - n_pixels]])
        return ops.max(ops.reshape(valid, (-1, padded // self.patch, self.patch)), axis=-1)

    def get_config(self):
        return {**super().get_config(), "patch": self.patch}


def spectral_tokens(spectrum, pixel_valid, dim, widths):
    """Tokens of the spectrum.

    Parameters
    ----------
    spectrum : [n, n_pixels, channels] features
    pixel_valid : [n, n_pixels], 0 or 1
    dim : length of a token
    widths : channels of the first two convolutions

    Returns
    -------
    tokens : [n, t, dim], one for each 64 pixels; present : [n, t], 0 or 1
    """
    first, second = widths
    folded = Fold(name="fold")(spectrum)  # [n, 224, 32]
    x = layers.Conv1D(first, 3, padding="same", activation="relu", name="conv_8")(folded)
    x = layers.Conv1D(second, 4, strides=2, padding="same", activation="relu", name="conv_16")(x)
    x = layers.Conv1D(dim, 4, strides=4, padding="same", name="conv_64")(x)  # [n, 28, dim]
    patches = layers.Reshape((-1, PATCH * spectrum.shape[-1]), name="patches")(folded)
    own = LocalDense(dim, name="local")(patches)
    tokens = layers.Add(name="spectral_tokens")([x, own])
    return tokens, AnyValid(name="spectral_present")(pixel_valid)
