"""Maps by several machines: parts by hand, or a Dask cluster; the data of one run."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner
from fake_model import write_fake_model
from map_runs import data, rows_read
from small_cube import write_cube, write_image, write_map

from phangs_sfh.cli.main import main
from phangs_sfh.machines.dask_cluster import dask_client
from phangs_sfh.maps import unfinished
from phangs_sfh.maps.input import cube_spectra
from phangs_sfh.maps.map_cube import share
from phangs_sfh.maps.on_dask import answer_rows
from phangs_sfh.maps.output import MapFile
from phangs_sfh.maps.request import open_request
from phangs_sfh.prediction.model import load_model

NY, NX = 8, 5
LIST = ["c.fits", "--redshift", "0.003", "--image", "F555W=i.fits", "--psf", "0.8"]

KILLED = """
import os, signal, sys
from phangs_sfh.maps.input import cube_spectra
from phangs_sfh.maps import unfinished
from phangs_sfh.cli.main import main

cube_spectra.BLOCK_BYTES = 1
unfinished.SAVE_SECONDS = 0
kept = unfinished.Work.done

def done(self, rows, **state):
    kept(self, rows, **state)
    if rows == 6:
        os.kill(os.getpid(), signal.SIGKILL)

unfinished.Work.done = done
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Cube with a row without data, image, bins, model, and the maps of an unbroken run."""

    def change(hdus):
        hdus["STAT"].data[:, 0] = np.nan
        hdus["DATA"].data[:, 5, 2] *= -1

    folder = tmp_path_factory.mktemp("maps")
    write_cube(folder / "c.fits", NY, NX, change)
    write_image(folder / "i.fits", np.full((120, 120), 2.0), 0.05)
    write_map(folder / "b.fits", np.arange(NY * NX).reshape(NY, NX) % 7)
    write_fake_model(folder / "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(cube_spectra, "BLOCK_BYTES", 1)
        assert run("-o", "whole.fits").exit_code == 0
    return folder


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(cube_spectra, "BLOCK_BYTES", 1)


def run(*arguments):
    return CliRunner().invoke(main, ["map", *LIST, "--model", "1", *arguments])


def refused(*arguments, code=1):
    result = run(*arguments)
    lines = result.stderr.splitlines()
    lines = [x for x in lines if not x.startswith(("Warning", "spaxels"))]  # the progress bar
    assert result.exit_code == code and (code == 2 or len(lines) == 1), result.output
    return lines[-1]


def part(i, n, output, *more):
    result = run("-o", output, "--shard", f"{i}/{n}", *more)
    assert result.exit_code == 0, result.output
    return result


def test_parts_in_any_order_are_the_whole(folder):
    for i in (3, 1, 3):  # one of them twice
        assert "part done" in part(i, 3, "m.fits").stdout
        assert not (folder / "m.fits").exists()
    result = part(2, 3, "m.fits", "--plot", "m.png")
    assert f"m.fits: {NY * NX} of {NY * NX} spaxels answered, by parts" in result.stdout
    assert data("m.fits") == data("whole.fits") and (folder / "m.png").exists()
    assert "--overwrite" in refused("-o", "m.fits", "--shard", "1/3")
    for name in ("m.fits", "m.png"):
        (folder / name).unlink()
    assert not list(folder.glob(".*"))


def test_more_parts_than_blocks_of_rows_do_no_harm(folder, capsys):
    model = load_model("1")
    options = {"redshift": 0.003, "images": (("F555W", "i.fits"),), "psf": 0.8}
    request = open_request("c.fits", model, **options)
    for i in range(NY + 3, 0, -1):
        assert not (folder / "n.fits").exists()
        share(request, model, "n.fits", False, (i, NY + 3))
    assert data("n.fits") == data("whole.fits")


def test_a_killed_part_costs_only_what_it_had_not_done(folder):
    part(1, 2, "k.fits")
    command = ["map", *LIST, "--model", "1", "-o", "k.fits", "--shard", "2/2"]
    ended = subprocess.run([sys.executable, "-c", KILLED, *command], capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()[-500:]
    parts = folder / ".k.fits.parts"
    first = (parts / "1-of-2.fits").stat().st_mtime_ns
    line = refused("-o", "k.fits", "--gather")
    assert "1 of 2 parts are missing: 2/2; run map --shard again" in line
    assert (parts / "1-of-2.fits").stat().st_mtime_ns == first
    with rows_read() as rows:
        assert "going on where the last run ended" in part(2, 2, "k.fits").stderr
    assert rows == [6, 7]
    assert data("k.fits") == data("whole.fits") and not parts.exists()


def test_gather_joins_what_is_there_and_names_what_is_not(folder):
    assert "no parts of maps" in refused("-o", "g.fits", "--gather")
    part(2, 3, "g.fits")
    assert "2 of 3 parts are missing: 1/3, 3/3" in refused("-o", "g.fits", "--gather")
    part(1, 3, "g.fits")
    parts = folder / ".g.fits.parts"
    hidden = (parts / "1-of-3.json").rename(folder / "1.json")
    assert "part done" in part(3, 3, "g.fits").stdout  # as if it had ended before the first
    hidden.rename(parts / "1-of-3.json")
    kept = (parts / "2-of-3.fits").read_bytes()
    (parts / "2-of-3.fits").write_bytes(kept[: len(kept) // 2])
    assert "2-of-3.fits: is truncated" in refused("-o", "g.fits", "--gather")
    (parts / "2-of-3.fits").write_bytes(kept)
    result = CliRunner().invoke(main, ["map", "-o", "g.fits", "--gather"])
    assert result.exit_code == 0, result.output
    assert data("g.fits") == data("whole.fits") and not parts.exists()


def test_the_file_of_a_part_takes_the_room_of_its_rows(folder):
    part(2, 8, "s.fits")
    found = (folder / ".s.fits.parts" / "2-of-8.fits").stat()
    note = json.loads((folder / ".s.fits.parts" / "2-of-8.json").read_text())
    assert note == {"rows": [1, 2], "answered": NX, "negative": 0}
    assert found.st_size == (folder / "whole.fits").stat().st_size
    for other, words in ((["--shard", "2/7"], "other input, options"),
                         (["--shard", "3/8", "--ebv", "0.1"], "other input, options")):  # fmt: skip
        assert words in refused("-o", "s.fits", *other)


def test_wrong_usage_is_refused_and_leaves_nothing(folder):
    before = set(folder.iterdir())
    for binned in (["--bins", "b.fits"], ["--snr", "50"]):
        for how in (["--shard", "1/2"], ["--dask", "local"]):
            line = refused("-o", "w.fits", *binned, *how)
            assert f"{how[0]}: bins need the sums over all rows" in line
    assert "I/N" in refused("-o", "w.fits", "--shard", "3/2", code=2)
    assert "exclude" in refused("-o", "w.fits", "--shard", "1/2", "--dask", "local", code=2)
    assert "no Dask scheduler answers" in refused("-o", "w.fits", "--dask", "nowhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MapFile, "_lay_out", lambda *_: os.pwrite(-1, b"", 0))
        assert "cannot be written" in refused("-o", "w.fits", "--shard", "1/2")
    assert set(folder.iterdir()) == before


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("distributed")
    with dask_client("local", 2) as client:
        yield client


@pytest.fixture(scope="module")
def undisturbed(folder, cluster):
    """Maps by the cluster that nothing happened to.

    TensorFlow cuts its sums by the threads that a process has, and workers have fewer: the last bit
    of a float may differ from that of a run here.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(cube_spectra, "BLOCK_BYTES", 1)
        assert run("-o", "dask.fits", "--dask", cluster.scheduler.address).exit_code == 0
    return "dask.fits"


