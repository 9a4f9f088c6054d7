"""This package's model on the benchmark's spectra, in a process of its own on one core.

Run as ``python -m phangs_sfh.peers.benchmark.served_model MODEL INPUTS OUTPUT``: threads have to be
fixed before TensorFlow starts, and peak memory is that of a process.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.observations.rest_frame import INPUTS
from phangs_sfh.peers.one_core import ONE_THREAD, peak_megabytes

BATCH = 1024
REPEATS = 8
PERCENTILES = {"p025": 2.5, "p975": 97.5}
MATRIX = 2048  # side of the matrices of which the core's speed is measured


def ask(model_folder, spectra):
    """Answers and cost of a model.

    Parameters
    ----------
    model_folder : path of an exported model
    spectra : sample.Spectra

    Returns
    -------
    columns : dict of the result-table columns, and of the scalars' ``_p025`` and ``_p975``
    cost : dict with ``seconds`` a spectrum at batch 1024 with all columns (processor time of one
        thread), ``seconds_single`` for a spectrum alone, ``megabytes`` (peak), ``flops`` of one
        spectrum's answer, ``gflops_reached``, ``gflops_matrix`` (float32 matrix product, same
        thread) and ``seconds_matrix_limit`` (flops at that speed)

    Raises
    ------
    InputError
        If the model cannot be run.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "inputs.npz", Path(folder) / "answers.npz"
        np.savez(given, **spectra.inputs)
        command = [sys.executable, "-m", __name__, str(model_folder), str(given), str(found)]
        run = subprocess.run(
            command, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=False
        )
        if run.returncode:
            reason = (run.stderr.strip().splitlines() or ["killed"])[-1][:200]
            raise InputError(f"{model_folder}: the model could not be run ({reason})")
        with np.load(found) as stored:
            columns = {name: stored[name] for name in stored.files}
    return columns, json.loads(str(columns.pop("cost")))


def main(model_folder, given, found):
    """What the child does."""
    import tensorflow as tf

    saved = tf.saved_model.load(model_folder)
    serve, posterior = (saved.signatures[name] for name in ("serving_default", "posterior"))
    with np.load(given) as stored:
        inputs = {name: stored[name] for name in INPUTS}
    cost = _cost(serve, inputs)
    parts = []
    for start in range(0, len(inputs["flux"]), 256):
        batch = {name: tf.constant(x[start : start + 256]) for name, x in inputs.items()}
        columns = {name: x.numpy() for name, x in serve(**batch).items()}
        samples = {name: x.numpy() for name, x in posterior(**batch).items()}
        for name, values in samples.items():
            if values.ndim == 2:
                for label, q in PERCENTILES.items():
                    columns[f"{name}_{label}"] = np.percentile(values, q, axis=1)
        parts.append(columns)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    np.savez(found, cost=json.dumps(cost), **columns)


def _cost(serve, inputs):
    import tensorflow as tf

    n = len(inputs["flux"])
    full = {name: tf.constant(np.resize(x, (BATCH, x.shape[1]))) for name, x in inputs.items()}
    single = {name: x[:1] for name, x in full.items()}
    seconds = _time(lambda: serve(**full)) / BATCH
    memory = peak_megabytes()
    square = tf.ones([MATRIX, MATRIX])
    gflops = 2 * MATRIX**3 / _time(lambda: tf.matmul(square, square)) / 1e9
    flops = count_flops(serve, inputs["flux"].shape[1], inputs["band_flux"].shape[1])
    return {
        "batch": BATCH,
        "n": n,
        "seconds": seconds,
        "seconds_single": _time(lambda: serve(**single)),
        "megabytes": memory,
        "flops": flops,
        "gflops_reached": flops / seconds / 1e9,
        "gflops_matrix": gflops,
        "seconds_matrix_limit": flops / gflops / 1e9,
    }


def _time(action):
    """Median processor time of an action [s]; the first run, which compiles, is left out."""
    action()
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return float(np.median(times))


def count_flops(serve, n_pixels, n_bands):
    """Floating-point operations of one spectrum's answer, as TensorFlow's profiler counts them.

    Parameters
    ----------
    serve : a SavedModel's signature
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2_as_graph,
    )

    widths = dict(zip(INPUTS, (n_pixels, n_pixels, n_bands, n_bands), strict=True))
    specs = [tf.TensorSpec([1, width], tf.float32) for width in widths.values()]
    fixed = tf.function(lambda *x: serve(**dict(zip(INPUTS, x, strict=True))))
    _, graph = convert_variables_to_constants_v2_as_graph(fixed.get_concrete_function(*specs))
    with tf.Graph().as_default() as whole:
        tf.graph_util.import_graph_def(graph, name="")
        options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
        options["output"] = "none"
        counted = tf.compat.v1.profiler.profile(whole, cmd="op", options=options)
    return int(counted.total_float_ops)


if __name__ == "__main__":
    main(*sys.argv[1:])
