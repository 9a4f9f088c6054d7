"""The token that tells the network what to assume."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="phangs_sfh")
class AssumptionToken(keras.layers.Layer):
    """A learned token for each assumption: [n, options], one-hot, to a token [n, 1, dim] that is
    always present, [n, 1]."""

    def __init__(self, dim, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim

    def build(self, input_shape):
        self.embedding = self.add_weight(
            name="embedding",
            shape=(input_shape[-1], self.dim),
            initializer=keras.initializers.RandomNormal(stddev=0.3),
        )

    def call(self, one_hot):
        token = ops.expand_dims(ops.matmul(one_hot, self.embedding), 1)
        return token, ops.ones_like(one_hot[:, :1])

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, self.dim), (input_shape[0], 1)

    def get_config(self):
        return {**super().get_config(), "dim": self.dim}
