"""One shard of a library: simulated, serialised, written whole or not at all."""

import errno

import numpy as np

from phangs_sfh.files.whole import whole_file
from phangs_sfh.instrument.description import Instrument
from phangs_sfh.problems.catalogue import load_problem


def simulating(job):
    """Simulator and inputs of a job (dict), for ``write_shard``."""
    problem = load_problem(job["problem"])
    instrument = Instrument.from_dict(job["instrument"])
    simulator = problem.simulator(instrument, job["prior"], job["ssp"])
    return {"simulator": simulator, "inputs": problem.inputs}


def write_shard(path, shard, seed, simulator, inputs):
    """Simulate one shard and write it.

    The same shard, seed and simulator give the same bytes.

    Parameters
    ----------
    path : path
    shard : plan.Shard
    seed : int, of the library
    simulator : see ``problems.problem.Problem``
    inputs : tuple of the problem's inputs

    Raises
    ------
    OSError
        Disk full or unwritable; no part of the shard is left.
    """
    import tensorflow as tf

    rng = np.random.default_rng(np.random.SeedSequence(shard.entropy(seed)))
    # Noise-like mantissas hardly shrink: a higher level costs time and saves nothing.
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)
    try:
        with whole_file(path) as temporary, tf.io.TFRecordWriter(str(temporary), options) as writer:
            index = shard.first
            for chunk in simulator.galaxies(rng, shard.n_galaxies):
                for record in serialise(chunk, index, inputs):
                    writer.write(record)
                    index += 1
    except tf.errors.OpError as error:
        # TensorFlow writes by itself, and has its own exceptions for what happens to files.
        full = isinstance(error, tf.errors.ResourceExhaustedError)
        raise OSError(errno.ENOSPC if full else errno.EIO, error.message, str(path)) from None


def serialise(chunk, first_index, inputs):
    """TFRecord examples, as bytes, of the objects in ``chunk`` (dict of arrays)."""
    from tensorflow.core.example.example_pb2 import Example

    records = {one.record: one for one in inputs}
    rest = [name for name in chunk if name not in records]
    whole = [name for name in rest if chunk[name].dtype.kind in "iu"]
    names = [name for name in rest if name not in whole]
    columns = {name: np.atleast_2d(chunk[name].astype(np.float32).T).T for name in names}
    for row in range(len(next(iter(chunk.values())))):
        example = Example()
        feature = example.features.feature
        for name, one in records.items():
            feature[name].CopyFrom(one.encode(chunk[name][row]))
        feature["index"].int64_list.value.append(first_index + row)
        for name in whole:
            feature[name].int64_list.value.append(int(chunk[name][row]))
        for name in names:
            feature[name].float_list.value.extend(columns[name][row].tolist())
        yield example.SerializeToString(deterministic=True)
