"""Opening cubes: conventions understood, bad files refused with one line."""

import numpy as np
import pytest
from astropy.io import fits
from small_cube import MUSE_UNIT, N_CHANNELS, START, STEP, write_cube

from phangs_sfh.errors import InputError
from phangs_sfh.maps.input.cube import open_cube

ALL = slice(0, N_CHANNELS)


def read_all(cube):
    return cube.read(ALL, slice(0, cube.shape[0]))


def test_a_muse_cube_is_read(tmp_path):
    def change(hdus):
        hdus["DATA"].data[3, 1, 2] = np.nan
        hdus["STAT"].data[4, 1, 2] = 0
        hdus["DQ"].data[5, 1, 2] = 1

    flux, variance = write_cube(tmp_path / "c.fits", change=change)
    cube = open_cube(tmp_path / "c.fits")
    assert cube.shape == (4, 5) and cube.kind == "flux density" and not cube.vacuum
    assert cube.wave == pytest.approx(START + STEP * np.arange(N_CHANNELS), abs=1e-6)
    got_flux, got_variance = read_all(cube)
    assert got_flux.dtype == np.float32
    bad = np.zeros(flux.shape, bool)
    bad[3:6, 1, 2] = True
    assert (got_flux.reshape(flux.shape)[~bad] == flux[~bad]).all()
    assert got_variance.reshape(flux.shape)[~bad] == pytest.approx(variance[~bad])
    assert ((got_variance.reshape(flux.shape) == 0) == bad).all()
    part = cube.read(slice(10, 20), slice(1, 3))[0]
    assert (part == flux[10:20, 1:3].reshape(10, -1)).all()


def as_deviation(hdus):
    hdus["STAT"].data = np.sqrt(hdus["STAT"].data)
    hdus["STAT"].name = "ERR"


def as_inverse(hdus):
    hdus["STAT"].data = 1 / hdus["STAT"].data
    hdus["STAT"].name = "IVAR"


def in_erg(hdus):
    hdus["DATA"].data *= np.float32(1e-20)
    hdus["STAT"].data = hdus["STAT"].data.astype("f8") * 1e-40
    hdus["DATA"].header["BUNIT"] = "erg/s/cm^2/Angstrom"


def in_nanometres(hdus):
    header = hdus["DATA"].header
    header["CUNIT3"], header["CRVAL3"], header["CD3_3"] = "nm", START / 10, STEP / 10


def with_cdelt(hdus):
    header = hdus["DATA"].header
    del header["CD?_?"]
    header["CDELT1"], header["CDELT2"], header["CDELT3"] = -5.5e-5, 5.5e-5, STEP


def scaled_integers(hdus):
    hdus["DATA"].scale("int32", bscale=1e-4)


@pytest.mark.parametrize(
    "change", [as_deviation, as_inverse, in_erg, in_nanometres, with_cdelt, scaled_integers]
)
def test_other_conventions_mean_the_same(tmp_path, change):
    write_cube(tmp_path / "c.fits")
    write_cube(tmp_path / "o.fits", change=change)
    plain, other = open_cube(tmp_path / "c.fits"), open_cube(tmp_path / "o.fits")
    assert other.wave == pytest.approx(plain.wave, abs=1e-4)
    for value, wanted in zip(read_all(other), read_all(plain), strict=True):
        assert value == pytest.approx(wanted, rel=1e-4, abs=1e-3)


def test_f_nu_and_surface_brightness(tmp_path):
    def f_nu(hdus):
        hdus["DATA"].header["BUNIT"] = "mJy"

    def per_area(hdus):
        hdus["DATA"].header["BUNIT"] = "1e-20 erg / (s cm2 Angstrom arcsec2)"

    flux, _ = write_cube(tmp_path / "c.fits", change=f_nu)
    got = read_all(open_cube(tmp_path / "c.fits"))[0].reshape(flux.shape)[:, 0, 0]
    wave = START + STEP * np.arange(N_CHANNELS)
    assert got == pytest.approx(flux[:, 0, 0] * 1e-26 * 2.99792458e18 / wave**2 / 1e-20, rel=1e-4)
    write_cube(tmp_path / "c.fits", change=per_area)
    assert open_cube(tmp_path / "c.fits").kind == "surface brightness"


def header(**cards):
    def change(hdus):
        for key, value in cards.items():
            if value is None:
                del hdus["DATA"].header[key]
            else:
                hdus["DATA"].header[key] = value

    return change


def without_stat(hdus):
    del hdus["STAT"]


def flat(hdus):
    for name in ("DATA", "STAT", "DQ"):
        hdus[name].data = hdus[name].data[0]


def short_stat(hdus):
    hdus["STAT"].data = hdus["STAT"].data[:-1]


@pytest.mark.parametrize(
    "change, words",
    [
        (without_stat, "extension STAT is missing"),
        (flat, "no image with three axes (found: 2-D"),
        (short_stat, "write them of one shape"),
        (header(BUNIT=None), "BUNIT is missing"),
        (header(BUNIT="furlong"), "BUNIT 'furlong' is not a flux density"),
        (header(BUNIT="ct"), "is not a flux density"),
        (header(CUNIT3=None), "CUNIT3 is ''"),
        (header(CUNIT3="km/s"), "CUNIT3 is 'km/s'"),
        (header(CUNIT3="nm"), "do not make sense (CUNIT3 is 'nm')"),
        (header(CTYPE3="WAVE"), "say which with --wavemed"),
        (header(CTYPE3="FREQ"), "is not a wavelength"),
        (header(CD3_3=-1.25), "do not make sense"),
    ],
)
def test_refusals(tmp_path, change, words):
    path = tmp_path / "c.fits"
    write_cube(path, change=change)
    with pytest.raises(InputError) as caught:
        open_cube(path)
    assert words in str(caught.value) and str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_options_for_what_the_header_does_not_say(tmp_path):
    path = tmp_path / "c.fits"
    write_cube(path, change=header(BUNIT=None, CTYPE3="WAVE"))
    cube = open_cube(path, unit=MUSE_UNIT, wavemed="vacuum")
    assert cube.vacuum and cube.factor == pytest.approx(1)
    write_cube(path)
    with pytest.raises(InputError, match="correct one of them"):
        open_cube(path, wavemed="vacuum")


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_truncated_files_are_refused(tmp_path, kept):
    path = tmp_path / "c.fits"
    write_cube(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match="truncated|copy the file again"):
        open_cube(path)


def test_files_that_are_no_fits(tmp_path):
    path = tmp_path / "c.fits"
    for content, words in (
        (b"", "not a FITS file"), (b"text", "not a FITS file"), (b"\x1f\x8b00", "decompress"),
    ):  # fmt: skip
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            open_cube(path)
    with pytest.raises(InputError, match="no such file"):
        open_cube(tmp_path / "none.fits")
    with pytest.raises(InputError, match="folder"):
        open_cube(tmp_path)
    write_cube(path)
    with fits.open(path) as hdus:
        packed = fits.CompImageHDU(hdus["DATA"].data, hdus["DATA"].header, name="DATA")
        fits.HDUList([hdus[0], packed, hdus["STAT"]]).writeto(tmp_path / "p.fits")
    with pytest.raises(InputError, match="funpack"):
        open_cube(tmp_path / "p.fits")
