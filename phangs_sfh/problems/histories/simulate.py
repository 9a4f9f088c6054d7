"""Galaxies for one shard: prior, forward model, TFRecord features."""

import errno
import os
import socket
from pathlib import Path

import numpy as np

from phangs_sfh.galaxy.ssp_errors import ErrorModel, LibraryErrors
from phangs_sfh.problems.histories.population import draw_galaxies

CHUNK = 250
"""Galaxies simulated at once: keeps memory small and matrix products large."""


def galaxies(model, prior, rng, n):
    """Simulate ``n`` galaxies in chunks; each of another stellar library if the prior has errors.

    Parameters
    ----------
    model : galaxy.model.ForwardModel
    prior : dict from ``priors.load_prior``
    rng : numpy Generator
    n : int

    Yields
    ------
    chunk : dict of arrays with one row a galaxy
        ``spectrum`` (m, n_pixels) and ``bands`` (m, n_bands), in units of the spectrum's median;
        the labels of ``ForwardModel.labels``; and what ``draw_galaxies`` keeps as nuisance.
    """
    errors = prior.get("stellar_library")
    errors = errors and ErrorModel(model.templates, LibraryErrors(**errors))
    for start in range(0, n, CHUNK):
        size = min(CHUNK, n - start)
        if errors:
            model = model.with_templates(errors.draw(rng))
        stars, screen, gas, nuisance = draw_galaxies(prior, rng, size, model)
        spectrum, bands = model.observe(stars, screen, gas)
        # The median is the continuum's level, however strong the lines.
        level = np.median(spectrum, axis=1, keepdims=True)
        labels = model.labels(stars, bands)
        yield {**nuisance, **labels, "spectrum": spectrum / level, "bands": bands / level}


def write_shard(path, shard, seed, model, prior):
    """Simulate one shard and write it, through a temporary file beside it.

    The same shard, seed, model and prior give the same bytes.

    Raises
    ------
    OSError
        Disk full or unwritable; no part of the shard is left.
    """
    import tensorflow as tf

    rng = np.random.default_rng(np.random.SeedSequence(shard.entropy(seed)))
    temporary = Path(f"{path}.partial-{socket.gethostname()}-{os.getpid()}")
    # Noise-like mantissas hardly shrink: a higher level costs time and saves nothing.
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)
    try:
        with tf.io.TFRecordWriter(str(temporary), options) as writer:
            index = shard.first
            for chunk in galaxies(model, prior, rng, shard.n_galaxies):
                for record in serialise(chunk, index):
                    writer.write(record)
                index += len(chunk["spectrum"])
        os.replace(temporary, path)
    except tf.errors.OpError as error:
        # TensorFlow writes by itself, and has its own exceptions for what happens to files.
        full = isinstance(error, tf.errors.ResourceExhaustedError)
        raise OSError(errno.ENOSPC if full else errno.EIO, error.message, str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


def serialise(chunk, first_index):
    """TFRecord examples, as bytes, of the galaxies in ``chunk`` (dict of arrays)."""
    from tensorflow.core.example.example_pb2 import Example

    spectrum = chunk["spectrum"].astype("<f2")
    whole = [name for name in chunk if chunk[name].dtype.kind in "iu"]
    names = [name for name in chunk if name != "spectrum" and name not in whole]
    columns = {name: np.atleast_2d(chunk[name].astype(np.float32).T).T for name in names}
    for row in range(len(spectrum)):
        example = Example()
        feature = example.features.feature
        feature["spectrum"].bytes_list.value.append(spectrum[row].tobytes())
        feature["index"].int64_list.value.append(first_index + row)
        for name in whole:
            feature[name].int64_list.value.append(int(chunk[name][row]))
        for name in names:
            feature[name].float_list.value.extend(columns[name][row].tolist())
        yield example.SerializeToString(deterministic=True)
