"""``phangs-sfh fit`` as a user meets it."""

import json

import pytest
import small_run
import toy_library
from click.testing import CliRunner

from phangs_sfh.cli.main import main
from phangs_sfh.training import fit as training


@pytest.fixture
def library(tmp_path):
    return toy_library.write_library(tmp_path / "toy", (("train", 64), ("valid", 16), ("test", 8)))


def refused(*arguments, code=1):
    result = CliRunner().invoke(main, ["fit", *map(str, arguments)])
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert code == 2 or len(lines) == 1
    return lines[-1]


def test_damaged_shard_is_refused_and_nothing_is_left(library, tmp_path):
    shard = library / "train-00001-of-00002.tfrecord.gz"
    shard.write_bytes(shard.read_bytes()[:-30])
    line = refused(library, "-o", tmp_path / "out")
    assert shard.name in line and "make-library" in line
    assert not (tmp_path / "out").exists()


def test_other_schema_version_is_refused(library, tmp_path):
    path = library / "library.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 7}))
    assert "schema_version is 7" in refused(library, "-o", tmp_path / "out")


def test_missing_library_is_refused(tmp_path):
    assert "make-library" in refused(tmp_path / "none")


def test_existing_run_is_kept(library, tmp_path):
    run = tmp_path / "out" / "run"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    line = refused(library, "-o", tmp_path / "out")
    assert "--resume" in line and "--overwrite" in line
    line = refused(library, "-o", tmp_path / "out", "--resume")
    assert "run.json" in line
    assert (run / "run.json").read_text() == "{}"


def test_failed_overwrite_keeps_the_old_run(library, tmp_path):
    run = tmp_path / "out" / "run"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    shard = library / "valid-00000-of-00001.tfrecord.gz"
    shard.write_bytes(shard.read_bytes()[:-30])
    assert shard.name in refused(library, "-o", tmp_path / "out", "--overwrite")
    assert (run / "run.json").read_text() == "{}"


def test_output_that_is_a_file_is_refused(library, tmp_path):
    (tmp_path / "out").write_text("")
    assert str(tmp_path / "out") in refused(library, "-o", tmp_path / "out", code=2)


def test_wrong_usage(library):
    assert "exclude" in refused(library, "--resume", "--overwrite", code=2)
    assert "--epochs" in refused(library, "--epochs", "0", code=2)


def test_trains_and_exports(library, tmp_path, monkeypatch):
    """From a library to a served model by one command; few neurons, not compiled by XLA."""
    compiled = training.compile_model
    monkeypatch.setattr(training, "NetworkSpec", lambda: small_run.SMALL)
    monkeypatch.setattr(training, "compile_model", lambda *given: compiled(*given[:4], jit=False))
    out = tmp_path / "out"
    arguments = ["fit", str(library), "-o", str(out), "--epochs", "1", "--batch-size", "32"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert (out / "1" / "saved_model.pb").is_file()
    assert (out / "run" / "metrics.csv").is_file()
    description = json.loads((out / "1" / "model.json").read_text())
    assert description["name"] == "out" and description["training"]["epochs"] == 1
