"""Training end to end on a toy library: it learns, resumes to the same end, and refuses well."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import toy_library
from small_training import SMALL, settings

from phangs_sfh.errors import InputError
from phangs_sfh.library import batches as pipeline
from phangs_sfh.library import records
from phangs_sfh.network.model import NetworkSpec, load_model
from phangs_sfh.posterior.density import posterior_of
from phangs_sfh.training import checkpoints, fit

HELPERS = str(Path(__file__).parents[1] / "helpers")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = toy_library.write_library(tmp_path_factory.mktemp("toy") / "toy")
    return records.open_library(folder)


@pytest.fixture(scope="module")
def unbroken(library, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run"
    return out, fit.fit(library, out, settings(), jit=False)


def test_learns_more_than_the_prior(library, tmp_path):
    conditions = fit.ObservingConditions.fixed(100.0)
    chosen = settings(12, batch_size=32, conditions=conditions)
    history = fit.fit(library, tmp_path / "run", chosen, jit=False)
    losses = [row["val_loss"] for row in history]
    assert losses[-1] < losses[0] - 0.5
    model, description = load_model(tmp_path / "run")
    spec = posterior_of(description)
    galaxies = records.load(library, "valid")
    ((inputs, y),) = pipeline.fixed_batches(galaxies, library.survey(conditions), 512)
    params = model(inputs)
    assert np.mean(spec.squared_error(params, y)) < 0.35  # the prior's mean leaves 1
    alone = tf.tile(spec.initial_bias()[None], [len(y), 1])  # unit normals: the prior, bin by bin
    assert np.mean(spec.log_densities(params, y)[0] - spec.log_densities(alone, y)[0]) > 10.0


def test_run_folder_holds_what_serving_needs(library, unbroken):
    out, history = unbroken
    model, description = load_model(out)
    assert description["schema_version"] == 1
    assert description["z_sun"] == 0.02
    assert description["emission_lines"] == "masked"  # toy galaxies have no gas
    assert description["training"]["best"]["val_loss"] == min(r["val_loss"] for r in history)
    assert model.get_layer("latent").output.shape == (None, SMALL.latent)
    rows = (out / "metrics.csv").read_text().splitlines()
    assert len(rows) == 1 + len(history) and rows[0].startswith("epoch,loss,val_loss")
    assert list((out / "logs").rglob("events.out.tfevents*"))
    assert not list(out.glob("*tmp*"))


def test_saved_model_has_the_best_valid_loss(library, unbroken):
    out, history = unbroken
    model, description = load_model(out)
    spec = posterior_of(description)
    galaxies = records.load(library, "valid")
    ((inputs, y),) = pipeline.fixed_batches(galaxies, library.survey(), fit.VALID_BATCH)
    loss = float(tf.reduce_mean(spec.loss(model(inputs), y)))
    assert loss == pytest.approx(min(row["val_loss"] for row in history), abs=2e-4)


class Kill(Exception):
    pass


def test_resume_after_a_kill_comes_to_the_same_end(library, unbroken, tmp_path):
    out, history = unbroken

    class KillInSecondEpoch(fit.keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations >= 12:
                raise Kill

    with pytest.raises(Kill):
        fit.fit(library, tmp_path, settings(), jit=False, callbacks=[KillInSecondEpoch()])
    assert checkpoints.read_state(tmp_path)["epochs_done"] == 1
    assert not (tmp_path / "model.keras").exists()
    resumed = fit.fit(library, tmp_path, settings(), jit=False, resume=True)
    for mine, theirs in zip(resumed, history, strict=True):
        mine, theirs = ({**row, "seconds": 0.0} for row in (mine, theirs))
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-5)
    for ours, whole in zip(
        load_model(tmp_path)[0].get_weights(), load_model(out)[0].get_weights(), strict=True
    ):
        np.testing.assert_allclose(ours, whole, atol=2e-4)


def test_resuming_a_finished_run_changes_nothing(library, unbroken):
    out, history = unbroken
    before = load_model(out)[0].get_weights()
    assert fit.fit(library, out, settings(), jit=False, resume=True) == history
    for a, b in zip(before, load_model(out)[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_refuses_existing_run_and_changed_settings(library, unbroken, tmp_path):
    out, _ = unbroken
    with pytest.raises(InputError, match="--resume"):
        fit.fit(library, out, settings())
    with pytest.raises(InputError, match="epochs was 3, now 4"):
        fit.fit(library, out, settings(4), resume=True)
    with pytest.raises(InputError, match="no run to resume"):
        fit.fit(library, tmp_path / "none", settings(), resume=True)
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="no training run"):
        fit.fit(library, tmp_path, settings(), overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_epochs_differ_in_order_and_noise_but_can_be_repeated(library):
    galaxies = records.load(library, "train")

    def batches(first):
        dataset, steps = pipeline.training_batches(galaxies, library.survey(), 64, 5, 2, first)
        return list(dataset.as_numpy_iterator()), steps

    both, steps = batches(0)
    second, _ = batches(1)
    assert len(both) == 2 * steps and len(second) == steps
    for (inputs, y), (again, y_again) in zip(both[steps:], second, strict=True):
        np.testing.assert_array_equal(y, y_again)
        np.testing.assert_array_equal(inputs["flux"], again["flux"])
    ages = [np.concatenate([y[:, 0] for _, y in part]) for part in (both[:steps], second)]
    assert not np.array_equal(*ages)
    for age in ages:  # each epoch is a permutation of the galaxies
        np.testing.assert_array_equal(np.sort(age), np.sort(galaxies["mw_logage"]))


def test_targets_agree_with_their_definition(library):
    galaxies, labels = records.load(library, "valid"), library.labels
    noise = np.random.default_rng(0).normal(size=galaxies["sfh"].shape).astype(np.float32)
    y = labels.target(galaxies, tf.constant(noise))
    floored = labels["sfh"].transform.floored(galaxies["sfh"], noise)
    back = {name: np.asarray(value) for name, value in labels.values(y).items()}
    np.testing.assert_allclose(back.pop("sfh"), floored, rtol=1e-4, atol=1e-7)
    taken = np.log(floored[:, :-1]) - np.log(np.cumsum(floored[:, ::-1], axis=1)[:, -2::-1])
    np.testing.assert_allclose(y[:, labels.slices["sfh"]], taken, atol=1e-4)
    av = np.maximum(galaxies["av"], labels["av"].transform.smallest)
    np.testing.assert_allclose(back.pop("av"), av, rtol=1e-3)
    for name, value in back.items():
        np.testing.assert_array_equal(value, galaxies[name])


MIRRORED = """
import sys
sys.path[:0] = [{tests!r}]
from small_training import settings
from phangs_sfh.library import records
from phangs_sfh.training import fit
library = records.open_library({library!r})
mirrored = fit.mirrored_strategy(2)
assert mirrored.num_replicas_in_sync == 2
for name, strategy in (("one", None), ("two", mirrored)):
    out = {out!r} + "/" + name
    (row,) = fit.fit(library, out, settings(1), strategy=strategy, jit=False)
    print("LOSSES", row["loss"], row["val_loss"])
