"""``phangs-sfh map`` from the command line."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from click.testing import CliRunner
from fake_model import write_fake_model
from small_cube import wcs_cards, write_cube, write_image, write_map

from phangs_sfh.cli.main import main

NY, NX = 4, 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_fake_model(tmp_path_factory.mktemp("models") / "1")


@pytest.fixture
def run(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return CliRunner().invoke(main, ["map", *arguments, "--model", str(folder)])

    return run


@pytest.mark.filterwarnings("error::astropy.io.fits.verify.VerifyWarning")
def test_cube_images_bins_and_velocities_become_maps_and_a_figure(run, tmp_path):
    write_cube("c.fits", NY, NX)
    for band, value in (("F275W", 1.0), ("F555W", 2.0)):
        write_image(f"{band}.fits", np.full((120, 120), value), 0.05, angle=15)
    write_map("bins.fits", np.arange(NY * NX).reshape(NY, NX) // 2)
    write_map("v.fits", np.linspace(-50, 50, NY * NX).reshape(NY, NX), "km/s")
    result = run(
        "c.fits", "-o", "m.fits", "--redshift", "0.003", "--velocity", "v.fits", "--bins",
        "bins.fits", "--image", "F275W=F275W.fits", "--image", "f555w=F555W.fits", "--psf", "0.8",
        "--ebv", "0.03", "--plot", "m.png",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "m.fits: 10 of 10 bins answered" in result.stdout and "spaxels/s" in result.stdout
    with fits.open("m.fits") as hdus:
        header = hdus[0].header
        assert header["F275W"] == "F275W.fits" and header["BINMAP"] == "bins.fits"
        assert header["EBV"] == 0.03 and header["CUBEPSF"] == 0.8 and header["MODEL"] == "fake"
        assert header["VELMAP"] == "v.fits" and header["REDSHIFT"] == pytest.approx(0.003, rel=0.01)
        expected = fits.Header()
        wcs_cards(expected, NX, NY)
        there = WCS(hdus["AV_P50"].header).pixel_to_world_values(3, 1)
        assert np.allclose(there, WCS(expected).pixel_to_world_values(3, 1), rtol=0, atol=1e-9)
        excess = hdus["LOGSIGMA_P50"].data - hdus["LOGML_P50"].data
        assert np.ptp(excess) < 1e-3  # F555W is uniform
        ages = hdus["MW_LOGAGE_P50"].data
        assert np.isfinite(ages).all() and (ages[:, 0][[0]] == ages[0, 1]).all()
        assert (hdus["FLAG"].data == 0).all()  # the fake model does not tell of single bands
    assert {p.suffix for p in tmp_path.iterdir()} == {".fits", ".png"}
    assert not list(tmp_path.glob(".*"))


def test_warnings_of_what_is_not_done(run):
    write_cube("c.fits", NY, NX)
    write_image("i.fits", np.ones((120, 120)), 0.05)
    result = run("c.fits", "-o", "m.fits", "--redshift", "0.003", "--image", "F275W=i.fits")
    assert result.exit_code == 0 and "images are not matched" in result.stderr


def test_refusals_are_one_line_and_leave_nothing(run, tmp_path):
    write_cube("c.fits", NY, NX)
    write_image("far.fits", np.ones((9, 9)), 0.1, offset=(300, 0))
    write_map("b.fits", np.zeros((9, 9)))
    write_cube("nostat.fits", NY, NX, lambda hdus: hdus.pop(2))
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    good = ["c.fits", "-o", "m.fits", "--redshift", "0.003"]
    for arguments, words in (
        (["c.fits", "-o", "m.fits"], "the redshift is missing; use --redshift"),
        ([*good[:-1], "1200"], "not a velocity"),
        (["nostat.fits", *good[1:]], "extension STAT is missing"),
        (["none.fits", *good[1:]], "no such file"),
        (["c.fits", "-o", "b.fits", "--redshift", "0"], "--overwrite"),
        (["c.fits", "-o", "m.csv", "--redshift", "0"], "must end in .fits"),
        ([*good, "--plot", "m.txt"], "must end in .png or .pdf"),
        ([*good, "--bins", "b.fits"], "the bin map has shape (9, 9)"),
        ([*good, "--image", "F275W=far.fits"], "does not overlap the cube"),
        ([*good, "--image", "F160W=far.fits"], "the model has no band 'F160W'"),
        ([*good, "--image", "F275W=none.fits"], "none.fits: no such file"),
    ):
        result = run(*arguments)
        lines = [x for x in result.stderr.splitlines() if not x.startswith("Warning")]
        assert result.exit_code == 1 and len(lines) == 1, result.output
        assert words in lines[0], lines[0]
        assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before
    assert run(*good, "--image", "F275W").exit_code == 2
