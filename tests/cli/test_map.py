"""``phangs-sfh map`` from the command line."""

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.wcs import WCS
from click.testing import CliRunner
from fake_model import write_fake_model
from small_cube import wcs_cards, write_cube, write_image, write_map

from phangs_sfh.cli.main import main
from phangs_sfh.observations.flags import Used

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


def test_distance_gives_masses_and_rates_of_spaxels_and_snr_gives_bins(run):
    _, variance = write_cube("c.fits", NY, NX)
    result = run(
        "c.fits", "-o", "m.fits", "--redshift", "0.003", "--distance", "11.3", "--snr", "60"
    )
    assert result.exit_code == 0, result.output
    with fits.open("m.fits") as hdus:
        header, maps = hdus[0].header, {hdu.name: hdu for hdu in hdus[1:]}
        assert header["DISTANCE"] == 11.3 and header["BINSNR"] == 60 and header["NBINS"] > 2
        bins = maps["BIN"].data
        assert bins.min() == 0 and bins.max() == header["NBINS"] - 1
        assert maps["SNR"].data.min() > 0.9 * 60  # a spaxel's is 33
        side = 11.3e6 * np.radians(0.2 / 3600)
        for mass, density, factor in (
            ("LOGMASS", "LOGSIGMA", side**2), ("LOGSFR10", "LOGSIGSFR10", side**2 / 1e6),
            ("LOGSFR100", "LOGSIGSFR100", side**2 / 1e6),
        ):  # fmt: skip
            excess = maps[f"{mass}_P84"].data - maps[f"{density}_P84"].data
            assert excess == pytest.approx(np.log10(factor), abs=1e-4)
        for name, unit in (
            ("LOGMASS_P50", "dex(solMass)"), ("LOGSFR10_P16", "dex(solMass / yr)"),
            ("LOGSSFR100_P84", "dex(1 / yr)"), ("LOGSIGSFR10_P50", "dex(solMass / (yr kpc2))"),
        ):  # fmt: skip
            assert maps[name].header["BUNIT"] == unit and u.Unit(unit)
            assert "last 10" in maps[name].header["DESCRIP"] or "MASS" in name
    flux = fits.getdata("c.fits")[:1761].mean(axis=0)
    for number in range(bins.max() + 1):
        noise = np.sqrt((variance[:1761].mean(axis=0))[bins == number].sum())
        assert flux[bins == number].sum() / noise > 0.9 * 60


def test_the_psf_comes_from_the_header(run):
    def change(hdus):
        hdus[0].header["HIERARCH ESO OCS SGS FWHM MED"] = 0.9

    write_cube("c.fits", NY, NX, change)
    write_image("i.fits", np.ones((120, 120)), 0.05)
    image = ["--image", "F275W=i.fits"]
    result = run("c.fits", "-o", "m.fits", "--redshift", "0.003", *image)
    assert result.exit_code == 0 and "PSF taken from ESO OCS SGS FWHM MED" in result.stderr
    header = fits.getheader("m.fits")
    assert header["CUBEPSF"] == 0.9 and header["PSFFROM"] == "ESO OCS SGS FWHM MED"
    assert header["PSFF275W"] == 0.08
    result = run("c.fits", "-o", "n.fits", "--redshift", "0.003", *image, "--image-psf", "1.2")
    assert result.exit_code == 0 and "narrower than the images'" in result.stderr


def test_images_alone_become_maps_on_their_own_pixels(run):
    rng = np.random.default_rng(0)
    values = rng.uniform(1, 3, (30, 40))
    values[4, 5] = np.nan
    write_image("a.fits", values, 0.5)  # what they scatter by
    write_image("b.fits", np.full((40, 60), 2.0), 0.05, 0.05, angle=30)
    arguments = ["-o", "m.fits", "--redshift", "0.003", "--image", "F555W=a.fits", "--image",
                 "F275W=b.fits", "--image-psf", "F555W=0.09", "--distance", "10"]  # fmt: skip
    result = run(*arguments, "--plot", "m.png")
    assert result.exit_code == 0, result.output
    assert "m.fits: 1200 of 1200 spaxels answered" in result.stdout
    with fits.open("m.fits") as hdus:
        maps = {hdu.name: hdu.data for hdu in hdus[1:]}
        assert maps["MW_LOGAGE_P50"].shape == (30, 40) and hdus[0].header["CUBEPSF"] == 0.09
        scale = 2e-18 / 1e-20
        good = np.isfinite(values)
        assert maps["WHITE"][good] == pytest.approx((scale * values)[good], rel=1e-3)
        assert maps["SNR"][good] == pytest.approx((values / 0.5)[good], rel=1e-3)
        assert hdus["WHITE"].header["DESCRIP"] == "flux in F555W"
        assert not (maps["USED"] & Used.SPECTRUM).any()
        assert np.isnan(maps["LOGSIGMA_P50"][4, 5]) and np.isfinite(maps["AV_P50"][4, 5])
        excess = maps["LOGSIGMA_P50"] - maps["LOGML_P50"] - np.log10(values)
        assert np.ptp(excess[good]) < 2e-3
        there = WCS(hdus["AV_P50"].header).pixel_to_world_values(3, 1)
        expected = WCS(fits.getheader("a.fits", "SCI")).pixel_to_world_values(3, 1)
        assert np.allclose(there, expected, rtol=0, atol=1e-9)
    result = run(*arguments, "--overwrite", "--grid", "f275w", "--snr", "100")
    assert result.exit_code == 0, result.output
    with fits.open("m.fits") as hdus:
        assert hdus["BIN"].data.shape == (40, 60) and hdus["SNR"].data.min() > 99


