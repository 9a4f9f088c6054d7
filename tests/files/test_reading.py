"""The one place that opens FITS and ECSV: what is wrong with a file is one line, and soon there."""

import gzip
import time

import numpy as np
import pytest
from astropy.io import fits
from input_tables import INSTRUMENT, make_table
from small_cube import write_cube, write_image

from phangs_sfh.errors import InputError
from phangs_sfh.files.reading import header_number, open_fits, readable
from phangs_sfh.maps.input.cube import open_cube
from phangs_sfh.maps.input.image import open_image
from phangs_sfh.observations.table import read_observations


def with_card(path, keyword, value, nth=1):
    """Overwrite the n-th card of this keyword, as it stands in the file, with any text."""
    content, place = bytearray(path.read_bytes()), -80
    for _ in range(nth):
        place = next(
            i for i in range(place + 80, len(content), 80)
            if content[i : i + 8].decode("latin1") == f"{keyword:8}"
        )  # fmt: skip
    content[place : place + 80] = f"{keyword:8}= {value:>20}".encode("latin1").ljust(80)
    path.write_bytes(content)


def refusal(read, path):
    start = time.monotonic()
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and len(message) < 500
    assert time.monotonic() - start < 5
    return message


TABLES = {
    "no type": ("TFORM2", "", 1),
    "type that there is not": ("TFORM2", "'2457X'", 1),
    "text for a number": ("NAXIS2", "'three'", 1),
    "rows for more than all memory": ("NAXIS2", str(10**14), 1),
    "an integer of 60 digits": ("NAXIS2", "9" * 60, 1),
    "axes without end": ("NAXIS", "9" * 12, 1),
    "columns without end": ("TFIELDS", "9" * 12, 1),
    "unparsable": ("TTYPE3", "'", 1),
    "a unit that takes minutes": ("TUNIT2", "'10**99999999 Angstrom'", 1),
    "the same in the standard's way": ("TUNIT2", "'10+99999999 Angstrom'", 1),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables_with_a_damaged_card(tmp_path, case):
    make_table(3).write(tmp_path / "t.fits")
    with_card(tmp_path / "t.fits", *TABLES[case])
    refusal(lambda path: read_observations(path, INSTRUMENT), tmp_path / "t.fits")


CUBES = {
    "text for a wavelength": ("CRVAL3", "'blue'", 1, "CRVAL3"),
    "a wavelength without end": ("CRVAL3", "1e400", 1, "CRVAL3"),
    "no such number type": ("BITPIX", "-33", 2, "-33"),
    "text for a scale": ("BSCALE", "'ten'", 1, "BSCALE"),
    "no pixels": ("NAXIS1", "0", 1, "no pixels"),
    "one channel": ("NAXIS3", "1", 1, "one channel"),
    "a unit that takes minutes": ("BUNIT", "'10**(-99999999)*erg/s'", 1, "power of ten"),
}


@pytest.mark.parametrize("case", CUBES)
def test_cubes_with_a_damaged_card(tmp_path, case):
    def add_scale(hdus):
        for hdu in hdus[1:]:
            hdu.header["BSCALE"] = 1.0

    path = tmp_path / "c.fits"
    write_cube(path, 1, 1, change=add_scale if "scale" in case else None)
    keyword, value, nth, words = CUBES[case]
    if keyword == "NAXIS3":
        with_card(path, keyword, value, 2), with_card(path, keyword, value, 3)
    with_card(path, keyword, value, nth)
    assert words in refusal(open_cube, path)


def test_images_whose_pixels_make_no_sense(tmp_path):
    path = tmp_path / "i.fits"
    write_image(path, np.ones((4, 4)), 0.1, scale=1e9)
    assert "pixels of" in refusal(lambda p: open_image(p, INSTRUMENT.bands[0]), path)


@pytest.mark.parametrize(
    "text",
    [
        "# %ECSV 1.0\n# ---\n# {meta: [}\na\n1\n",
        "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: 7}\na\n1\n",
        "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, unit: 10**99999999 m, datatype: int8}\n"
        "a\n1\n",
    ],
)
def test_damaged_ecsv(tmp_path, text):
    (tmp_path / "t.ecsv").write_text(text)
    refusal(lambda path: read_observations(path, INSTRUMENT), tmp_path / "t.ecsv")


def test_bytes_after_the_last_table_are_let_pass(tmp_path):
    path, zipped = tmp_path / "t.fits", tmp_path / "t.fits.gz"
    make_table(3).write(path)
    sound = read_observations(path, INSTRUMENT)
    path.write_bytes(path.read_bytes() + bytes(5000))
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    for one in (path, zipped):
        np.testing.assert_array_equal(read_observations(one, INSTRUMENT).flux, sound.flux)


def test_a_damaged_card_that_nobody_asks_for_is_let_pass(tmp_path):
    def add_note(hdus):
        hdus[1].header["NOTE"] = "well"

    path = tmp_path / "c.fits"
    write_cube(path, 1, 1, change=add_note)
    sound = open_cube(path).wave
    with_card(path, "NOTE", "'")
    np.testing.assert_array_equal(open_cube(path).wave, sound)


def test_readable_lets_refusals_and_permissions_through():
    with pytest.raises(InputError, match="^mine$"), readable("f"):
        raise InputError("mine")
    with pytest.raises(PermissionError), readable("f"):
        raise PermissionError
    with pytest.raises(InputError, match="f: cannot be read .EOFError.; copy"), readable("f"):
        raise EOFError
    with pytest.raises(InputError, match="f: says that it holds more than"), readable("f"):
        raise MemoryError


def test_numbers_of_headers():
    header = fits.Header({"A": 1, "B": "text", "C": True, "D": 2.5})
    assert header_number("f", header, "A") == 1.0 and header_number("f", header, "D") == 2.5
    assert header_number("f", header, "E", 7.0) == 7.0
    for keyword in "BCE":
        with pytest.raises(InputError, match=f"f: header card {keyword} is"):
            header_number("f", header, keyword)


def test_a_fits_file_that_is_none(tmp_path):
    (tmp_path / "f.fits").write_bytes(b"SIMPLE  =" + bytes(4000))
    with pytest.raises(InputError, match="f.fits: cannot be read"), open_fits(tmp_path / "f.fits"):
        pass
