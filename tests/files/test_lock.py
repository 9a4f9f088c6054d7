"""One lock, held alone or shared."""

import shutil
import subprocess
import sys

import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.files.lock import FILE, Busy, held


def test_one_alone_or_several_together(tmp_path):
    folder = tmp_path / "work"
    with held(folder, f"{folder}: busy"):
        for shared in (False, True):
            with pytest.raises(Busy, match="work: busy"), held(folder, f"{folder}: busy", shared):
                pass
    with held(folder, "busy", shared=True), held(folder, "busy", shared=True):
        with pytest.raises(InputError, match="busy"), held(folder, "busy"):
            pass
    with held(folder, "busy"):  # let go of, also after the refusals
        pass


def test_an_exception_lets_go(tmp_path):
    with pytest.raises(ValueError), held(tmp_path, "busy"):
        raise ValueError
    with held(tmp_path, "busy"):
        pass


def test_a_killed_run_lets_go(tmp_path):
    script = (
        "import os, pathlib, signal, sys; from phangs_sfh.files.lock import held\n"
        "with held(pathlib.Path(sys.argv[1]), 'busy'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)])
    assert (tmp_path / FILE).exists()
    with held(tmp_path, "busy"):
        pass


def test_a_folder_removed_by_its_last_holder_is_made_anew(tmp_path, monkeypatch):
    """The lock is taken on a file that is gone by then: it would hold nothing."""
    from phangs_sfh.files import lock

    folder, taken = tmp_path / "work", []
    take = lock._take

    def slow(file, busy, shared):
        if not taken:
            shutil.rmtree(folder)
        taken.append(file)
        take(file, busy, shared)

    monkeypatch.setattr(lock, "_take", slow)
    with held(folder, "busy"):
        assert len(taken) == 2 and (folder / FILE).exists()


def test_no_folder_is_made_unless_wanted(tmp_path):
    with pytest.raises(FileNotFoundError), held(tmp_path / "absent", "busy", make=False):
        pass
    assert list(tmp_path.iterdir()) == []
