"""Libraries made by several machines: parts by hand, or a Dask cluster; the bytes of one."""

import fcntl
import os
import signal

import pytest
from click.testing import CliRunner

from phangs_sfh.cli.main import main
from phangs_sfh.errors import InputError
from phangs_sfh.library import writer
from phangs_sfh.machines.dask_cluster import dask_client

N, SEED = 90, 7  # as in conftest


pytestmark = pytest.mark.usefixtures("small_shards")


def _bytes(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def _part(folder, i, n, **changes):
    return writer.write_part(folder, N, (i, n), **{"seed": SEED, "workers": 1, **changes})


def _refused(*arguments, code=1):
    result = CliRunner().invoke(main, ["make-library", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.stderr.strip().splitlines()[-1]


def test_parts_in_any_order_are_the_whole(unbroken, tmp_path):
    folder, done = tmp_path / "mine", []
    assert _part(folder, 3, 3, progress=done.append) is None
    assert not folder.exists()
    assert _part(folder, 1, 3, progress=done.append) is None
    contents = _part(folder, 2, 3, progress=done.append)  # the last gathers
    assert contents["n_galaxies"] == N == sum(done)
    assert _bytes(folder) == _bytes(unbroken)
    assert not (tmp_path / "mine.building").exists()


def test_parts_without_shards_and_parts_run_twice_do_no_harm(unbroken, tmp_path):
    for i in (1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 2):
        contents = _part(tmp_path / "mine", i, 9)
    assert contents["n_galaxies"] == N
    assert _bytes(tmp_path / "mine") == _bytes(unbroken)
    with pytest.raises(InputError, match="exists already"):
        _part(tmp_path / "mine", 2, 9, seed=SEED + 1)


def test_gather_names_what_is_missing(unbroken, tmp_path):
    folder, building = tmp_path / "mine", tmp_path / "mine.building"
    with pytest.raises(InputError, match="no parts of a library"):
        writer.gather(folder)
    _part(folder, 1, 2)
    with pytest.raises(InputError, match="4 of 8 shards are missing, the first is train-00001-of"):
        writer.gather(folder)
    lost = building / "train-00000-of-00006.tfrecord.gz"
    lost.rename(tmp_path / "kept")
    assert _part(folder, 2, 2) is None
    lost.write_bytes((tmp_path / "kept").read_bytes())
    with open(building / "lock", "w") as lock:  # a part that is still at work
        fcntl.flock(lock, fcntl.LOCK_SH)
        with pytest.raises(InputError, match="another run is writing here"):
            writer.gather(folder)
        assert _part(folder, 2, 2) is None
    writer.gather(folder)
    assert _bytes(folder) == _bytes(unbroken)


def test_parts_of_different_libraries_do_not_mix(tmp_path):
    _part(tmp_path / "mine", 1, 2)
    with pytest.raises(InputError, match="unfinished library with other settings"):
        _part(tmp_path / "mine", 2, 2, seed=SEED + 1)
    line = _refused("-o", tmp_path / "mine", "-n", N, "--seed", SEED + 1, "--shard", "2/2")
    assert "other settings" in line
    assert not list((tmp_path / "mine.building").glob("*partial*"))


def test_wrong_usage(tmp_path):
    for part in ("0/2", "3/2", "1", "a/b", "1/0"):
        assert "I/N" in _refused("-o", tmp_path / "mine", "--shard", part, code=2)
    assert "exclude" in _refused("-o", tmp_path / "m", "--shard", "1/2", "--gather", code=2)
    line = _refused("-o", tmp_path / "m", "-n", N, "--dask", "nowhere")
    assert "nowhere: no Dask scheduler answers" in line
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def client():
    pytest.importorskip("distributed")
    with dask_client("local", 2) as client:
        yield client


def test_dask_writes_the_same_bytes(unbroken, tmp_path, client):
    done = []
    writer.write_library(tmp_path / "mine", N, seed=SEED, dask=client, progress=done.append)
    assert sum(done) == N
    assert _bytes(tmp_path / "mine") == _bytes(unbroken)


def test_a_killed_dask_worker_costs_only_its_shard(unbroken, tmp_path, client):
    """SIGKILL of one of two after the second shard: what was written stays, the rest is done."""
    building, kept = tmp_path / "mine.building", {}

    def kill(_):
        if len(list(building.glob("*.gz"))) == 2 and not kept:
            kept.update({p.name: p.stat().st_mtime_ns for p in building.glob("*.gz")})
            os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

    writer.write_library(tmp_path / "mine", N, seed=SEED, dask=client, progress=kill)
    assert len(kept) == 2
    assert _bytes(tmp_path / "mine") == _bytes(unbroken)
    assert kept == {name: (tmp_path / "mine" / name).stat().st_mtime_ns for name in kept}
