"""Answers, records and a training run as they were before the package was moved into folders.

``python tests/golden/golden_cases.py`` writes them anew: only for a change that is meant to change
answers, and then said in the CHANGELOG.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).parents[1] / "helpers"))

import toy_library

from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.library import records
from phangs_sfh.library.observing import ObservingConditions, observe
from phangs_sfh.library.plan import Shard
from phangs_sfh.library.shards import write_shard
from phangs_sfh.library.survey import Survey
from phangs_sfh.network.model import NetworkSpec, load_model
from phangs_sfh.observations.table import read_observations
from phangs_sfh.posterior.density import posterior_of
from phangs_sfh.posterior.fused_head import FusedHead
from phangs_sfh.posterior.marginals import marginal_quantiles, quantiles
from phangs_sfh.posterior.samples import samples
from phangs_sfh.prediction import predict
from phangs_sfh.prediction.model import load_model as load_exported
from phangs_sfh.prediction.model_folder import released_model
from phangs_sfh.problems.assumptions import RECORD
from phangs_sfh.problems.catalogue import described_by
from phangs_sfh.problems.histories import FIRST_LABELS, INPUTS, LABELS, priors
from phangs_sfh.problems.histories.simulator import Simulator
from phangs_sfh.problems.problem import DEFAULT, Described
from phangs_sfh.training import fit

HERE = Path(__file__).parent
TABLE = HERE / "spectra.fits"
MODELS = ("phangs",)
SAMPLES_KEPT = 16
N_RECORDS = 12


def write_table():
    """Galaxies of the sample library as spectra with bands, then hostile variants of the first."""
    import astropy.units as u
    from astropy.table import QTable

    instrument = load_instrument()
    library = records.open_library(HERE.parents[1] / "tfrecords" / "sample")
    some = {key: value[:8] for key, value in records.load(library, "test").items()}
    conditions = ObservingConditions(sn=(20.0, 100.0), no_spectrum=0.0, no_bands=0.0)
    noiseless = {kind: some[kind] for kind in ("spectrum", "bands")}
    inputs = observe(noiseless, instrument, conditions, (3, 5))
    inputs = {name: np.array(value, np.float64) for name, value in inputs.items()}
    rows = [{name: value[i].copy() for name, value in inputs.items()} for i in range(8)]
    for name, value in (("flux_err", 0.0), ("band_flux_err", 0.0)):  # one kind of data missing
        rows.append({**rows[0], name: value * rows[0][name]})
    hostile = {name: value.copy() for name, value in rows[1].items()}
    hostile["flux"][100:110], hostile["flux_err"][200:210] = np.nan, np.inf
    hostile["flux"][300], hostile["flux_err"][400:420] = 1e30, -1.0
    hostile["band_flux"][0], hostile["band_flux_err"][1] = np.nan, 0.0
    rows += [hostile, {name: 0.0 * value for name, value in rows[2].items()}]
    table = QTable()
    step = np.tile(instrument.wave, (len(rows), 1))
    unit = u.Unit("1e-18 erg / (s cm2 Angstrom)")
    table["redshift"] = np.zeros(len(rows))
    table["wave"] = step.astype(np.float32) * u.AA
    for name in ("flux", "flux_err"):
        table[name] = np.array([row[name] for row in rows], np.float32) * unit
    for i, band in enumerate(instrument.band_names):
        for suffix in ("", "_err"):
            values = [row[f"band_flux{suffix}"][i] for row in rows]
            table[band + suffix] = np.array(values, np.float32) * unit
    table.meta["WAVEMED"] = "air"
    table.write(TABLE, overwrite=True)


def answers(name):
    """What a released model's SavedModel says of the table: result columns and some samples."""
    model = load_exported(name)
    seen = read_observations(
        TABLE, model.instrument, mask_emission_lines=model.masks_emission_lines
    )
    table = predict.predict(seen, model)
    found = {key: np.asarray(getattr(table[key], "value", table[key])) for key in table.colnames}
    tensors = {key: tf.constant(value) for key, value in seen.inputs().items()}
    drawn = model.saved.signatures["posterior"](**tensors)
    keep = {f"sample_{key}": value.numpy()[:, ::SAMPLES_KEPT] for key, value in drawn.items()}
    return found | keep


