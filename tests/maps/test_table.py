"""Maps as a table: rows of bins or spaxels, and what other programs read of both files."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS
from click.testing import CliRunner
from fake_model import N_SAMPLES, write_fake_model
from small_cube import write_cube, write_map

from phangs_sfh.cli.main import main
from phangs_sfh.files.tables import write_table
from phangs_sfh.maps.table import map_table

NY, NX = 4, 5


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A cube, bins of which one lies on a star, and maps and table of both kinds."""
    place = tmp_path_factory.mktemp("place")
    write_fake_model(place / "1")
    write_cube(place / "c.fits", NY, NX)
    bins = np.arange(NY * NX).reshape(NY, NX) // 7
    bins[0, 0] = 9
    stars = np.zeros((NY, NX))
    stars[0, 0] = stars[3, 4] = 1
    write_map(place / "b.fits", bins)
    write_map(place / "s.fits", stars)
    binned = "--bins", "b.fits", "--samples", "20", "--table", "t.fits"
    for name, more in (("m.fits", binned), ("n.fits", ("--table", "u.ecsv", "--distance", "9"))):
        assert run(place, "c.fits", "-o", name, *more).exit_code == 0
    write_table(map_table(place / "n.fits"), place / "u.fits")
    return place


def run(place, *arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        usual = ["--redshift", "0.003", "--model", "1", "--star-mask", "s.fits", "--overwrite"]
        return CliRunner().invoke(main, ["map", *arguments, *usual])


def test_a_row_is_a_bin(place):
    table = QTable.read(place / "t.fits")
    with fits.open(place / "m.fits") as hdus:
        bins, ages, sfh = (hdus[n].data for n in ("BIN", "MW_LOGAGE_P50", "SFH_P84"))
        white, wcs = hdus["WHITE"].data, WCS(hdus["BIN"].header).celestial
    assert list(table["bin"]) == sorted(set(bins[bins >= 0])) and len(table) == 3
    for row in table:
        inside = bins == row["bin"]
        y, x = (place.mean() for place in np.nonzero(inside))
        assert row["n_spaxels"] == inside.sum() and (row["x"], row["y"]) == (x, y)
        assert row["mw_logage_p50"].value == ages[inside][0]
        assert (row["sfh_p84"] == sfh[:, inside][:, 0]).all()
        assert row["white"].value == pytest.approx(white[inside].mean(), rel=1e-5)
        sky = wcs.pixel_to_world(x, y)
        assert (row["ra"].value, row["dec"].value) == pytest.approx((sky.ra.deg, sky.dec.deg))
    assert table.meta["MODEL"] == "fake" and table["av_p50"].unit == u.mag


def test_samples_are_of_their_bins(place):
    table = QTable.read(place / "t.fits")
    assert table["sfh_samples"].shape == (3, 20, 16) and table["logml_samples"].shape == (3, 20)
    middle = table["mw_logage_p50"].value  # the fake model draws evenly to 1 on both sides of it
    steps = (table["mw_logage_samples"].value - middle[:, None] + 1) / 2 * (N_SAMPLES - 1)
    assert np.allclose(steps, np.rint(steps), atol=2e-3) and np.ptp(steps, axis=1).min() > 30


def test_without_bins_a_row_is_an_answered_spaxel(place):
    table = QTable.read(place / "u.ecsv")
    assert len(table) == NY * NX - 2 and (table["n_spaxels"] == 1).all()
    assert "logmass_p50" in table.colnames and "bin" in table.colnames
    ages = fits.getdata(place / "n.fits", "MW_LOGAGE_P50")
    assert (table["mw_logage_p50"].value == ages[np.isfinite(ages)]).all()
    assert QTable.read(place / "u.fits").colnames == table.colnames


@pytest.mark.parametrize(
    "more, words",
    [
        (["--samples", "5"], "name one with --table"),
        (["--samples", "5", "--table", "x.fits"], "give --snr or --bins"),
        (["--table", "x.txt"], "must end in .fits or .ecsv"),
        (["--table", "x.fits", "--shard", "1/2"], "a part makes no table"),
    ],
)
def test_refusals(place, more, words):
    result = run(place, "c.fits", "-o", "x_maps.fits", *more)
    assert result.exit_code == 1 and words in result.stderr, result.output
    assert not (place / "x_maps.fits").exists()


@pytest.mark.parametrize("name", ["m.fits", "n.fits"])
def test_units_are_known_strictly(place, name):
    with fits.open(place / name) as hdus:
        for hdu in hdus[1:]:
            u.Unit(hdu.header["BUNIT"], parse_strict="raise")


def test_glue_reads_maps_and_table(place):
    """By its own FITS reader: an image or a cube of each extension, a table of the rows."""
    readers = pytest.importorskip("glue.core.data_factories.fits")
    found = readers.fits_reader(str(place / "n.fits"))
    names = [hdu.name for hdu in fits.open(place / "n.fits")[1:]]
    assert [data.label for data in found] == [f"n[{name}]" for name in names]
    for data, name in zip(found, names, strict=True):
        expected = fits.getdata(place / "n.fits", name)
        assert np.array_equal(data[data.main_components[0]], expected, equal_nan=True)
    (rows,) = readers.fits_reader(str(place / "u.fits"))
    ages = QTable.read(place / "u.ecsv")["mw_logage_p50"].value
    assert (rows["mw_logage_p50"] == ages).all() and rows.label == "u[HDU1]"


def test_jdaviz_shows_a_map(place):
    jdaviz = pytest.importorskip("jdaviz")
    viewer = jdaviz.Imviz()
    viewer.load_data(str(place / "n.fits"), ext="MW_LOGAGE_P50", data_label="age")
    (data,) = viewer.app.data_collection
    ages = fits.getdata(place / "n.fits", "MW_LOGAGE_P50")
    assert np.array_equal(data[data.main_components[0]], ages, equal_nan=True)
