"""Libraries on disk: the same bytes come what may, and nothing half-written."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.library import plan, shards, writer

N, SEED, SHARD = 90, 7, 15  # as in conftest

RUN = f"""
import sys
from phangs_sfh.library import plan, writer
writer.plan_shards = lambda n: plan.plan_shards(n, {SHARD})

if __name__ == "__main__":
    writer.write_library(sys.argv[1], int(sys.argv[3]), seed={SEED}, workers=int(sys.argv[2]))
"""


pytestmark = pytest.mark.usefixtures("small_shards")


def _bytes(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _subprocess(tmp_path, folder, workers, n=N):
    script = tmp_path / "run.py"
    script.write_text(RUN)
    return subprocess.Popen(
        [sys.executable, str(script), str(folder), str(workers), str(n)],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.002)


def test_contents(unbroken):
    contents = json.loads((unbroken / "library.json").read_text())
    assert contents["schema_version"] == plan.SCHEMA_VERSION
    assert contents["seed"] == SEED and contents["n_galaxies"] == N
    assert contents["ssp"]["engine"] == "bc03" and contents["ssp"]["z_sun"] == 0.02
    assert contents["prior"]["name"] == "broad"
    assert len(contents["instrument"]["bands"]) == 5
    listed, counted = {"library.json"}, 0
    for split in plan.SPLITS:
        for shard in contents["splits"][split]["shards"]:
            data = (unbroken / shard["file"]).read_bytes()
            assert hashlib.sha256(data).hexdigest() == shard["sha256"]
            listed.add(shard["file"])
            counted += shard["n_galaxies"]
    assert counted == N
    assert listed == set(_bytes(unbroken))


def test_flipped_byte_is_found_and_named(unbroken, tmp_path):
    from phangs_sfh.library import records

    shutil.copytree(unbroken, tmp_path / "mine")
    records.verify(records.open_library(tmp_path / "mine"))
    shard = tmp_path / "mine/train-00003-of-00006.tfrecord.gz"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(InputError, match=r"train-00003-of-00006\.tfrecord\.gz: SHA-256 differs"):
        records.verify(records.open_library(tmp_path / "mine"))


def test_records_are_as_the_schema_says(unbroken):
    import tensorflow as tf

    index, spectra = [], []
    for path in sorted(unbroken.glob("*.gz")):
        for record in tf.data.TFRecordDataset(str(path), "GZIP"):
            feature = tf.train.Example.FromString(record.numpy()).features.feature
            index.append(feature["index"].int64_list.value[0])
            spectra.append(np.frombuffer(feature["spectrum"].bytes_list.value[0], "<f2"))
            sfh = np.array(feature["sfh"].float_list.value)
            assert sfh.shape == (16,) and sfh.sum() == pytest.approx(1.0, abs=1e-5)
            assert len(feature["mh"].float_list.value) == 16
            assert len(feature["bands"].float_list.value) == 5
            for name in ("mw_logage", "lw_logage", "mw_mh", "lw_mh", "logml", "av", "sigma_v"):
                assert np.isfinite(feature[name].float_list.value).all(), name
    assert sorted(index) == list(range(N))
    spectra = np.array(spectra, dtype=float)
    assert spectra.shape == (N, 1761)
    assert np.all(np.isfinite(spectra)) and np.all(spectra > 0)


def test_splits_share_no_galaxy():
    shards = plan.plan_shards(1000, 100)
    assert {shard.split for shard in shards} == set(plan.SPLITS)
    seen = [i for shard in shards for i in range(shard.first, shard.first + shard.n_galaxies)]
    assert sorted(seen) == list(range(1000))
    assert len({tuple(shard.entropy(0)) for shard in shards}) == len(shards)


def test_two_workers_write_the_same_bytes(unbroken, tmp_path):
    writer.write_library(tmp_path / "mine", N, seed=SEED, workers=2)
    assert _bytes(tmp_path / "mine") == _bytes(unbroken)


def test_another_seed_gives_other_galaxies(unbroken, tmp_path):
    writer.write_library(tmp_path / "mine", N, seed=SEED + 1, workers=1)
    other = _bytes(tmp_path / "mine")
    assert set(other) == set(_bytes(unbroken))
    assert all(other[name] != data for name, data in _bytes(unbroken).items())


def test_killed_and_resumed(unbroken, tmp_path):
    """SIGKILL half-way, then the same command: the bytes of an unbroken run."""
    folder, building = tmp_path / "mine", tmp_path / "mine.building"
    run = _subprocess(tmp_path, folder, workers=1)
    _wait_for(lambda: len(list(building.glob("*.gz"))) >= 2)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert not folder.exists()
    times = {path.name: path.stat().st_mtime_ns for path in building.glob("*.gz")}
    assert 2 <= len(times) < N / SHARD
    # What a killed process leaves of a shard it was writing is not taken for one.
    (building / "train-00005-of-00006.tfrecord.gz.partial-99").write_bytes(b"half")
    with pytest.raises(InputError, match="unfinished library with other settings"):
        writer.write_library(folder, N, seed=SEED + 1, workers=1)
    writer.write_library(folder, N, seed=SEED, workers=1)
    assert _bytes(folder) == _bytes(unbroken)
    # Finished shards were not written again.
    assert times == {name: (folder / name).stat().st_mtime_ns for name in times}
    assert not building.exists()


def test_workers_die_with_their_parent(tmp_path):
    """No orphan goes on writing, or waits for ever, after its parent was killed."""
    building = tmp_path / "mine.building"
    run = _subprocess(tmp_path, tmp_path / "mine", workers=2, n=3000)
    _wait_for(lambda: any(building.glob("*.gz")))
    with open(f"/proc/{run.pid}/task/{run.pid}/children") as listing:
        children = [int(pid) for pid in listing.read().split()]
    assert len(children) >= 2
    run.send_signal(signal.SIGKILL)
    run.wait()
    _wait_for(lambda: not any(_alive(pid) for pid in children), seconds=20)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_two_runs_into_one_folder_are_refused(tmp_path):
    building = tmp_path / "mine.building"
    building.mkdir()
    with open(building / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(InputError, match=r"mine\.building: another run is writing here"):
            writer.write_library(tmp_path / "mine", N, seed=SEED, workers=1)


def test_full_disk_leaves_no_half_shard_and_resumes(unbroken, tmp_path, monkeypatch):
    """TensorFlow's writer meets /dev/full in the place of the third shard."""
    folder, building = tmp_path / "mine", tmp_path / "mine.building"
    whole_file = shards.whole_file

    @contextmanager
    def full_disk(path):
        with whole_file(path) as temporary:
            if len(list(building.glob("*.gz"))) == 2:
                os.symlink("/dev/full", temporary)
            yield temporary

    with monkeypatch.context() as patch:
        patch.setattr(shards, "whole_file", full_disk)
        with pytest.raises(OSError) as refusal:
            writer.write_library(folder, N, seed=SEED, workers=1)
    assert refusal.value.errno == errno.ENOSPC
    assert refusal.value.filename.endswith(".tfrecord.gz")
    assert not folder.exists()
    assert not list(building.glob("*partial*"))
    assert len(list(building.glob("*.gz"))) == 2
    writer.write_library(folder, N, seed=SEED, workers=1)
    assert _bytes(folder) == _bytes(unbroken)


