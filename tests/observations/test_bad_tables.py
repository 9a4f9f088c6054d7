"""Refusals at the door: one line each, naming file, column and remedy."""

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time
from input_tables import INSTRUMENT, make_table

from phangs_sfh.errors import InputError
from phangs_sfh.observations.table import observations_from_table, read_observations


def without(*names):
    return lambda table: table.remove_columns(list(names))


def put(name, change):
    def do(table):
        table[name] = change(table[name])

    return do


def several(*changes):
    def do(table):
        for change in changes:
            change(table)

    return do


def _clear(table):
    table.meta.clear()


def _medium(value):
    return lambda table: table.meta.update(WAVEMED=value)


def _swap_pixels(table):
    table["wave"][1, 10:12] = table["wave"][1, 11:9:-1]


REFUSED = {
    "no wave": (without("wave"), ["'wave'", "missing", "add it"]),
    "no flux": (without("flux"), ["'flux'", "missing", "add it"]),
    "no flux_err": (without("flux_err"), ["'flux_err'", "missing", "add it"]),
    "no band error": (without("F438W_err"), ["'F438W_err'", "missing"]),
    "no band": (without("F438W"), ["'F438W'", "missing"]),
    "no redshift": (without("redshift"), ["'redshift'", "--redshift"]),
    "wave without unit": (put("wave", lambda c: c.value), ["'wave'", "no unit", "Angstrom"]),
    "wave in seconds": (put("wave", lambda c: c.value * u.s), ["'wave'", "'s'", "Angstrom"]),
    "wave in Hz": (put("wave", lambda c: c.value * u.Hz), ["'wave'", "not a length"]),
    "nm called Angstrom": (put("wave", lambda c: c / 10), ["'wave'", "look like nm", "unit"]),
    "um called Angstrom": (put("wave", lambda c: c / 1e4), ["'wave'", "look like um", "unit"]),
    "Angstrom called nm": (put("wave", lambda c: c.value * u.nm), ["look like Angstrom"]),
    "no medium": (_clear, ["WAVEMED", "'air'", "--wavemed"]),
    "unknown medium": (_medium("water"), ["WAVEMED", "'water'", "'vacuum'"]),
    "unsorted": (_swap_pixels, ["'wave'", "row 1", "sort"]),
    "off the grid": (put("wave", lambda c: c + 3000 * u.AA), ["'wave'", "4800-7000", "redshift"]),
    "flux without unit": (
        several(put("flux", lambda c: c.value), put("flux_err", lambda c: c.value)),
        ["'flux'", "no unit", "erg"],
    ),
    "only errors have a unit": (put("flux", lambda c: c.value), ["'flux'", "no unit"]),
    "errors without unit": (put("flux_err", lambda c: c.value), ["'flux_err'", "no unit"]),
    "flux in counts": (put("flux", lambda c: c.value * u.adu), ["'flux'", "'adu'", "erg"]),
    "flux of a line": (
        put("flux", lambda c: c.value * u.erg / u.s / u.cm**2),
        ["'flux'", "not a flux density"],
    ),
    "flux of unknown unit": (
        put("flux", lambda c: c.value * u.Unit("flx", parse_strict="silent")),
        ["'flux'", "not a flux density"],
    ),
    "errors per area": (put("flux_err", lambda c: c / u.arcsec**2), ["'flux_err'", "same kind"]),
    "band without unit": (put("F555W", lambda c: c.value), ["'F555W'", "no unit", "nJy"]),
    "band in counts": (put("F555W", lambda c: c.value * u.electron), ["'F555W'", "mag(AB)"]),
    "band in some magnitude": (put("F555W", lambda c: c.value * u.mag), ["'F555W'", "mag(AB)"]),
    "band per area": (
        several(
            put("F555W", lambda c: c / u.arcsec**2), put("F555W_err", lambda c: c / u.arcsec**2)
        ),
        ["'F555W'", "surface brightness"],
    ),
    "flat wave": (put("wave", lambda c: c[:, 0]), ["'wave'", "vector column"]),
    "pixels missing": (put("flux_err", lambda c: c[:, 1:]), ["'flux_err'", "shape"]),
    "vector band": (put("F555W", lambda c: np.tile(c, (2, 1)).T), ["'F555W'", "scalar column"]),
    "magnitudes per pixel": (
        put("flux", lambda c: c.to(u.STmag)),
        ["'flux'", "not a flux density"],
    ),
    "logarithmic wave": (
        put("wave", lambda c: u.Dex(np.log10(c.value), u.dex(u.AA))),
        ["'wave'", "not a length"],
    ),
    "complex": (put("flux", lambda c: c * 1j), ["'flux'", "numbers"]),
    "dates": (put("redshift", lambda c: Time(c.value, format="jyear")), ["'redshift'", "numbers"]),
    "text": (put("redshift", lambda c: ["a", "b", "c"]), ["'redshift'", "numbers"]),
    "velocity": (put("redshift", lambda c: c * 3e5), ["'redshift'", "velocity"]),
    "velocity with unit": (put("redshift", lambda c: c * u.km / u.s), ["'redshift'", "v / c"]),
    "NaN redshifts": (put("redshift", lambda c: c * np.nan), ["'redshift'", "no row"]),
    "no rows": (lambda table: table.remove_rows([0, 1, 2]), ["no rows"]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_tables_that_are_refused(what):
    table = make_table()
    damage, words = REFUSED[what]
    damage(table)
    with pytest.raises(InputError) as caught:
        observations_from_table(table, INSTRUMENT, source="galaxy.fits")
    message = str(caught.value)
    assert message.startswith("galaxy.fits: ") and "\n" not in message and len(message) < 300
    for word in words:
        assert word in message


def test_nothing_but_names(tmp_path):
    table = make_table()
    table.keep_columns(["redshift"])
    table.write(tmp_path / "t.ecsv")
    with pytest.raises(InputError, match="'wave', 'flux', 'flux_err' are missing.*F275W"):
        read_observations(tmp_path / "t.ecsv", INSTRUMENT)


def test_the_medium_is_not_overruled():
    with pytest.raises(InputError, match="'air' but --wavemed says 'vacuum'"):
        observations_from_table(make_table(), INSTRUMENT, wavemed="vacuum")
    table = make_table()
    table.meta.clear()
    observations_from_table(table, INSTRUMENT, wavemed="air")


def test_redshift_option_out_of_range():
    with pytest.raises(InputError, match="--redshift 1200 is out of range"):
        observations_from_table(make_table(), INSTRUMENT, redshift=1200.0)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.fits", b"", "empty"),
        ("notes.txt", b"Dear diary, no table here.\n", "neither"),
        ("photo.fits", b"\x89PNG\r\n\x1a\n" + bytes(3000), "neither"),
        ("bad.ecsv", b"# %ECSV 1.0\n# ---\n# datatype: [\nwave flux\n", "cannot be read"),
    ],
)
def test_files_that_are_no_tables(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_observations(path, INSTRUMENT)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_observations(tmp_path / "t.fits", INSTRUMENT)
    with pytest.raises(InputError, match="folder"):
        read_observations(tmp_path, INSTRUMENT)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.5, 0.9])