def _one_channel(hdus):
    for hdu in hdus[1:]:
        hdu.data = hdu.data[:1]


def test_refusals_are_one_line_and_leave_nothing(run, tmp_path):
    write_cube("c.fits", NY, NX)
    write_image("far.fits", np.ones((9, 9)), 0.1, offset=(300, 0))
    write_image("i.fits", np.ones((120, 120)), 0.1)
    Path("short.fits").write_bytes(Path("i.fits").read_bytes()[:40000])
    with fits.open("i.fits") as hdus:
        hdus["SCI"].header["CTYPE?"] = ""
        hdus.writeto("nowcs.fits")
    write_map("b.fits", np.zeros((9, 9)))
    write_cube("one.fits", NY, NX, _one_channel)
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
        ([*good, "--image", "F275W=i.fits", "--image", "F275W=i.fits"], "F275W: is given twice"),
        ([*good, "--image", "F275W=short.fits"], "is truncated"),
        ([*good, "--image", "F275W=nowcs.fits"], "has no celestial WCS"),
        ([*good, "--image", "F275W=i.fits", "--psf", "0.05"], "is wider than the cube's"),
        ([*good, "--bins", "b.fits", "--snr", "9"], "--bins and --snr exclude each other"),
        ([*good, "--snr", "5000"], "all spaxels together reach only S/N"),
        ([*good, "--grid", "F275W"], "maps are on the cube's spaxels"),
        ([*good, "--distance", "11300000"], "give Mpc"),
        ([*good, "--psf", "1e5"], "--psf 100000: must be between 0.02 and 10; give arcsec"),
        ([*good, "--image-psf", "F275W=20"], "--image-psf 20: must be between 0 and 10"),
        (["one.fits", *good[1:]], "one.fits: has one channel"),
        (good[1:], "neither CUBE nor --image is given"),
        ([*good[1:-1], "0.03", "--image", "F275W=i.fits"], "images alone cannot be answered"),
        ([*good[1:], "--image", "F275W=i.fits", "--grid", "F336W"], "no --image of this band"),
        ([*good[1:], "--image", "F275W=i.fits", "--image", "F336W=far.fits"], "not overlap"),
    ):
        result = run(*arguments)
        lines = [x for x in result.stderr.splitlines() if not x.startswith("Warning")]
        assert result.exit_code == 1 and len(lines) == 1, result.output
        assert words in lines[0], lines[0]
        assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before
    for usage in (["--image", "F275W"], ["--image-psf", "wide"], ["--distance", "-3"]):
        assert run(*good, *usage).exit_code == 2


@pytest.mark.parametrize("lost", ["c.fits", "i.fits", "e.fits", "b.fits", "v.fits"])
def test_inputs_are_not_overwritten(run, tmp_path, lost):
    for name in ("c.fits", "i.fits", "e.fits", "b.fits", "v.fits"):
        (tmp_path / name).write_text("SIMPLE  = " + name)
    (tmp_path / "m.png").symlink_to(tmp_path / lost)
    given = [
        "c.fits", "--image", "F275W=i.fits", "--image-error", "F275W=e.fits", "--bins", "b.fits",
        "--velocity", "v.fits", "--redshift", "0", "--overwrite",
    ]  # fmt: skip
    for result in (run(*given, "-o", lost), run(*given, "-o", "m.fits", "--plot", "m.png")):
        assert result.exit_code == 1 and result.stderr.count("\n") == 1
        assert f"is the input {lost}; give the output another name" in result.stderr
    assert (tmp_path / lost).read_text() == "SIMPLE  = " + lost
    result = run(*given, "-o", "m.png", "--plot", "m.png")
    assert result.exit_code == 1 and "Error: m.png" in result.stderr
