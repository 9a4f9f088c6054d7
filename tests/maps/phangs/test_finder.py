"""What is taken of a folder that looks like PHANGS'."""

from pathlib import Path

import numpy as np
import phangs_files
import pytest
from astropy.io import fits
from click.testing import CliRunner
from fake_model import write_fake_model
from small_cube import write_cube

from phangs_sfh.cli.main import main
from phangs_sfh.errors import InputError
from phangs_sfh.instrument.description import Band, load_instrument
from phangs_sfh.maps.phangs.files import PhangsFile
from phangs_sfh.maps.phangs.finder import find_phangs
from phangs_sfh.maps.phangs.galaxies import galaxy

SHORT = "hst/ngc3627_uvis_{}_{}_drc_{}.fits"


@pytest.fixture
def release(tmp_path):
    return phangs_files.release(tmp_path / "DR")


@pytest.mark.parametrize(
    "name, kind, resolution",
    [
        ("NGC3627-1.05asec.fits", "cube", "copt"),
        ("NGC3627.fits", "cube", "native"),
        ("NGC3627-150pc.fits", "cube", "150pc"),
        ("NGC3627-15asec.fits", "cube", "15asec"),
        ("NGC3627_PHANGS_DATACUBE_copt_1.05asec.fits", "cube", "copt"),
        ("NGC3627_PHANGS_DATACUBE_native.fits", "cube", "native"),
        ("NGC3627-1.05asec_MAPS.fits", "maps", "copt"),
        ("NGC3627-150pc_MAPS.fits", "maps", "150pc"),
        ("NGC3627_MAPS.fits", "maps", "native"),
        ("NGC3627_starmask.fits", "star mask", "native"),
        ("ngc3627_uvis_f275w_exp_drc_sci.fits", "image", "native"),
        ("hlsp_phangs-hst_hst_wfc3-uvis_ngc3627_f275w_v1_exp-drc-sci.fits", "image", "native"),
        ("ngc3627_uvis_f275w_err_drc_wht.fits", "error", "native"),
        ("hlsp_phangs-hst_hst_wfc3-uvis_ngc3627_f275w_v1_err-drc-wht.fits", "error", "native"),
        ("ngc3627_uvis_f275w_exp_drc_wht.fits", "other", "native"),
        ("ngc3627_12m+7m+tp_co21_broad_mom0.fits", "other", "native"),
    ],
)
def test_names_tell_what_files_are(name, kind, resolution):
    file = PhangsFile(Path("DR") / name)
    assert (file.kind, file.resolution) == (kind, resolution)
    assert file.of(galaxy("NGC3627")) and not file.of(galaxy("NGC0628"))


def test_galaxies_are_told_apart_with_and_without_zeros():
    for name in ("ngc628c_uvis_f275w_exp_drc_sci.fits", "NGC0628.fits", "NGC0628-0.92asec.fits"):
        assert PhangsFile(Path(name)).of(galaxy("NGC0628"))
    assert not PhangsFile(Path("NGC6280.fits")).of(galaxy("NGC0628"))


def test_all_that_is_there_is_taken_and_said(release):
    write_cube(release / "NGC3627.fits")
    found = find_phangs(release, "ngc3627")
    maps = str(release / "copt/MUSEDAP/fiducial/NGC3627-1.05asec_MAPS.fits")
    assert found.arguments == {
        "cube": str(release / "copt/datacubes/NGC3627-1.05asec.fits"),
        "images": {b: str(release / SHORT.format(b.lower(), "exp", "sci"))
                   for b in ("F275W", "F555W")},
        "image_error": {b: str(release / SHORT.format(b.lower(), "err", "wht"))
                        for b in ("F275W", "F555W")},
        "velocity": maps, "bins": maps, "distance": 11.32, "ebv": 0.0287,
        "star_mask": str(release / "AUXILIARY/starmasks/NGC3627_starmask.fits"),
        "redshift": pytest.approx(0.002395, abs=1e-6),
    }  # fmt: skip
    for words in (
        "left out   " + str(release / "NGC3627.fits"), "missing    F336W, F438W, F814W",
        "V_STARS relative to 718 km/s", "extension BIN_ID", "(Anand et al. 2021)",
    ):  # fmt: skip
        assert words in str(found), str(found)


def test_what_is_given_goes_first_and_none_leaves_out(release):
    found = find_phangs(
        release, "NGC3627", redshift=0.01, ebv=0.0, snr=30.0, star_mask="none", velocity="none",
        images={"F275W": "none", "F336W": "mine.fits"}, image_error=(("F555W", "err.fits"),),
        distance=None, psf=None,
    ).arguments  # fmt: skip
    assert (found["redshift"], found["ebv"], found["snr"]) == (0.01, 0.0, 30.0)
    assert found["star_mask"] is found["velocity"] is None and "bins" not in found
    assert sorted(found["images"]) == ["F336W", "F555W"]
    assert found["image_error"] == {"F555W": "err.fits"} and found["distance"] == 11.32


def test_velocities_relative_to_the_sun_need_no_redshift(release):
    maps = release / "copt/MUSEDAP/fiducial/NGC3627-1.05asec_MAPS.fits"
    maps.unlink()
    phangs_files.dap_maps(maps, velocity=725.0)
    found = find_phangs(release, "NGC3627")
    assert found.arguments["redshift"] is None and "relative to the Sun" in str(found)


