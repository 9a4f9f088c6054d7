"""The exported model: contract, isolation, stubborn input, and one answer whatever the batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_run
import tensorflow as tf
from click.testing import CliRunner

from phangs_sfh.cli.export import export
from phangs_sfh.errors import InputError
from phangs_sfh.export import saved_model as serving
from phangs_sfh.observations.flags import Flag, Used
from phangs_sfh.posterior import surprise
from phangs_sfh.problems.histories import LABELS

STATEFUL_BUT_HARMLESS = {  # reads and writes weights; CheckNumerics is so marked to be kept
    "CheckNumerics",
    "DisableCopyOnRead",
    "VarHandleOp",
    "ReadVariableOp",
    "AssignVariableOp",
    "PartitionedCall",
    "StatefulPartitionedCall",
    "SaveV2",
    "RestoreV2",
    "ShardedFilename",
    "MergeV2Checkpoints",
}
NEEDS_PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc", "NumpyFunction"}

SCALARS = [label.name for label in LABELS.scalars]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    small_run.write_run(folder)
    return folder


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    return serving.export_model(run, tmp_path_factory.mktemp("saved_models") / "small")


@pytest.fixture(scope="module")
def model(exported):
    return tf.saved_model.load(str(exported))


@pytest.fixture(scope="module")
def inputs():
    return small_run.observed(small_run.simulated(64, seed=11))


def answer(model, inputs, signature="serving_default"):
    tensors = {name: tf.constant(values) for name, values in inputs.items()}
    return {k: v.numpy() for k, v in model.signatures[signature](**tensors).items()}


def rows(inputs, chosen):
    return {name: values[chosen].copy() for name, values in inputs.items()}


def distance(a, b):
    """Largest difference between two answers, in units of the rows' 68 % intervals."""
    worst = 0.0
    for name in LABELS.names:
        width = a[f"{name}_p84"] - a[f"{name}_p16"]
        for p in ("p16", "p50", "p84"):
            worst = max(worst, np.max(np.abs(a[f"{name}_{p}"] - b[f"{name}_{p}"]) / width))
    return worst


def assert_sound(columns):
    for name, values in columns.items():
        assert np.all(np.isfinite(values)), name
    for name in LABELS.names:
        assert np.all(columns[f"{name}_p16"] <= columns[f"{name}_p50"]), name
        assert np.all(columns[f"{name}_p50"] <= columns[f"{name}_p84"]), name
    assert np.all((columns["sfh_p16"] > 0) & (columns["sfh_p84"] < 1))


def test_signature_is_the_contract(model):
    default = model.signatures["serving_default"]
    given = default.structured_input_signature[1]
    assert {k: (v.shape.as_list(), v.dtype) for k, v in given.items()} == {
        "flux": ([None, 1761], tf.float32),
        "flux_err": ([None, 1761], tf.float32),
        "band_flux": ([None, 5], tf.float32),
        "band_flux_err": ([None, 5], tf.float32),
    }
    shapes = {k: (v.shape.as_list(), v.dtype) for k, v in default.structured_outputs.items()}
    expected = {"surprise": ([None], tf.float32)}
    expected |= {n: ([None], tf.int32) for n in ("flag", "used")}
    expected |= {f"{n}_mean": ([None, 16], tf.float32) for n in ("sfh", "mh")}
    for percentile in ("p16", "p50", "p84"):
        expected |= {f"{n}_{percentile}": ([None, 16], tf.float32) for n in ("sfh", "cmf", "mh")}
        expected |= {f"{n}_{percentile}": ([None], tf.float32) for n in SCALARS}
    assert shapes == expected
    samples = model.signatures["posterior"].structured_outputs
    expected = {n: ([None, 256, 16], tf.float32) for n in ("sfh", "mh")}
    expected |= {n: ([None, 256], tf.float32) for n in SCALARS}
    assert {k: (v.shape.as_list(), v.dtype) for k, v in samples.items()} == expected


