"""Run a SavedModel in an interpreter that has TensorFlow but none of what made the model.

python plain_tensorflow.py MODEL_FOLDER INPUT.npz OUTPUT.npz
"""

import sys

FORBIDDEN = ("phangs_sfh", "tensorflow_probability", "tf_keras", "keras")


class _Without:
    """A finder on ``sys.meta_path`` to which the forbidden packages are not installed."""

    def __init__(self, finder):
        self._finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in FORBIDDEN:
            return None
        return self._finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self._finder, name)


def main(folder, source, destination):
    sys.meta_path[:] = [_Without(finder) for finder in sys.meta_path]
    import numpy as np
    import tensorflow as tf

    model = tf.saved_model.load(folder)
    with np.load(source, allow_pickle=False) as archive:
        inputs = {name: tf.constant(archive[name]) for name in archive.files}
    answers = {
        f"{signature}/{name}": value.numpy()
        for signature, function in model.signatures.items()
        for name, value in function(**inputs).items()
    }
    loaded = [name for name in FORBIDDEN if name in sys.modules]
    if loaded:
        raise SystemExit(f"loaded after all: {loaded}")
    np.savez(destination, **answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
