"""What an error image holds, by extension, name, unit and the image's own noise."""

from pathlib import Path

import numpy as np
import phangs_files
import pytest
from astropy.io import fits
from small_cube import write_image

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.maps.input import image_errors
from phangs_sfh.maps.input.cube import DEVIATION, INVERSE, VARIANCE
from phangs_sfh.maps.input.image import open_image

BAND = load_instrument().bands[0]
SIGMA = phangs_files.SIGMA
EVERYTHING = (slice(0, phangs_files.PIXELS),) * 2


def deviations(image):
    """Standard deviations in the units of the file."""
    return np.sqrt(image.read(*EVERYTHING)[1]) / image.factor


@pytest.fixture
def mosaic(tmp_path):
    return phangs_files.mosaic(tmp_path / "ngc3627_uvis_f275w_exp_drc_sci.fits")


@pytest.mark.parametrize(
    "name",
    ["ngc3627_uvis_f275w_err_drc_wht.fits",
     "hlsp_phangs-hst_hst_wfc3-uvis_ngc3627_f275w_v1_err-drc-wht.fits"],
)  # fmt: skip
def test_error_maps_of_phangs_are_inverse_variances(tmp_path, mosaic, name):
    errors = phangs_files.error_map(tmp_path / name)
    image = open_image(mosaic, BAND, errors)
    assert image.error_kind.kind == INVERSE and image.error_kind.source == "file name"
    assert deviations(image) == pytest.approx(SIGMA, rel=1e-3)
    assert image.factor * image.pixel_area == pytest.approx(3.19e-18 / 1e-20)  # the mosaic's own


@pytest.mark.parametrize(
    "unit, value, kind",
    [("electron/s", SIGMA, DEVIATION), ("electron2 s-2", SIGMA**2, VARIANCE),
     ("s2/electron2", SIGMA**-2, INVERSE)],
)  # fmt: skip
def test_a_unit_tells_what_errors_are(tmp_path, mosaic, unit, value, kind):
    errors = phangs_files.error_map(tmp_path / "e.fits", value)
    fits.setval(errors, "BUNIT", value=unit)
    image = open_image(mosaic, BAND, errors)
    assert (image.error_kind.kind, image.error_kind.source) == (kind, "BUNIT")
    assert deviations(image) == pytest.approx(SIGMA, rel=1e-3)


@pytest.mark.parametrize(
    "name, value, words",
    [("e.fits", SIGMA**-2, "inverse variances would fit"),
     ("e_rms.fits", SIGMA**2, "variances would fit"),
     ("ngc3627_f275w_err_drc_wht.fits", SIGMA, "standard deviations would fit"),
     ("e.fits", SIGMA / 5, "nor would anything else fit")],
)  # fmt: skip
def test_errors_that_the_sky_contradicts_are_refused(tmp_path, mosaic, name, value, words):
    errors = phangs_files.error_map(tmp_path / name, value)
    with pytest.raises(InputError) as caught:
        open_image(mosaic, BAND, errors)
    assert words in str(caught.value) and str(caught.value).startswith(f"{errors}: ")
    assert "--image-error-is" in str(caught.value) and "\n" not in str(caught.value)


def test_the_users_word_counts_and_is_doubted_aloud(tmp_path, mosaic):
    errors = phangs_files.error_map(tmp_path / "e.fits")
    image = open_image(mosaic, BAND, errors, error_is=INVERSE)
    assert deviations(image) == pytest.approx(SIGMA, rel=1e-3) and not image.warning
    image = open_image(mosaic, BAND, errors, error_is=DEVIATION)
    assert "taken as they are" in image.warning


def test_exposure_times_are_no_errors(tmp_path, mosaic):
    named = phangs_files.error_map(tmp_path / "ngc3627_uvis_f275w_exp_drc_wht.fits", 500.0)
    stated = phangs_files.error_map(tmp_path / "e.fits", 500.0)
    fits.setval(stated, "BUNIT", value="SECONDS")
    for errors in (named, stated):
        with pytest.raises(InputError, match="holds exposure times, not errors"):
            open_image(mosaic, BAND, errors)


def test_stars_and_arms_are_not_taken_for_noise(tmp_path):
    """Half the field is crowded, the other half is sky: errors that are right pass."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, SIGMA, (200, 300))
    values[:, :150] += rng.exponential(1.0, (200, 150))
    write_image(tmp_path / "i.fits", values, SIGMA)
    assert not open_image(tmp_path / "i.fits", BAND).warning
    write_image(tmp_path / "i.fits", values, SIGMA / 5)
    with pytest.raises(InputError, match="scatters 4.* times"):
        open_image(tmp_path / "i.fits", BAND)


def test_an_image_without_noise_says_nothing_of_its_errors(tmp_path):
    write_image(tmp_path / "i.fits", np.ones((99, 99)), 0.2)
    assert not open_image(tmp_path / "i.fits", BAND).warning


def test_negative_errors_are_missing(tmp_path):
    write_image(tmp_path / "i.fits", np.ones((9, 9)), np.where(np.eye(9), -1.0, 1.0))
    _, variance = open_image(tmp_path / "i.fits", BAND).read(slice(0, 9), slice(0, 9))
    assert ((variance == 0) == np.eye(9, dtype=bool)).all()


def test_what_words_of_names_mean():
    assert image_errors.kind_of(Path("a_ivar.fits"), "", (), None).kind == INVERSE
    assert image_errors.kind_of(Path("a_weight.fits"), "", (), None).kind == INVERSE
    assert image_errors.kind_of(Path("a_var.fits"), "", (), None).kind == VARIANCE
    assert image_errors.kind_of(Path("a.fits"), "ERR", (), None).kind == DEVIATION
    found = image_errors.kind_of(Path("a.fits"), "", (), None)
    assert found.kind == DEVIATION and found.source == "assumed"
