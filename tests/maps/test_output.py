"""The map file: what it holds, that it is whole or not there."""

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.wcs import WCS
from small_cube import wcs_cards

from phangs_sfh.errors import InputError
from phangs_sfh.maps.output import Extension, MapFile, extensions
from phangs_sfh.prediction.results import answer_names, result_meta

SHAPE = (7, 3)
META = result_meta({"name": "m", "version": 1, "instrument": {"name": "MUSE"}, "z_sun": 0.02})


def celestial():
    header = fits.Header()
    wcs_cards(header, SHAPE[1], SHAPE[0], angle=30)
    return WCS(header)


def test_extensions_carry_unit_meaning_and_wcs(tmp_path):
    path, layout = tmp_path / "maps.fits", extensions("1e-20 erg / (s cm2 Angstrom)", True)
    with MapFile(path, SHAPE, layout, celestial(), {**META, "CUBE": ("ç.fits", "input")}) as maps:
        for extension in layout:
            for rows in (slice(0, 2), slice(2, 7)):
                size = (extension.planes, rows.stop - rows.start, 3)
                values = np.arange(np.prod(size)).reshape(size) + rows.start
                maps.write(extension.name, rows, values)
        assert not path.exists()
    with fits.open(path) as hdus:
        hdus.verify("exception")
        names = [n.upper() for n in answer_names()] + ["WHITE", "SNR", "BIN"]
        assert [h.name for h in hdus[1:]] == names
        for hdu in hdus[1:]:
            per_bin = hdu.name[:3] in ("SFH", "CMF", "MH_")
            assert hdu.data.shape == ((16, *SHAPE) if per_bin else SHAPE)
            assert hdu.header["DESCRIP"]
            wcs = WCS(hdu.header).celestial
            there = wcs.pixel_to_world_values(1, 2)
            assert np.allclose(there, celestial().pixel_to_world_values(1, 2), rtol=0, atol=1e-9)
            u.Unit(hdu.header["BUNIT"])
        assert hdus["MW_LOGAGE_P50"].header["BUNIT"] == "dex(yr)"
        assert hdus["AV_P84"].header["BUNIT"] == "mag"
        assert "84th percentile" in hdus["AV_P84"].header["DESCRIP"]
        assert hdus["FLAG"].data.dtype.kind == "i" and hdus["SFH_P16"].data.dtype.kind == "f"
        assert (hdus["SFH_P16"].data[1, :2] == np.arange(6, 12).reshape(2, 3)).all()
        assert (hdus["SFH_P16"].data[1, 2:] == np.arange(15, 30).reshape(5, 3) + 2).all()
        assert hdus[0].header["CUBE"] == "?.fits" and hdus[0].header["AGEBINS"].startswith("0 3 5")


def test_an_interrupted_file_is_not_left_behind(tmp_path):
    path = tmp_path / "maps.fits"
    path.write_text("precious")
    with pytest.raises(KeyboardInterrupt):
        with MapFile(path, SHAPE, [Extension("A", "", "a")], overwrite=True):
            raise KeyboardInterrupt
    assert path.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == ["maps.fits"]


def test_outputs_that_are_refused(tmp_path):
    path = tmp_path / "maps.fits"
    path.write_text("precious")
    for output, words in (
        (path, "--overwrite"), (tmp_path / "maps.ecsv", "must end in .fits"),
        (tmp_path / "none" / "maps.fits", "folder does not exist"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            MapFile(output, SHAPE, [])
