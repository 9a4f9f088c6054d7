"""Killed runs go on; what another request left is not used."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from fake_model import write_fake_model
from map_runs import data, rows_read
from small_cube import write_cube, write_image, write_map

from phangs_sfh.cli.main import main
from phangs_sfh.errors import InputError
from phangs_sfh.maps import unfinished
from phangs_sfh.maps.input import cube_spectra
from phangs_sfh.maps.unfinished import Work

NY, NX = 8, 5

KILLED = """
import os, signal, sys
from phangs_sfh.maps.input import cube_spectra
from phangs_sfh.maps import unfinished
from phangs_sfh.cli.main import main

cube_spectra.BLOCK_BYTES = 1
unfinished.SAVE_SECONDS = unfinished.SAVE_STACK_SECONDS = 0
owner, method = {owner}
kept, calls = getattr(owner, method), []

def counted(*arguments, **named):
    kept(*arguments, **named)
    calls.append(0)
    if len(calls) == 5:
        os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, method, counted)
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_fake_model(tmp_path_factory.mktemp("models") / "1"))


@pytest.fixture
def arguments(tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cube_spectra, "BLOCK_BYTES", 1)
    write_cube("c.fits", NY, NX)
    write_image("i.fits", np.full((120, 120), 2.0), 0.05)
    write_map("b.fits", np.arange(NY * NX).reshape(NY, NX) % 7)
    return ["map", "c.fits", "--redshift", "0.003", "--image", "F555W=i.fits", "--psf", "0.8",
            "--model", model]  # fmt: skip


def kill(owner, *arguments):
    """Run the command in a process that kills itself at its fifth step."""
    script = KILLED.format(owner=owner)
    ended = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-500:]


def stop(*arguments):
    """Run the command and stop it as Ctrl-C does at its fifth step."""
    kept, calls = Work.done, []

    def counted(self, rows, **state):
        kept(self, rows, **state)
        calls.append(rows)
        if len(calls) == 5:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Work, "done", counted)
        patch.setattr(unfinished, "SAVE_SECONDS", 0)
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 130 and "the same command goes on from here" in result.stderr


def run(*arguments):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize(
    "owner, more",
    [("unfinished.Work, 'done'", []), ("unfinished.Work, 'save_stack'", ["--bins", "b.fits"])],
)
def test_a_killed_run_goes_on_to_the_same_maps(arguments, tmp_path, owner, more):
    run(*arguments, *more, "-o", "whole.fits")
    before = {p.name for p in tmp_path.iterdir()}
    kill(owner, *arguments, *more, "-o", "m.fits")
    assert {p.name for p in tmp_path.iterdir()} == before | {".m.fits.work"}
    with rows_read() as rows:
        result = run(*arguments, *more, "-o", "m.fits")
    assert "going on where the last run ended" in result.stderr
    assert 0 < rows[0] and len(rows) < NY
    assert data("m.fits") == data("whole.fits")
    assert {p.name for p in tmp_path.iterdir()} == before | {"m.fits"}


def test_another_request_or_changed_input_starts_anew(arguments, tmp_path):
    run(*arguments, "--ebv", "0.1", "-o", "whole.fits")
    stop(*arguments, "-o", "m.fits")
    result = run(*arguments, "--ebv", "0.1", "-o", "m.fits")
    assert "begun anew" in result.stderr and "going on" not in result.stderr
    assert data("m.fits") == data("whole.fits")
    stop(*arguments, "-o", "n.fits")
    assert "going on" in run(*arguments, "-o", "n.fits").stderr
    stop(*arguments, "-o", "o.fits")
    write_cube("c.fits", NY, NX, seed=1)
    assert "begun anew" in run(*arguments, "-o", "o.fits").stderr


def test_two_runs_at_once_are_refused(tmp_path):
    with Work(tmp_path / "m.fits", {}):
        with pytest.raises(InputError, match="another run is at work"):
            with Work(tmp_path / "m.fits", {}):
                pass


def test_a_refusal_leaves_no_folder_and_a_break_does(tmp_path):
    for error, left in ((InputError("no"), False), (KeyboardInterrupt(), True)):
        with pytest.raises(type(error)):
            with Work(tmp_path / "m.fits", {}) as work:
                work.done(3)
                raise error
        assert work.folder.exists() == left


def test_damaged_leftovers_are_thrown_away(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with Work(tmp_path / "m.fits", {}) as work:
            work.maps.write_text("maps")
            work.done(3)
            raise KeyboardInterrupt
    for name in ("progress.json", "request.json"):
        content = (work.folder / name).read_text()
        (work.folder / name).write_text(content[:-3])
        again = Work(tmp_path / "m.fits", {})
        with pytest.raises(KeyboardInterrupt), again:
            assert not again.resumed and again.state == {"rows": 0}
            work.maps.write_text("maps")
            again.done(3)
            raise KeyboardInterrupt
    assert again.load_stack(flux=np.zeros(3)) == 0
