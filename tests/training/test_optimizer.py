"""The limit on the gradient's norm holds for the whole batch, however many replicas share it."""

import json
import subprocess
import sys

import numpy as np

SCRIPT = """
import json
import numpy as np
import tensorflow as tf
from phangs_sfh.training import fit
mirrored = fit.mirrored_strategy(2)
import keras
from phangs_sfh.training.optimizer import WholeBatchAdamW

rng = np.random.default_rng(0)
x = rng.normal(size=(64, 4)).astype("float32")
y = (100 * x @ np.ones((4, 1))).astype("float32")  # gradients far above the limit


def trained(strategy, optimizer):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        # epsilon: else Adam's steps would be the same for gradients of any norm
        model.compile(optimizer(0.1, global_clipnorm=1.0, epsilon=1.0), "mse", jit_compile=False)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    model.fit(batches, epochs=3, verbose=0, shuffle=False)
    return model.get_weights()[0].ravel().tolist()


one = tf.distribute.get_strategy()
kinds = (WholeBatchAdamW, keras.optimizers.AdamW)
print("WEIGHTS", json.dumps([[trained(s, kind) for s in (one, mirrored)] for kind in kinds]))
"""


def test_two_replicas_clip_as_one_does():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("WEIGHTS"))
    (ours_one, ours_two), (keras_one, keras_two) = json.loads(line.removeprefix("WEIGHTS"))
    np.testing.assert_allclose(ours_two, ours_one, rtol=1e-5)
    np.testing.assert_allclose(ours_one, keras_one, rtol=1e-6)  # on one replica nothing changes
    assert np.abs(np.subtract(keras_two, keras_one)).max() > 1e-3  # or ours is no longer needed
