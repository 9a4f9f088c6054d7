"""A SavedModel with the released model's signatures, made without any training.

Its posterior is a normal in target space whose mean is linear in block-averaged fluxes and band
colours: with weights of zero it answers the prior, with least-squares weights it is a rough but
honest network.
"""

import json

import numpy as np
import tensorflow as tf

from phangs_sfh.problems.histories import LABELS
from phangs_sfh.problems.inputs import Bands, Spectrum
from phangs_sfh.problems.problem import Described

N_BLOCKS = 40
N_SAMPLES = 64


def features(inputs):
    """Blocks of the normalised spectrum and log band ratios, zero where missing; (n, 46) tensor."""
    flux, band_flux = inputs["flux"], inputs["band_flux"]
    good = tf.cast(inputs["flux_err"] > 0, tf.float32)
    size = flux.shape[1] // N_BLOCKS * N_BLOCKS
    cut = tf.reshape((flux * good)[:, :size], (-1, N_BLOCKS, size // N_BLOCKS))
    weight = tf.reshape(good[:, :size], (-1, N_BLOCKS, size // N_BLOCKS))
    blocks = tf.reduce_sum(cut, -1) / tf.maximum(tf.reduce_sum(weight, -1), 1.0)
    level = tf.reduce_sum(blocks, -1, keepdims=True) / N_BLOCKS
    seen = level > 0
    blocks = tf.where(seen, blocks / tf.where(seen, level, 1.0), 0.0)
    present = (inputs["band_flux_err"] > 0) & (band_flux > 0) & seen
    ratio = tf.where(present, band_flux / tf.where(seen, level, 1.0), 1.0)
    return tf.concat([blocks, tf.math.log(ratio), tf.ones_like(level)], axis=1)


def target_vectors(truth, seed=0):
    """Targets (n, T) of truths: dict with ``sfh``, ``mh`` and the scalars."""
    noise = np.random.default_rng(seed).standard_normal(truth["sfh"].shape)
    return np.asarray(LABELS.target(truth, noise), np.float64)


def percentile_columns(samples):
    """Answers ``NAME_p16`` ... ``NAME_p84`` of a dict of samples (n, n_samples, ...)."""
    columns = {}
    for name, drawn in samples.items():
        ordered = tf.sort(drawn, axis=1)
        for label, place in (("p16", 0.16), ("p50", 0.5), ("p84", 0.84)):
            columns[f"{name}_{label}"] = ordered[:, int(place * drawn.shape[1])]
    return columns


def history_columns(samples):
    """What labels ask for besides: the cumulative history and posterior means."""
    cmf = tf.cumsum(samples["sfh"], axis=-1, reverse=True)
    means = {f"{name}_mean": tf.reduce_mean(samples[name], axis=1) for name in ("sfh", "mh")}
    return percentile_columns({"cmf": cmf}) | means


class FakeModel(tf.Module):
    """Normal in target space, mean ``features @ weights``, one covariance for all."""

    def __init__(self, weights, covariance, n_pixels, n_bands):
        super().__init__()
        rng = np.random.default_rng(5)
        scale = np.linalg.cholesky(covariance + 1e-9 * np.eye(len(covariance)))
        noise = rng.standard_normal((N_SAMPLES, len(covariance))) @ scale.T
        weights, noise = tf.constant(weights, tf.float32), tf.constant(noise, tf.float32)
        shapes = [tf.TensorSpec([None, n_pixels], tf.float32, k) for k in ("flux", "flux_err")]
        shapes += [
            tf.TensorSpec([None, n_bands], tf.float32, k) for k in ("band_flux", "band_flux_err")
        ]

        def sample(inputs):
            y = (features(inputs) @ weights)[:, None] + noise
            return LABELS.values(y)

        @tf.function(input_signature=shapes)
        def posterior(flux, flux_err, band_flux, band_flux_err):
            return sample(
                dict(zip(INPUTS, (flux, flux_err, band_flux, band_flux_err), strict=True))
            )

        @tf.function(input_signature=shapes)
        def serving_default(flux, flux_err, band_flux, band_flux_err):
            values = (flux, flux_err, band_flux, band_flux_err)
            samples = sample(dict(zip(INPUTS, values, strict=True)))
            columns = percentile_columns(samples) | history_columns(samples)
            columns["surprise"] = tf.abs(tf.reduce_mean(band_flux, -1) - 1.0)
            columns["flag"] = 64 * tf.cast(columns["surprise"] > 3, tf.int32)
            columns["used"] = tf.zeros_like(columns["flag"]) + 15
            return columns

        self.posterior, self.serving_default = posterior, serving_default


INPUTS = ("flux", "flux_err", "band_flux", "band_flux_err")


def write_fake_model(folder, instrument, truth, weights=None, inputs=None):
    """Write a model folder; fits the weights by least squares if ``inputs`` are given."""
    y = target_vectors(truth)
    if inputs is not None:
        x = features(inputs).numpy()
        weights = np.linalg.solve(x.T @ x + 1e-3 * np.eye(x.shape[1]), x.T @ y)
        covariance = np.cov((y - x @ weights).T)
    else:
        weights = np.zeros((N_BLOCKS + instrument.n_bands + 1, y.shape[1]))
        weights[-1] = y.mean(axis=0)
        covariance = np.cov(y.T)
    model = FakeModel(weights, covariance, instrument.n_pixels, instrument.n_bands)
    signatures = {"serving_default": model.serving_default, "posterior": model.posterior}
    tf.saved_model.save(model, str(folder), signatures=signatures)
    info = {
        "schema_version": 1,
        "name": "fake",
        "version": 1,
        "instrument": instrument.to_dict(),
        "z_sun": 0.02,
        "emission_lines": "masked",
        **Described("histories", (Spectrum(), Bands()), LABELS).to_dict(),
    }
    (folder / "model.json").write_text(json.dumps(info))
