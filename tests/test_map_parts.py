"""Maps by several machines: parts by hand; the data of one run."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner
from fake_model import write_fake_model
from small_cube import write_cube, write_image, write_map

from phangs_sfh import cube_spectra
from phangs_sfh.cli.main import main
from phangs_sfh.cli.map import share
from phangs_sfh.map_request import open_request
from phangs_sfh.prediction import load_model

NY, NX = 8, 5
LIST = ["c.fits", "--redshift", "0.003", "--image", "F555W=i.fits", "--psf", "0.8"]

KILLED = """
import os, signal, sys
from phangs_sfh import cube_spectra, map_work
from phangs_sfh.cli.main import main

cube_spectra.BLOCK_BYTES = 1
map_work.SAVE_SECONDS = 0
kept = map_work.Work.done

def done(self, rows, **state):
    kept(self, rows, **state)
    if rows == 6:
        os.kill(os.getpid(), signal.SIGKILL)

map_work.Work.done = done
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
    lines = [x for x in result.stderr.splitlines() if not x.startswith("Warning")]
    assert result.exit_code == code and (code == 2 or len(lines) == 1), result.output
    return lines[-1]


def data(path):
    with fits.open(path) as hdus:
        hdus.verify("exception")
        return [hdu.data.tobytes() for hdu in hdus[1:]], [str(hdu.header) for hdu in hdus[1:]]


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
        share(request, model, "n.fits", False, (i, NY + 3), None)
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
    read, rows = cube_spectra.CubeSpectra.resampled, []

    def counted(self, wanted):
        rows.append(wanted.start)
        return read(self, wanted)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cube_spectra.CubeSpectra, "resampled", counted)
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