def test_truncated_tables(tmp_path, share):
    path = tmp_path / "t.fits"
    make_table(20).write(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError) as caught:
        read_observations(path, INSTRUMENT)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_image_in_fits(tmp_path):
    from astropy.io import fits

    path = tmp_path / "image.fits"
    fits.PrimaryHDU(np.zeros((40, 40))).writeto(path)
    with pytest.raises(InputError, match="image.fits"):
        read_observations(path, INSTRUMENT)


def test_unknown_unit_on_disk(tmp_path):
    from astropy.io import fits

    path = tmp_path / "t.fits"
    make_table().write(path)
    with fits.open(path) as hdus:
        hdus[1].header["TUNIT2"] = "furlong"
        del hdus[1].header["COMMENT"]
        hdus.writeto(tmp_path / "u.fits")
    with pytest.raises(InputError, match="'flux': unit 'furlong' is not a flux density"):
        read_observations(tmp_path / "u.fits", INSTRUMENT)


def test_plain_fits_of_other_programs(tmp_path):
    """Without astropy's own comments, units come from TUNIT alone."""
    from astropy.io import fits

    make_table().write(tmp_path / "t.fits")
    with fits.open(tmp_path / "t.fits") as hdus:
        del hdus[1].header["COMMENT"]
        hdus.writeto(tmp_path / "u.fits")
    plain = read_observations(tmp_path / "u.fits", INSTRUMENT)
    full = read_observations(tmp_path / "t.fits", INSTRUMENT)
    np.testing.assert_array_equal(plain.flux, full.flux)
    np.testing.assert_array_equal(plain.band_flux, full.band_flux)
