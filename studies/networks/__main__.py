"""What each choice about the network is worth: one short training a row, for docs/training.md.

    python -m studies.networks LIBRARY -o FOLDER [--only NAME ...] [--page docs/training.md]

Every row is a training of --steps steps on one thread from scratch, all else as in the released
network. Choices are made on the valid split; the scatter shown is that of the test split at S/N 50
with all bands.
A row that is in FOLDER already is not trained again.
"""

import argparse
import json
import os
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.special import logsumexp

from phangs_sfh.evaluation.metrics import mad_std
from phangs_sfh.evaluation.report.markdown import put_between, table
from phangs_sfh.library import batches as pipeline
from phangs_sfh.library import records
from phangs_sfh.library.observing import ObservingConditions
from phangs_sfh.network.cleaning import clean, in_order
from phangs_sfh.network.model import NetworkSpec, behind_cleaning
from phangs_sfh.posterior.density import PosteriorSpec
from phangs_sfh.training import fit
from studies.networks.flow_posterior import SinhArcsinhFlow

N_EVALUATED, BATCH, SPEED_BATCH = 8192, 512, 256
LONG = 12000  # steps of the rows on the size of the library

RELEASED = {"patch": 64, "filters": 128, "squeeze": 24, "width": 256}
NETWORK = {
    "no filters before the token": {"filters": 0},
    "256 filters": {"filters": 256},
    "tokens of 32": {"dim": 32},
    "tokens of 96": {"dim": 96},
    "patches of 40 Å": {"patch": 32},
    "patches of 160 Å": {"patch": 128},
    "patches of 160 Å, 256 filters": {"patch": 128, "filters": 256},
    "patches of 320 Å": {"patch": 256},
    "patches of 320 Å, dense layers of 128": {"patch": 256, "width": 128},
    "patches of 320 Å, 256 filters": {"patch": 256, "filters": 256},
    "patches of 320 Å, 256 filters, tokens of 128": {"patch": 256, "filters": 256, "dim": 128},
    "patches of 640 Å, 256 filters": {"patch": 512, "filters": 256},
    "no convolution": {"convolutions": 0},
    "two convolutions": {"convolutions": 2},
    "kernels of 3, 7 and 15 tokens side by side": {"kernels": (3, 7, 15)},
    "full attention between tokens": {"blocks": 2},
    "attention alone, nothing beside it": {"squeeze": 1, "width": 64, "residual_layers": 0},
    "dense layers of 128": {"width": 128},
    "dense layers of 384, three": {"width": 384, "residual_layers": 3},
}
POSTERIOR = {
    "one normal": {"n_components": 1},
    "two normals": {"n_components": 2},
    "eight normals": {"n_components": 8},
    "autoregressive flow": {"flow": True, "n_components": 1},
}
LOSS = {
    "young bins no more than their share": {"leading_weight": 0.0},
    "young bins and scalars three times": {"leading_weight": 3.0},
    "no squared error of the mean": {"mean_weight": 0.0},
}
TRAINING = {
    "peak rate 1e-3": {"learning_rate": 1e-3},
    "peak rate 6e-3": {"learning_rate": 6e-3},
    "average of weights (0.99)": {"ema": 0.99},
    "no calibration and velocity errors": {
        "conditions": {
            "calibration": 0.0,
            "velocity_error": 0.0,
            "zero_point": 0.0,
            "aperture": 0.0,
        }
    },
}
ENSEMBLE = {
    "two networks, answers mixed": {"members": 2},
    "two networks of half the steps, answers mixed": {"members": 2, "share": 0.5},
}
CHOICE = {
    "patches of 160 Å, as long as the sizes": {"network": {"patch": 128}, "steps": LONG},
}
SIZES = {f"{n // 1000} k galaxies": {"galaxies": n, "steps": LONG} for n in (30000, 100000, 297000)}
BASE = "released network"


def rows():
    """Settings by name."""
    found = {BASE: {}, "the same, another seed": {"first_seed": 5}}
    found |= {name: {"network": change} for name, change in NETWORK.items()}
    return found | POSTERIOR | LOSS | TRAINING | ENSEMBLE | SIZES | CHOICE


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


def page(found):
    """The table."""
    header = ["change", "weights", "µs", "ms a step", "minutes", "valid loss", "valid NLL"]
    header += ["age, mass", "age, light", "[M/H], mass", "[M/H], light"]
    lines = []
    for name in rows():
        if name in found:
            row = found[name]
            cells = [f"{a:.3f}, {b:.3f}" for a, b in row["scatter"].values()]
            lines.append(
                [name, f"{row['weights'] / 1e6:.2f} M", f"{row['microseconds']:.0f}"]
                + [f"{row['milliseconds a step']:.0f}", f"{row['seconds'] / 60:.1f}"]
                + [f"{row['valid loss']:.3f}", f"{row['valid nll']:.2f}", *cells]
            )
    return table(header, lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library")
    parser.add_argument("-o", "--output", required=True, type=Path)
    parser.add_argument("--only", nargs="*", help="names of rows")
    parser.add_argument("--steps", type=int, default=1100)
    parser.add_argument("--page", type=Path, help="put the table between its marks there")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    options.output.mkdir(parents=True, exist_ok=True)
    path = {name: options.output / f"{name.replace(' ', '-')}.json" for name in rows()}
    todo = [name for name in options.only or rows() if not path[name].exists()]
    if todo:
        library = records.open_library(options.library)
        galaxies = {split: records.load(library, split) for split in records.SPLITS}
        for split in ("valid", "test"):
            galaxies[split] = {k: v[:N_EVALUATED] for k, v in galaxies[split].items()}
    for name in todo:
        row = train(name, rows()[name], galaxies, library, options.steps)
        path[name].write_text(json.dumps(row, indent=1))
        keras.backend.clear_session()
        print(json.dumps(row), flush=True)
    found = {name: json.loads(p.read_text()) for name, p in path.items() if p.exists()}
    print(page(found))
    if options.page and not put_between(options.page, "compare_networks", page(found)):
        raise SystemExit(f"{options.page}: no marks 'compare_networks'; put them back")


if __name__ == "__main__":
    main()
