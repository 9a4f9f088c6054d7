"""One short training with one choice changed, and what came of it."""

import time
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.special import logsumexp

from phangs_sfh.evaluation.metrics import mad_std
from phangs_sfh.library import batches as pipeline
from phangs_sfh.library.observing import ObservingConditions
from phangs_sfh.network.cleaning import clean, in_order
from phangs_sfh.network.model import NetworkSpec, behind_cleaning
from phangs_sfh.posterior.density import PosteriorSpec
from phangs_sfh.training import fit
from studies.networks.choices import RELEASED
from studies.networks.flow_posterior import SinhArcsinhFlow

N_EVALUATED, BATCH, SPEED_BATCH = 8192, 512, 256


def train(name, chosen, galaxies, library, steps):
    """One row: train, and measure on the valid and test splits.

    Returns
    -------
    row : dict, JSON-able
    """
    steps = int(chosen.get("steps", steps) * chosen.get("share", 1.0))
    kept = {key: v[: chosen.get("galaxies")] for key, v in galaxies["train"].items()}
    kind = SinhArcsinhFlow if chosen.get("flow") else PosteriorSpec
    weights = {k: chosen[k] for k in ("leading_weight", "mean_weight") if k in chosen}
    sample = pipeline.target_sample(kept, library.labels, seed=fit.FitSettings.seed)
    weights["n_components"] = chosen.get("n_components", 4)
    spec = kind.standardised_by(sample, library.labels, **weights)
    row = {"name": name, "weights": 0, "microseconds": 0.0, "steps": 0, "seconds": 0.0, "cpu": 0.0}
    models = []
    first = chosen.get("first_seed", fit.FitSettings.seed)
    for seed in range(first, first + chosen.get("members", 1)):
        model, costs = train_one(chosen, kept, library, spec, steps, seed)
        row |= {key: row[key] + value for key, value in costs.items()}
        models.append(model)
    row["milliseconds a step"] = row.pop("cpu") / row["steps"] * 1e3
    return row | measure(models, spec, galaxies, library)


def train_one(chosen, galaxies, library, spec, steps, seed):
    """A trained network and what it cost."""
    settings = fit.FitSettings(
        epochs=1,
        seed=seed,
        n_components=spec.n_components,
        learning_rate=chosen.get("learning_rate", fit.USUAL_RATE),
        network=replace(NetworkSpec(), **RELEASED | chosen.get("network", {})),
        conditions=replace(ObservingConditions(), **chosen.get("conditions", {})),
    )
    model = fit.build(library, galaxies, spec, settings)
    costs = {"weights": model.count_params(), "microseconds": forward_time(model)}
    fit.compile_model(model, spec, settings, steps)
    average = chosen.get("ema") and Average(chosen["ema"])
    batches, _ = pipeline.training_batches(
        galaxies, library.survey(settings.conditions), settings.batch_size, seed, 1000
    )
    started, used = time.time(), time.process_time()
    model.fit(batches, steps_per_epoch=steps, verbose=0, callbacks=[average] if average else [])
    costs |= {"steps": steps, "seconds": time.time() - started}
    costs["cpu"] = time.process_time() - used
    if average:
        average.apply()
    return model, costs


class Average(keras.callbacks.Callback):
    """Exponential average of the weights, for use after the training."""

    def __init__(self, momentum):
        super().__init__()
        self.momentum, self.mean = momentum, None

    def on_train_batch_end(self, batch, logs=None):
        weights = [np.asarray(w) for w in self.model.trainable_variables]
        if self.mean is None:
            self.mean = weights
        for mean, now in zip(self.mean, weights, strict=True):
            mean += (1 - self.momentum) * (now - mean)

    def apply(self):
        for variable, mean in zip(self.model.trainable_variables, self.mean, strict=True):
            variable.assign(mean)


def measure(models, spec, galaxies, library):
    """Loss and NLL on the valid split, mixed conditions; scatter on the test split at S/N 50.

    Of several networks: of the mixture of their answers in equal parts.
    """
    mixed, standard = ObservingConditions(), ObservingConditions.fixed(50.0)
    joint, leading, squares, error = [], [], [], []
    for x, y in pipeline.fixed_batches(galaxies["valid"], library.survey(mixed), BATCH):
        densities, mean = answers(models, spec, x, y)
        joint.append(densities[0])
        leading.append(densities[1])
        squares.append(np.mean((mean - ops.convert_to_numpy(spec.standardise(y))) ** 2, axis=-1))
    joint, leading, squares = (np.concatenate(part) for part in (joint, leading, squares))
    loss = spec.total(joint, leading, squares)
    batches = pipeline.fixed_batches(
        galaxies["test"], library.survey(standard), BATCH, pipeline.TEST_SEED
    )
    for x, y in batches:
        estimate = spec.restore(ops.convert_to_tensor(answers(models, spec, x, y)[1]))
        error.append(ops.convert_to_numpy(estimate - y)[:, :4])
    error = np.concatenate(error)
    spread = mad_std(error, axis=0)
    return {
        "valid loss": float(np.mean(loss)),
        "valid nll": float(np.mean(-joint)),
        "scatter": {
            name: [float(error[:, i].std()), float(spread[i])]
            for i, name in enumerate(library.labels.names[:4])
        },
    }


def answers(models, spec, x, y):
    """Log densities of all and of the leading targets, (2, n), and means, standardised (n, 37)."""
    densities, means = [], []
    for model in models:
        params = model(x, training=False)
        densities.append([ops.convert_to_numpy(part) for part in spec.log_densities(params, y)])
        means.append(ops.convert_to_numpy(spec.mean_of(params)))
    return logsumexp(densities, axis=0) - np.log(len(models)), np.mean(means, axis=0)


def forward_time(model, seconds=2.0):
    """Least CPU time of cleaned inputs to the last hidden layer [µs a spectrum], one thread."""
    rng = np.random.default_rng(0)
    shapes = {part.name: (SPEED_BATCH, part.shape[-1]) for part in model.inputs}
    flux = {name: rng.normal(1.0, 0.02, shape) for name, shape in shapes.items()}
    given = {name: tf.constant(np.abs(value), tf.float32) for name, value in flux.items()}
    cleaned = in_order(clean(given)[0])
    network = behind_cleaning(model, model.get_layer("params").input)
    run = tf.function(lambda *x: network(list(x), training=False), autograph=False)
    run(*cleaned)
    least, end = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.process_time()
        run(*cleaned)
        least = min(least, time.process_time() - started)
    return least / SPEED_BATCH * 1e6
