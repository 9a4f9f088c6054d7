"""Bands to tokens, one a band: shared dense layers on each band's features and its embedding."""

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="phangs_sfh")
class Embedding(keras.layers.Layer):
    """Add a learned vector to each position of [n, t, dim]."""

    def build(self, input_shape):
        self.embedding = self.add_weight(
            name="embedding",
            shape=tuple(input_shape[1:]),
            initializer=keras.initializers.RandomNormal(stddev=0.3),
        )

    def call(self, x):
        return x + self.embedding


def band_tokens(bands, dim, width=64):
    """Tokens of the bands.

    Parameters
    ----------
    bands : [n, n_bands, features]
    dim : length of a token
    width : width of the hidden layer

    Returns
    -------
    tokens : [n, n_bands, dim]
    """
    x = layers.Dense(width, name="band_features")(bands)
    x = layers.Activation("relu", name="band_relu")(Embedding(name="band_embedding")(x))
    return layers.Dense(dim, name="band_token")(x)