def test_images_without_error_maps_and_bands_the_model_does_not_know_are_left_out(tmp_path):
    bare = find_phangs(phangs_files.release(tmp_path / "a", errors=False), "NGC3627")
    assert bare.arguments["images"] == {}
    assert "f275w_exp_drc_sci.fits: no error map" in str(bare)
    acs = phangs_files.release(tmp_path / "b", ("f435w", "f814w"), "acs")
    found = find_phangs(acs, "NGC3627")
    assert found.arguments["images"] == {}
    assert "ACS_F435W is no band of the model" in str(found)
    uvis = load_instrument()
    bands = [*uvis.bands, Band("ACS_F435W", uvis.bands[2].wave, uvis.bands[2].throughput)]
    content = {**uvis.to_dict(), "bands": [band.to_dict() for band in bands]}
    model = write_fake_model(tmp_path / "model", instrument=content)
    assert list(find_phangs(acs, "NGC3627", model=model).arguments["images"]) == ["ACS_F435W"]


def test_a_cube_at_150_pc_has_the_psf_of_its_distance(tmp_path):
    write_cube(tmp_path / "NGC3627-150pc.fits")
    found = find_phangs(tmp_path, "NGC3627").arguments
    assert found["psf"] == pytest.approx(150 / 11.32e6 * 206265, rel=1e-3)


def second_cube(release):
    write_cube(release / "NGC3627-1.15asec.fits")


def second_image(release):
    phangs_files.mosaic(release / "ngc3627c_uvis_f275w_exp_drc_sci.fits")


def second_maps(release):
    phangs_files.dap_maps(release / "copt/MUSEDAP/fiducial/NGC3627-1.06asec_MAPS.fits")


@pytest.mark.parametrize(
    "spoil, words",
    [(second_cube, "another of the cubes that fit; narrow the folder"),
     (second_image, "another of the images of F275W that fit; give --image F275W=FILE"),
     (second_maps, "another of the MAPS that fit; give --velocity FILE and --bins FILE")],
)  # fmt: skip
def test_two_files_that_fit_are_refused(release, spoil, words):
    spoil(release)
    with pytest.raises(InputError) as caught:
        find_phangs(release, "NGC3627")
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_folders_without_anything_are_refused(tmp_path):
    with pytest.raises(InputError, match="no cube and no images of NGC3627"):
        find_phangs(tmp_path, "NGC3627")
    with pytest.raises(InputError, match="no such folder"):
        find_phangs(tmp_path / "none", "NGC3627")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(write_fake_model(tmp_path_factory.mktemp("models") / "1"))


def run(*arguments):
    return CliRunner().invoke(main, ["map", *map(str, arguments)])


def test_one_command_makes_the_maps(tmp_path, model):
    release = phangs_files.release(tmp_path / "DR", angle=30)
    result = run("NGC3627", "--phangs", release, "-o", tmp_path / "m.fits", "--model", model)
    assert result.exit_code == 0, result.output
    assert "star mask " in result.stderr and "2 of 2 bins answered" in result.stdout
    with fits.open(tmp_path / "m.fits") as hdus:
        header, bins = hdus[0].header, hdus["BIN"].data
        assert header["ERRF275W"] == "inverse variance (file name)"
        assert (header["CUBEPSF"], header["PSFFROM"]) == (1.05, "file name")
        assert header["STARMASK"] == "NGC3627_starmask.fits" and header["DISTANCE"] == 11.32
        assert header["REDSHIFT"] == pytest.approx(
            (1 + 718 / 299792.458) * (1 + 10 / 299792.458) - 1
        )
        assert bins[0, 0] == bins[-1, -1] == -1 and (bins.ravel()[1:-1] >= 0).all()
        assert np.isnan(hdus["MW_LOGAGE_P50"].data[0, 0])
        assert np.isfinite(hdus["MW_LOGAGE_P50"].data.ravel()[1:-1]).all()


def test_bad_input_is_one_line(tmp_path, model):
    release = phangs_files.release(tmp_path / "DR")
    error = release / SHORT.format("f275w", "err", "wht")
    image = release / SHORT.format("f275w", "exp", "sci")
    good = ["NGC3627", "--phangs", release, "-o", tmp_path / "m.fits", "--model", model]
    maps = release / "copt/MUSEDAP/fiducial/NGC3627-1.05asec_MAPS.fits"

    def spoiled(path, write, *more, **changes):
        kept = path.read_bytes()
        path.unlink()
        write(path, *more, **changes)
        result = run(*good)
        path.write_bytes(kept)
        return result

    for result, words in (
        (run("NGC3628", *good[1:]), "is no galaxy of PHANGS-MUSE"),
        (spoiled(error, phangs_files.error_map, shape=(9, 9)), "has shape (9, 9)"),
        (spoiled(image, phangs_files.mosaic, offset=(300, 0)), "does not overlap the cube"),
        (spoiled(image, phangs_files.mosaic, unit="UNITLESS"), "use --image-unit"),
        (spoiled(image, phangs_files.mosaic, photflam=False), "PHOTFLAM is missing"),
        (spoiled(maps, phangs_files.dap_maps, 9, 9), "has shape (9, 9)"),
        (spoiled(maps, phangs_files.dap_maps, offset=(0, 2)), "is of another cube"),
        (run(*good, "--image", f"F336W={image}"), "is an image of F275W, not of F336W"),
    ):
        lines = [x for x in result.stderr.splitlines() if x.startswith("Error")]
        assert result.exit_code == 1 and len(lines) == 1, result.output
        assert words in lines[0], lines[0]
        assert not (tmp_path / "m.fits").exists()
    assert run("--phangs", release, "-o", tmp_path / "m.fits").exit_code == 2