def test_existing_output(unbroken, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="exists already; use --overwrite"):
        writer.write_library(folder, N, workers=1)
    with pytest.raises(InputError, match="is no library, so it is not overwritten"):
        writer.write_library(folder, N, workers=1, overwrite=True)
    assert (folder / "thesis.tex").read_text() == "years of work"
    (folder / "thesis.tex").unlink()
    shutil.copytree(unbroken, folder, dirs_exist_ok=True)
    writer.write_library(folder, N, seed=SEED, workers=1, overwrite=True)
    assert _bytes(folder) == _bytes(unbroken)


NO_LIBRARY = ("{}", "[]", "null", "{", "", "[" * 100_000, '{"splits": {}}', '{"splits": 3}')


@pytest.mark.parametrize("text", NO_LIBRARY, ids=lambda text: text[:9])
def test_only_a_library_is_overwritten(tmp_path, text):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "library.json").write_text(text)
    with pytest.raises(InputError, match="mine: is no library, so it is not overwritten"):
        writer.write_library(folder, N, workers=1, overwrite=True)
    assert (folder / "library.json").read_text() == text and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("listed", [True, False])
def test_other_files_beside_a_library_are_not_removed(unbroken, tmp_path, listed):
    """Not even if library.json says, by a pattern, that they are shards."""
    folder = tmp_path / "mine"
    shutil.copytree(unbroken, folder)
    (folder / "notes.txt").write_text("precious")
    if listed:
        content = json.loads((folder / "library.json").read_text())
        content["splits"]["train"]["shards"].append({"file": "*"})
        (folder / "library.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="mine: holds 'notes.txt', which is no part of the libr"):
        writer.write_library(folder, N, seed=SEED, workers=1, overwrite=True)
    assert (folder / "notes.txt").read_text() == "precious"


def test_what_came_in_during_the_build_is_not_removed(unbroken, tmp_path):
    folder = tmp_path / "mine"

    def meanwhile(n):
        folder.mkdir(exist_ok=True)
        (folder / "notes.txt").write_text("precious")

    with pytest.raises(InputError, match="mine: exists already"):
        writer.write_library(folder, N, seed=SEED, workers=1, progress=meanwhile)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"prior": "narrow"}, "narrow: no such prior or file; priors are broad, paper"),
        ({"ssp": "galaxev"}, "galaxev: no such SSP engine or file"),
        ({"seed": -1}, "seed is -1; give a number that is not negative"),
        ({"n_galaxies": 2}, "n is 2; give 3 galaxies or more"),
    ],
)
def test_bad_settings(tmp_path, settings, message):
    with pytest.raises(InputError, match=message):
        writer.write_library(tmp_path / "mine", **{"n_galaxies": N, "workers": 1, **settings})
    assert list(tmp_path.iterdir()) == []


def test_unwritable_parent(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        writer.write_library(tmp_path / "file" / "mine", N, workers=1)


def test_progress_counts_every_galaxy(tmp_path):
    done = []
    writer.write_library(tmp_path / "mine", N, workers=1, progress=done.append)
    assert sum(done) == N