def test_a_cluster_gives_the_maps_of_one_machine(undisturbed):
    assert data(undisturbed)[1] == data("whole.fits")[1]
    with fits.open(undisturbed) as found, fits.open("whole.fits") as expected:
        for one, other in zip(found[1:], expected[1:], strict=True):
            np.testing.assert_allclose(one.data, other.data, rtol=1e-5, atol=2e-6)


def test_a_killed_dask_worker_costs_only_its_rows(folder, cluster, undisturbed, monkeypatch):
    """SIGKILL of one of two after the second block; the data are those of an undisturbed run."""
    address, tried, written = cluster.scheduler.address, [], MapFile.write
    monkeypatch.setattr(unfinished, "SAVE_SECONDS", 0)

    def write(self, name, rows, values):
        written(self, name, rows, values)
        tried.append((name, rows.start))
        if name == "SNR" and sum(n == "SNR" for n, _ in tried) == 2:
            os.kill(next(iter(cluster.run(os.getpid).values())), signal.SIGKILL)

    monkeypatch.setattr(MapFile, "write", write)
    result = run("-o", "d.fits", "--dask", address)
    assert result.exit_code == 0, result.output
    assert f"d.fits: {NY * NX} of {NY * NX} spaxels answered" in result.stdout
    assert len(tried) == len(set(tried))  # no rows twice
    assert data("d.fits") == data(undisturbed)


def test_a_stopped_dask_run_goes_on_and_workers_that_see_another_cube_are_refused(
    folder, cluster, undisturbed, monkeypatch
):
    address, kept = cluster.scheduler.address, unfinished.Work.done
    monkeypatch.setattr(unfinished, "SAVE_SECONDS", 0)

    def done(self, rows, **state):
        kept(self, rows, **state)
        if rows == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(unfinished.Work, "done", done)
        assert run("-o", "e.fits", "--dask", address).exit_code == 130
    asked = []

    def each(client, work, items, job):
        assert work is answer_rows
        asked.extend(items)
        return ((item, client.submit(work, item, job).result()) for item in reversed(items))

    with monkeypatch.context() as patch:
        patch.setattr("phangs_sfh.maps.on_dask.each", each)
        result = run("-o", "e.fits", "--dask", address)
    assert "going on where the last run ended" in result.stderr and asked[0] == (3, 4)
    assert f"{NY * NX} of {NY * NX} spaxels" in result.stdout
    assert data("e.fits") == data(undisturbed)
    with monkeypatch.context() as patch:
        patch.setattr("phangs_sfh.maps.request.file_identity", lambda path: [str(path), 1, 1])
        line = refused("-o", "f.fits", "--dask", address)
    assert "Dask worker on" in line and "put them on a disk that all share" in line
