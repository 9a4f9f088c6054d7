"""An old run is lost only to a finished new one, and one run writes at a time."""

import json

import pytest
import toy_library
from small_training import settings

from phangs_sfh.errors import InputError
from phangs_sfh.files import lock
from phangs_sfh.library import records
from phangs_sfh.training import fit, run_folder

OLD, NEW = ({"epochs": n, "library": "toy"} for n in (3, 5))


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


@pytest.fixture
def out(tmp_path):
    """A finished run."""
    out = tmp_path / "run"
    with run_folder.held(out, OLD, False, False) as folder:
        (folder / "model.keras").write_text("old")
        (folder / "logs").mkdir()
        (folder / "logs" / "events.out").write_text("old")
    return out


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_run_replaces_an_old_one_when_it_is_finished(out):
    with run_folder.held(out, NEW, False, True) as folder:
        assert folder != out and names(out) == ["lock", "logs", "model.keras", "run.json"]
        (folder / "model.keras").write_text("new")
    assert names(out) == ["model.keras", "run.json"] and names(out.parent) == ["run"]
    assert (out / "model.keras").read_text() == "new"
    assert json.loads((out / "run.json").read_text()) == NEW


def test_a_stopped_new_run_keeps_the_old_one_and_is_resumed(out):
    before = content(out)
    with pytest.raises(KeyboardInterrupt), run_folder.held(out, NEW, False, True) as folder:
        (folder / "state.json").write_text("half")
        raise KeyboardInterrupt
    assert content(out) == before
    with pytest.raises(InputError, match="epochs was 5, now 3"):
        run_folder.check(out, OLD, True, False)
    with run_folder.held(out, NEW, True, False) as folder:
        assert (folder / "state.json").read_text() == "half"
        (folder / "model.keras").write_text("new")
    assert names(out) == ["model.keras", "run.json", "state.json"]
    with run_folder.held(out, NEW, True, False) as folder:
        assert folder == out


def test_a_stopped_new_run_is_replaced_too(out):
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), run_folder.held(out, NEW, False, True) as folder:
            assert names(folder) == ["lock", "run.json"]
            (folder / "state.json").write_text("half")
            raise KeyboardInterrupt
    with pytest.raises(InputError, match="exists already; give --resume"):
        run_folder.check(out, NEW, False, False)


@pytest.mark.parametrize("resume, overwrite", [(False, True), (True, False)])
def test_one_run_at_a_time(out, resume, overwrite):
    before = content(out)
    with (
        lock.held(out, "busy"),
        pytest.raises(InputError, match="run: another run is training here; wait"),
        run_folder.held(out, OLD, resume, overwrite),
    ):
        pass
    assert content(out) == before


def test_what_is_not_of_a_run_is_not_removed(out):
    (out / "notes.txt").write_text("precious")
    with pytest.raises(InputError, match="run: holds 'notes.txt', which is no part of a training"):
        run_folder.check(out, NEW, False, True)
    (out / "notes.txt").rename(out.parent / "notes.txt")
    for text in ("{}", "[]", "{", "[" * 10**5):
        (out / "run.json").write_text(text)
        with pytest.raises(InputError, match="run: no training run, will not be replaced"):
            run_folder.check(out, NEW, False, True)


def test_what_came_in_during_the_training_is_not_removed(out):
    with (
        pytest.raises(InputError, match="holds 'notes.txt'"),
        run_folder.held(out, NEW, False, True) as folder,
    ):
        (folder / "model.keras").write_text("new")
        (out / "notes.txt").write_text("precious")
    assert (out / "notes.txt").exists() and (folder / "model.keras").read_text() == "new"


def test_a_link_is_not_replaced(out):
    link = out.parent / "link"
    link.symlink_to(out)
    with pytest.raises(InputError, match="link: is a link"):
        run_folder.check(link, NEW, False, True)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy") / "toy"
    counts = (("train", 64), ("valid", 16), ("test", 8))
    return records.open_library(toy_library.write_library(folder, counts))


@pytest.mark.parametrize("there", [True, False])
def test_a_refused_start_costs_and_leaves_nothing(library, tmp_path, there):
    """The model to start from lacks its weights: seen after its description is read."""
    start, out = tmp_path / "start", tmp_path / "run"
    start.mkdir()
    description = {"schema_version": 1, "labels": [], "training": {}}
    (start / "model.json").write_text(json.dumps(description))
    if there:
        out.mkdir()
        stored = {**settings().to_dict(), "library": fit.identity(library)}
        (out / "run.json").write_text(json.dumps(stored))
        (out / "model.keras").write_text("old")
    before = content(tmp_path)
    with pytest.raises(InputError, match="model.keras: no such file"):
        fit.fit(library, out, settings(start_from=str(start)), overwrite=there)
    assert content(tmp_path) == before and out.exists() == there
