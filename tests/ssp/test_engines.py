"""Engines, grid files and ``make-ssp``."""

import dataclasses

import numpy as np
import pytest
from click.testing import CliRunner

from phangs_sfh.cli.main import main
from phangs_sfh.errors import InputError
from phangs_sfh.library import writer
from phangs_sfh.ssp import bc03, engines
from phangs_sfh.ssp.grid import read_grid, write_grid


def test_file_keeps_every_pixel(tmp_path):
    """Written and read again: luminosities to 0.003 per cent, all else exactly."""
    grid = bc03.load()
    few = dataclasses.replace(
        grid,
        metallicity=grid.metallicity[3:5],
        luminosity=grid.luminosity[3:5],
        surviving_mass=grid.surviving_mass[3:5],
    )
    write_grid(few, tmp_path / "few.fits")
    again = engines.load_ssp(str(tmp_path / "few.fits"))
    np.testing.assert_allclose(again.luminosity, few.luminosity, rtol=3e-5)
    for name in ("wave", "age", "metallicity", "z_sun", "resolution_fwhm", "provenance"):
        np.testing.assert_array_equal(getattr(again, name), getattr(few, name))
    assert [path.name for path in tmp_path.iterdir()] == ["few.fits"]


def test_make_ssp_writes_a_grid_and_keeps_an_existing_one(tmp_path):
    output = tmp_path / "mine.fits"
    run = CliRunner().invoke(main, ["make-ssp", "bc03", "-o", str(output)])
    assert run.exit_code == 0, run.output
    assert "bc03, 220 ages to 20.0 Gyr, 7 metallicities" in run.output
    np.testing.assert_allclose(read_grid(output).luminosity, bc03.load().luminosity, rtol=3e-5)
    again = CliRunner().invoke(main, ["make-ssp", "bc03", "-o", str(output)])
    assert again.exit_code == 1 and "exists already; use --overwrite" in again.output


@pytest.mark.parametrize(
    "arguments, said",
    [
        (
            ["galaxev", "-o", "x.fits"],
            "galaxev: no such SSP engine or file; engines are basti, bc03, fsps",
        ),
        (["bc03", "-o", "no/such/x.fits"], "no/such/x.fits: no such folder; make it first"),
    ],
)
def test_make_ssp_refuses(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(main, ["make-ssp", *arguments])
    assert run.exit_code == 1 and said in run.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"SIMPLE  = hello", b"\x00" * 5000])
def test_bad_files_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "odd.fits"
    path.write_bytes(content)
    with pytest.raises(InputError) as refusal:
        engines.load_ssp(str(path))
    assert "odd.fits: cannot be read" in str(refusal.value) and "SSP grid" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_truncated_and_folder(tmp_path):
    grid = bc03.load()
    path = tmp_path / "cut.fits"
    write_grid(grid, path)
    path.write_bytes(path.read_bytes()[:1_000_000])
    with pytest.raises(InputError, match=r"cut\.fits: cannot be read .*give an SSP grid"):
        engines.load_ssp(str(path))
    with pytest.raises(InputError, match="no such SSP grid"):
        engines.load_ssp(str(tmp_path))


def test_engine_that_computes_does_so_once(tmp_path, monkeypatch):
    """A library of such an engine: one computation, nothing left beside the shards."""
    calls = []

    def compute():
        calls.append(1)
        return dataclasses.replace(bc03.load(), provenance={"engine": "slow"})

    from functools import cache

    monkeypatch.setitem(engines.ENGINES, "slow", cache(compute))
    contents = writer.write_library(tmp_path / "mine", 30, workers=1, ssp="slow")
    assert len(calls) == 1
    assert contents["ssp"]["engine"] == "slow"
    assert {path.suffix for path in (tmp_path / "mine").iterdir()} == {".gz", ".json"}