def graph(name):
    """What ``model.keras`` makes of the table through the code of today, without recalibration."""
    folder = released_model(name)
    model, description = load_model(folder)
    spec, described = posterior_of(description), described_by(description, "model.json")
    seen = read_observations(TABLE, load_instrument(), mask_emission_lines=False)
    told = np.zeros((len(seen), len(described.assumptions)), np.float32)
    told[:, 0] = 1.0
    params = model.predict_on_batch(seen.inputs() | {RECORD: told})
    parts = spec.mixture(tf.constant(params))
    columns = {key: np.asarray(value) for key, value in quantiles(LABELS, *parts).items()}
    drawn = samples(LABELS, *parts)
    columns |= {f"sample_{key}": np.asarray(v)[:, ::SAMPLES_KEPT] for key, v in drawn.items()}
    last = model.get_layer("params")
    hidden = np.random.default_rng(0).normal(size=(4, last.input.shape[-1])).astype(np.float32)
    head = FusedHead(spec, LABELS.cut, *last.get_weights())
    fused = marginal_quantiles(LABELS, *head.marginals(hidden))
    columns |= {f"fused_{key}": np.asarray(value) for key, value in fused.items()}
    y = np.random.default_rng(1).normal(size=(len(params), len(spec.mean))).astype(np.float32)
    return columns | {"params": params, "loss": np.asarray(spec.loss(tf.constant(params), y))}


def raw_records(prior):
    """Serialised examples of a shard of a named prior (list of bytes)."""
    simulator = Simulator(load_instrument(), priors.load_prior(prior))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard.tfrecord.gz"
        shard = Shard("train", 0, 1, 0, N_RECORDS)
        write_shard(path, shard, 7, simulator, INPUTS)
        stored = tf.data.TFRecordDataset(str(path), compression_type="GZIP")
        return [bytes(record) for record in stored.as_numpy_iterator()]


def decoded(serialised):
    """Features of examples by name, as arrays."""
    columns = {}
    for record in serialised:
        example = tf.train.Example.FromString(record)
        for name, feature in example.features.feature.items():
            if feature.HasField("bytes_list"):
                value = np.frombuffer(feature.bytes_list.value[0], "<f2")
            elif feature.HasField("int64_list"):
                value = np.array(feature.int64_list.value, np.int64)
            else:
                value = np.array(feature.float_list.value, np.float32)
            columns.setdefault(name, []).append(value)
    return {name: np.stack(values) for name, values in columns.items()}


def training_batch():
    """One batch of observations and targets of the toy library under default conditions."""
    drawn = {key: tf.constant(value) for key, value in toy_library.galaxies(6).items()}
    described = Described(DEFAULT, INPUTS, FIRST_LABELS)
    survey = Survey(described, toy_library.instrument(), ObservingConditions())
    inputs, y = survey.batch(drawn, (1, 2))
    return {key: value.numpy() for key, value in inputs.items()} | {"y": y.numpy()}


def losses():
    """Training and validation losses of two epochs on the toy library."""
    small = NetworkSpec(filters=8, dim=8, heads=2, squeeze=4, width=16, residual_layers=1,
                        latent=8, hidden=16)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        library = records.open_library(toy_library.write_library(Path(folder) / "toy"))
        chosen = fit.FitSettings(
            epochs=2, batch_size=64, n_components=2, network=small, learning_rate=3e-3
        )
        history = fit.fit(library, Path(folder) / "run", chosen, jit=False)
    return {key: np.array([row[key] for row in history]) for key in ("loss", "val_loss")}


def everything():
    """All golden values, flat: ``GROUP/NAME`` to array."""
    found = {}
    groups = {f"answers_{name}": lambda name=name: answers(name) for name in MODELS}
    groups |= {f"graph_{name}": lambda name=name: graph(name) for name in MODELS[:1]}
    groups |= {f"records_{p}": lambda p=p: decoded(raw_records(p)) for p in priors.NAMES}
    groups |= {"batch": training_batch, "losses": losses}
    for group, compute in groups.items():
        found |= {f"{group}/{name}": np.asarray(value) for name, value in compute().items()}
    return found


if __name__ == "__main__":
    write_table()
    np.savez_compressed(HERE / "golden.npz", **everything())
