"""A library of ``toy_problem`` and a SavedModel that answers it, made without any training."""

import hashlib
import json

import numpy as np
import tensorflow as tf
from drawn_model import percentile_columns
from toy_problem import INSTRUMENT, LABELS, PROBLEM, Priors, Simulator

from phangs_sfh.library.observing import ObservingConditions, observe
from phangs_sfh.library.shards import serialise
from phangs_sfh.problems.inputs import sizes

N_SAMPLES = 1000


def objects(n, seed=0):
    """Arrays of ``n`` noiseless spectra with their labels."""
    return next(Simulator(INSTRUMENT, None, None).galaxies(np.random.default_rng(seed), n))


def write_library(folder, n=300):
    """A library with one shard, of the split ``test``; returns its folder."""
    folder.mkdir()
    shard = folder / "test-00000-of-00001.tfrecord.gz"
    with tf.io.TFRecordWriter(str(shard), "GZIP") as writer:
        for record in serialise(objects(n), 0, PROBLEM.inputs):
            writer.write(record)
    digest = hashlib.sha256(shard.read_bytes()).hexdigest()
    shards = [{"file": shard.name, "n_galaxies": n, "sha256": digest}]
    content = {
        "schema_version": 1,
        "name": "lines",
        "seed": 0,
        "n_galaxies": n,
        "instrument": INSTRUMENT.to_dict(),
        "splits": {"test": {"n_galaxies": n, "shards": shards}},
        "emission_lines": "modelled",
        "prior": Priors().load("plain"),
        **PROBLEM.described.to_dict(),
    }
    (folder / "library.json").write_text(json.dumps(content))
    return folder


class Linear(tf.Module):
    """Normal in target space, its mean linear in the flux, one covariance for all."""

    def __init__(self, weights, scatter):
        super().__init__()
        noise = (
            np.random.default_rng(1).standard_normal((N_SAMPLES, 2)) @ np.linalg.cholesky(scatter).T
        )
        weights, noise = tf.constant(weights, tf.float32), tf.constant(noise, tf.float32)
        widths = sizes(PROBLEM.inputs, INSTRUMENT)
        shapes = [tf.TensorSpec([None, n], tf.float32, name) for name, n in widths.items()]

        @tf.function(input_signature=shapes)
        def posterior(flux, flux_err):
            return LABELS.values((_features(flux) @ weights)[:, None] + noise)

        @tf.function(input_signature=shapes)
        def serving_default(flux, flux_err):
            columns = percentile_columns(posterior(flux, flux_err))
            columns["surprise"] = tf.math.reduce_std(flux, -1)
            columns["flag"] = 64 * tf.cast(columns["surprise"] > 3, tf.int32)
            columns["used"] = tf.ones_like(columns["flag"])
            return columns

        self.posterior, self.serving_default = posterior, serving_default


def _features(flux):
    return tf.concat([flux, tf.ones_like(flux[:, :1])], axis=1)


def write_model(folder):
    """A model folder, fitted by least squares to other objects than the library's."""
    drawn = objects(2000, seed=5)
    conditions = ObservingConditions.fixed(50, masked_lines=0.0)
    seen = observe({"spectrum": drawn["spectrum"]}, INSTRUMENT, conditions, (5, 0))
    x, y = _features(seen["flux"]).numpy(), np.asarray(LABELS.target(drawn, None))
    weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ y)
    model = Linear(weights, np.cov((y - x @ weights).T))
    signatures = {"serving_default": model.serving_default, "posterior": model.posterior}
    tf.saved_model.save(model, str(folder), signatures=signatures)
    info = {
        "schema_version": 1,
        "name": "liner",
        "version": 1,
        "instrument": INSTRUMENT.to_dict(),
        "z_sun": None,
        "emission_lines": "modelled",
        **PROBLEM.described.to_dict(),
    }
    (folder / "model.json").write_text(json.dumps(info))
    return folder