"""


def test_two_mirrored_replicas_train_as_one(library, tmp_path):
    """In a process of its own: a CPU can only be divided before TensorFlow first uses it."""
    script = MIRRORED.format(
        tests=HELPERS,
        library=str(library.folder),
        out=str(tmp_path),
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("LOSSES")]
    one, two = (list(map(float, line)) for line in lines)
    np.testing.assert_allclose(two, one, rtol=2e-3)
    for ours, whole in zip(
        load_model(tmp_path / "two")[0].get_weights(),
        load_model(tmp_path / "one")[0].get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(ours, whole, atol=5e-3)


def test_starts_from_a_trained_model(library, unbroken, tmp_path):
    before, history = unbroken
    chosen = settings(1, start_from=str(before), learning_rate=1e-6)
    again = fit.fit(library, tmp_path / "run", chosen, jit=False)
    best = min(row["val_loss"] for row in history)
    assert abs(again[0]["val_loss"] - best) < 0.02 * abs(history[0]["val_loss"] - best) + 1e-3
    (_, old), (_, new) = load_model(before), load_model(tmp_path / "run")
    assert new["posterior"] == old["posterior"]  # the weights mean nothing in other units
    assert new["training"]["before"] == old["training"]


def test_sizes_of_models_from_before_patches_were_recorded():
    sizes = NetworkSpec().to_dict()
    old = {"training": {"network": {k: sizes[k] for k in sizes if k not in ("patch", "kernels")}}}
    assert fit.sizes_of(old) == replace(NetworkSpec(), patch=64)
    assert fit.sizes_of({"training": {"network": sizes}}) == NetworkSpec()


def test_does_not_start_from_another_network(library, unbroken, tmp_path):
    other = replace(SMALL, dim=32)
    chosen = settings(1, start_from=str(unbroken[0]), network=other)
    with pytest.raises(InputError, match="model.json: network has sizes"):
        fit.fit(library, tmp_path / "run", chosen)
