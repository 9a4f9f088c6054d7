"""Camera and filter of an image: of its header, or else of its name."""

from pathlib import Path

import phangs_files
import pytest
from astropy.io import fits

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.description import Band, load_instrument
from phangs_sfh.maps.input.image import open_image
from phangs_sfh.maps.input.image_header import check_band, stated_band

INSTRUMENT = load_instrument()
KNOWN = INSTRUMENT.band_names


@pytest.mark.parametrize(
    "name, cards, band",
    [
        ("a.fits", {"INSTRUME": "WFC3", "DETECTOR": "UVIS", "FILTER": "F275W"}, "F275W"),
        ("a.fits", {"INSTRUME": "ACS", "DETECTOR": "WFC", "FILTER1": "CLEAR1L",
                    "FILTER2": "F435W"}, "ACS_F435W"),
        ("a.fits", {"INSTRUME": "ACS", "DETECTOR": "WFC", "FILTER1": "F555W",
                    "FILTER2": "CLEAR2L"}, "ACS_F555W"),
        ("a.fits", {"INSTRUME": "WFC3", "DETECTOR": "IR", "FILTER": "F160W"}, "WFC3IR_F160W"),
        ("a.fits", {"INSTRUME": "NIRCAM", "FILTER": "F200W"}, "F200W"),
        ("ngc1300_acs_f814w_exp_drc_sci.fits", {}, "ACS_F814W"),
        ("hlsp_phangs-hst_hst_wfc3-uvis_ngc3627_f275w_v1_exp-drc-sci.fits", {}, "F275W"),
        ("f555w_on_f275w.fits", {}, ""),
        ("mosaic.fits", {}, ""),
    ],
)  # fmt: skip
def test_what_an_image_says_of_itself(name, cards, band):
    empty = fits.Header()
    assert stated_band(Path(name), [empty, fits.Header(cards)]) == band


def test_a_mosaic_of_acs_is_not_one_of_uvis(tmp_path):
    path = phangs_files.mosaic(tmp_path / "a.fits", "f814w", "acs")
    errors = phangs_files.error_map(tmp_path / "a_err_wht.fits")
    uvis = INSTRUMENT.bands[KNOWN.index("F814W")]
    with pytest.raises(InputError) as caught:
        open_image(path, uvis, errors, known=KNOWN)
    assert str(caught.value) == (
        f"{path}: is an image of ACS_F814W, not of F814W; the model has no band ACS_F814W, so "
        "leave it out (a missing band is no harm)"
    )
    with pytest.raises(InputError, match="give it as ACS_F814W"):
        open_image(path, uvis, errors, known=[*KNOWN, "ACS_F814W"])
    acs = Band("ACS_F814W", uvis.wave, uvis.throughput)
    assert open_image(path, acs, errors, known=["ACS_F814W"]).band == "ACS_F814W"


def test_another_filter_is_refused_and_bands_of_other_names_are_taken_as_given():
    header = [fits.Header({"INSTRUME": "WFC3", "DETECTOR": "UVIS", "FILTER": "F336W"})]
    with pytest.raises(InputError, match="is an image of F336W, not of F275W; give it as F336W"):
        check_band(Path("a.fits"), header, "F275W", KNOWN)
    check_band(Path("a.fits"), header, "g", ["g"])
    check_band(Path("a.fits"), [fits.Header()], "F275W", KNOWN)
