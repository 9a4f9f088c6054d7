"""Files and folders are whole or not there, whatever happens on the way."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading

import pytest

from phangs_sfh.files import whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_under_its_own_name(tmp_path):
    with whole.whole_file(tmp_path / "maps.fits") as temporary:
        assert temporary.name == "maps.fits"  # endings decide formats
        temporary.write_text("new")
        assert not (tmp_path / "maps.fits").exists()
    assert (tmp_path / "maps.fits").read_text() == "new"
    assert names(tmp_path) == ["maps.fits"]


@pytest.mark.parametrize("raised", [ValueError, OSError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, raised):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(raised), whole.whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise raised
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_nothing_written_is_an_error_not_an_empty_file(tmp_path):
    with pytest.raises(FileNotFoundError) as refusal, whole.whole_file(tmp_path / "a.txt"):
        pass
    assert refusal.value.filename == str(tmp_path / "a.txt")
    assert names(tmp_path) == []


KILLED = """
import os, signal, sys
from phangs_sfh.files import whole
write = {"file": whole.whole_file, "folder": whole.whole_folder}[sys.argv[1]]
with write(sys.argv[2]) as temporary:
    (temporary / "half" if temporary.is_dir() else temporary).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_kill_leaves_the_old_one_as_it_was(tmp_path, kind):
    old = tmp_path / "mine"
    if kind == "folder":
        old.mkdir()
    (old / "whole" if kind == "folder" else old).write_text("old")
    done = subprocess.run([sys.executable, "-c", KILLED, kind, str(old)])
    assert done.returncode == -signal.SIGKILL
    assert (old / "whole" if kind == "folder" else old).read_text() == "old"
    left = [name for name in names(tmp_path) if name != "mine"]
    assert len(left) == 1 and left[0].startswith(".mine.partial-")
    whole.remove_leftovers(tmp_path)
    assert names(tmp_path) == ["mine"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_that_the_user_wants(tmp_path, mask):
    before = os.umask(mask)
    try:
        whole.write_text(tmp_path / "a.txt", "a")
        with whole.whole_folder(tmp_path / "folder") as temporary:
            (temporary / "b.txt").write_text("b")
    finally:
        os.umask(before)
    for path, full in (("a.txt", 0o666), ("folder", 0o777), ("folder/b.txt", 0o666)):
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) == full & ~mask


def test_a_folder_is_replaced_by_a_whole_one(tmp_path):
    folder = tmp_path / "mine"
    for text in ("one", "two"):
        with whole.whole_folder(folder) as temporary:
            (temporary / text).write_text(text)
        assert names(folder) == [text] and names(tmp_path) == ["mine"]
    with pytest.raises(ValueError), whole.whole_folder(folder) as temporary:
        (temporary / "three").write_text("three")
        raise ValueError
    assert names(folder) == ["two"] and names(tmp_path) == ["mine"]


def test_a_folder_that_cannot_be_renamed_leaves_the_old_one(tmp_path, monkeypatch):
    folder, rename = tmp_path / "mine", os.rename
    with whole.whole_folder(folder) as temporary:
        (temporary / "one").write_text("one")

    def refused(source, target):
        if str(target) == str(folder) and not (tmp_path / "failed").exists():
            (tmp_path / "failed").touch()
            raise OSError(errno.EIO, "no", str(source))
        rename(source, target)

    monkeypatch.setattr(os, "rename", refused)
    with pytest.raises(OSError), whole.whole_folder(folder) as temporary:
        (temporary / "two").write_text("two")
    assert names(folder) == ["one"] and names(tmp_path) == ["failed", "mine"]


def test_links_are_replaced_and_not_followed(tmp_path):
    (tmp_path / "target").write_text("target")
    for name, points_to in (("link", tmp_path / "target"), ("dangling", tmp_path / "nowhere")):
        (tmp_path / name).symlink_to(points_to)
        whole.write_text(tmp_path / name, "new")
        assert not (tmp_path / name).is_symlink() and (tmp_path / name).read_text() == "new"
    assert (tmp_path / "target").read_text() == "target"
    assert not (tmp_path / "nowhere").exists()


def test_errors_name_the_users_file(tmp_path):
    with pytest.raises(FileNotFoundError) as refusal:
        whole.write_text(tmp_path / "absent" / "a.txt", "a")
    assert refusal.value.filename == str(tmp_path / "absent" / "a.txt")
    with pytest.raises(OSError) as refusal, whole.whole_file(tmp_path / "a.txt") as temporary:
        os.symlink("/dev/full", temporary)
        with open(temporary, "wb", buffering=0) as file:
            file.write(b"a")
    assert refusal.value.errno == errno.ENOSPC
    assert names(tmp_path) == []


def test_the_longest_name_that_a_disk_takes(tmp_path):
    whole.write_text(tmp_path / ("a" * 250), "a")
    assert names(tmp_path) == ["a" * 250]


def test_of_several_at_once_one_writes_first(tmp_path):
    path, written = tmp_path / "plan.json", []
    start = threading.Barrier(8)

    def write(number):
        start.wait()
        if whole.write_first(path, str(number)):
            written.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(written) == 1 and path.read_text() == str(written[0])
    assert not whole.write_first(path, "late")
    assert path.read_text() == str(written[0]) and names(tmp_path) == ["plan.json"]


def test_a_folder_that_came_in_meanwhile_is_not_replaced_unasked(tmp_path):
    folder = tmp_path / "mine"
    with pytest.raises(OSError), whole.whole_folder(folder, replace=False) as temporary:
        (temporary / "one").write_text("one")
        folder.mkdir()
        (folder / "two").write_text("two")
    assert names(folder) == ["two"] and names(tmp_path) == ["mine"]
    with whole.whole_folder(tmp_path / "other", replace=False) as temporary:
        (temporary / "one").write_text("one")
    assert names(tmp_path / "other") == ["one"]