def test_folder_holds_all_that_is_promised(exported):
    assert exported.name == "1"
    names = {path.name for path in exported.iterdir()}
    assert {"saved_model.pb", "variables", "model.json", "model.keras", "model_card.md"} <= names
    description = json.loads((exported / "model.json").read_text())
    assert description["name"] == "small" and description["version"] == 1
    assert {"schema_version", "instrument", "z_sun", "posterior", "emission_lines"} <= set(
        description
    )


def test_described_columns_are_those_answered(exported, model):
    described = json.loads((exported / "model.json").read_text())["columns"]
    outputs = model.signatures["serving_default"].structured_outputs
    assert {c["name"]: [None, *c["shape"]] for c in described} == {
        name: spec.shape.as_list() for name, spec in outputs.items()
    }


def test_plain_tensorflow_gives_the_same_numbers(exported, model, inputs, tmp_path):
    """In an interpreter to which this package, Keras and TFP are not installed."""
    np.savez(tmp_path / "inputs.npz", **inputs)
    script = Path(__file__).parents[1] / "helpers" / "servers" / "plain_tensorflow.py"
    result = subprocess.run(
        [sys.executable, "-I", script, exported, tmp_path / "inputs.npz", tmp_path / "answers.npz"],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    with np.load(tmp_path / "answers.npz", allow_pickle=False) as answers:
        for signature in ("serving_default", "posterior"):
            for name, values in answer(model, inputs, signature).items():
                assert np.allclose(values, answers[f"{signature}/{name}"], rtol=1e-5, atol=1e-6), (
                    name
                )


def test_only_standard_ops_and_nothing_random(exported):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
    from tensorflow.python.framework import op_def_registry

    proto = SavedModel()
    proto.ParseFromString((exported / "saved_model.pb").read_bytes())
    for meta in proto.meta_graphs:
        graphs = [meta.graph_def.node, *(f.node_def for f in meta.graph_def.library.function)]
        functions = {f.signature.name for f in meta.graph_def.library.function}
        ops = {node.op for nodes in graphs for node in nodes} - functions
        unknown = {op for op in ops if op_def_registry.get(op) is None}
        assert not unknown
        assert not ops & NEEDS_PYTHON
        stateful = {op for op in ops if op_def_registry.get(op).is_stateful}
        assert stateful <= STATEFUL_BUT_HARMLESS


def test_same_input_same_answer(model, inputs):
    for signature in ("serving_default", "posterior"):
        first, again = (answer(model, inputs, signature) for _ in range(2))
        for name, values in first.items():
            assert np.array_equal(values, again[name]), name


def test_batch_does_not_matter(model, inputs):
    """Matrix products sum in another order at another batch size: equal to float precision."""
    whole = answer(model, inputs)
    single = [answer(model, rows(inputs, [i])) for i in range(8)]
    alone = {name: np.concatenate([one[name] for one in single]) for name in whole}
    first = {name: values[:8] for name, values in whole.items()}
    assert distance(first, alone) < 2e-4
    assert np.array_equal(first["flag"], alone["flag"])
    assert np.allclose(first["surprise"], alone["surprise"], atol=2e-3)
    crowd = answer(model, {n: np.tile(v, (5, 1)) for n, v in inputs.items()})
    assert distance(whole, {name: values[-64:] for name, values in crowd.items()}) < 2e-4


@pytest.mark.parametrize("unit", [1e-30, 1e-18, 1e15, 1e30])
def test_unit_does_not_matter(model, inputs, unit):
    plain = answer(model, inputs)
    scaled = answer(model, {n: v * np.float32(unit) for n, v in inputs.items()})
    assert distance(plain, scaled) < 2e-3
    assert np.array_equal(plain["flag"], scaled["flag"])


def test_rows_without_data_get_the_prior(run, model, inputs):
    given = rows(inputs, slice(0, 6))
    given["flux_err"][0], given["band_flux_err"][0] = 0, -1
    given["flux"][1], given["band_flux"][1] = np.nan, np.inf
    for values in given.values():
        values[2] = 0
    given["flux_err"][3], given["band_flux_err"][3] = np.nan, np.inf
    columns = answer(model, given)
    assert np.all(columns["flag"][:4] == int(Flag.NO_DATA)) and np.all(columns["used"][:4] == 0)
    assert np.all(columns["flag"][4:] & int(Flag.NO_DATA) == 0)
    assert_sound(columns)
    labels = small_run.target_vectors(small_run.simulated(600))
    truth = np.quantile(labels[:, 0], [0.16, 0.5, 0.84])
    for i, p in enumerate(("p16", "p50", "p84")):
        assert np.allclose(columns[f"mw_logage_{p}"][:4], truth[i], atol=0.15)
    samples = answer(model, given, "posterior")
    inside = (samples["mw_logage"][0] > truth[0]) & (samples["mw_logage"][0] < truth[2])
    assert abs(inside.mean() - 0.68) < 0.1


def test_used_says_what_there_was(model, inputs):
    full = {name: np.abs(values) + 0.1 for name, values in rows(inputs, slice(0, 6)).items()}
    full["flux_err"][0] = 0
    full["band_flux_err"][1] = 0
    full["band_flux_err"][2, 3] = 0
    full["flux_err"][3, :360] = 0
    full["flux_err"][4, :350] = np.nan
    spectrum, bands = Used.SPECTRUM | Used.WHOLE_SPECTRUM, Used.BANDS | Used.ALL_BANDS
    expected = [bands, spectrum, spectrum | Used.BANDS, Used.SPECTRUM | bands]
    expected += 2 * [spectrum | bands]
    assert answer(model, full)["used"].tolist() == list(map(int, expected))


def test_missing_values_are_not_looked_at(model, inputs):
    """What stands where the error says missing has no influence."""
    given = rows(inputs, slice(0, 8))
    given["flux_err"][:, 100:150] = 0
    given["band_flux_err"][:, 1] = 0
    plain = answer(model, given)
    given["flux"][:, 100:150] = [[np.nan], [np.inf], [1e38], [-1e38], [0], [1e-38], [7], [-1]]
    given["band_flux"][:, 1] = [np.nan, np.inf, 1e38, -1e38, 0, 1e-38, 7, -1]
    given["flux_err"][:, 100:150] = [[0], [1], [-1], [np.nan], [np.inf], [0], [-np.inf], [0]]
    given["band_flux_err"][:, 1] = [0, 1, -1, np.nan, np.inf, 0, -np.inf, 0]
    given["flux_err"][6, 200] = 1e33  # how some pipelines say "bad"; one pixel fewer
    changed = answer(model, given)
    assert distance(rows(plain, slice(0, 6)), rows(changed, slice(0, 6))) < 1e-6
    assert distance(plain, changed) < 0.3
    assert np.array_equal(plain["flag"], changed["flag"])


def test_nonsense_is_answered_and_finite(model, inputs):
    specials = np.array(
        [0, 1, -1, np.nan, np.inf, -np.inf, 3e38, -3e38, 1e38, 1e-38, -1e-38, 1e-45, 1e20, 1e-20],
        dtype="float32",
    )
    rng = np.random.default_rng(8)
    nonsense = {n: rng.choice(specials, (200, v.shape[1])) for n, v in inputs.items()}
    constant = {n: np.repeat(specials[:, None], v.shape[1], 1) for n, v in inputs.items()}
    for given in (nonsense, constant):
        for value in specials:
            for name in small_run.NAMES:
                columns = answer(model, given | {name: np.full_like(given[name], value)})
                assert_sound(columns)
    assert all(np.all(np.isfinite(v)) for v in answer(model, nonsense, "posterior").values())


def test_single_bad_pixel_does_not_spoil_the_row(model, inputs):
    given = {n: np.abs(v) + 0.1 for n, v in rows(inputs, slice(0, 8)).items()}
    plain = answer(model, given)
    given["flux"][:, 900] = 1e30
    spoilt = answer(model, given)
    assert distance(plain, spoilt) < 0.5


def test_empty_batch(model, inputs):
    for signature in ("serving_default", "posterior"):
        for values in answer(model, rows(inputs, slice(0, 0)), signature).values():
            assert len(values) == 0


def test_wrong_shape_is_refused(model, inputs):
    given = rows(inputs, slice(0, 2))
    given["flux"] = given["flux"][:, :-1]
    with pytest.raises((ValueError, TypeError, tf.errors.InvalidArgumentError)):
        answer(model, given)


def test_surprise_column_and_flag_agree(model, inputs):
    given = {n: v.copy() for n, v in inputs.items()}
    given["band_flux"] *= 1e4
    given["band_flux_err"] *= 1e4
    columns = answer(model, given)
    high = columns["flag"] & int(Flag.HIGH_SURPRISE) > 0
    assert np.array_equal(high, columns["surprise"] >= surprise.HIGH_SURPRISE)
    both = (given["flux_err"].max(axis=1) > 0) & (given["band_flux_err"].max(axis=1) > 0)
    assert high[both].all()


def test_versions_count_up_and_are_not_overwritten_unasked(run, tmp_path):
    name = tmp_path / "models" / "mine"
    runner = CliRunner()
    for version in ("1", "2"):
        result = runner.invoke(export, [str(run), "-o", str(name)])
        assert result.exit_code == 0 and str(name / version) in result.output
    before = (name / "2" / "fingerprint.pb").stat().st_mtime_ns
    with pytest.raises(InputError, match="2: exists already; use --overwrite"):
        serving.export_model(run, name / "2")
    assert (name / "2" / "fingerprint.pb").stat().st_mtime_ns == before
    result = runner.invoke(export, [str(run), "-o", str(name / "2"), "--overwrite"])
    assert result.exit_code == 0
    assert (name / "2" / "fingerprint.pb").stat().st_mtime_ns != before
    assert sorted(path.name for path in name.iterdir()) == ["1", "2"]
    (name / "2" / "notes.txt").write_text("precious")
    with pytest.raises(InputError, match="2: holds 'notes.txt', which is no part of an exported"):
        serving.export_model(run, name / "2", overwrite=True)


def test_failed_export_leaves_nothing(run, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(serving.shutil, "copyfile", full)
    with pytest.raises(OSError, match="No space"):
        serving.export_model(run, tmp_path / "mine")
    assert not list((tmp_path / "mine").iterdir())


@pytest.mark.parametrize("missing", ["model.keras", "model.json", "reference.npz"])
def test_unfinished_run_is_refused_by_name(run, tmp_path, missing):
    broken = tmp_path / "run"
    broken.mkdir()
    for path in run.iterdir():
        if path.name != missing:
            (broken / path.name).write_bytes(path.read_bytes())
    with pytest.raises(InputError, match=f"{missing}: (missing|no such file)"):
        serving.export_model(broken, tmp_path / "mine")
    (broken / missing).write_bytes(b"PK damaged")
    with pytest.raises(InputError, match=missing) as refusal:
        serving.export_model(broken, tmp_path / "mine")
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "mine").exists()


def test_code_in_a_model_file_is_not_run(run, tmp_path):
    """A Lambda layer carries byte code: safe mode refuses it."""
    import keras

    broken = tmp_path / "run"
    broken.mkdir()
    for path in run.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    layer = keras.Input((3,))
    keras.Model(layer, keras.layers.Lambda(lambda x: x + 1)(layer)).save(broken / "model.keras")
    with pytest.raises(InputError, match="model.keras"):
        serving.export_model(broken, tmp_path / "mine")
