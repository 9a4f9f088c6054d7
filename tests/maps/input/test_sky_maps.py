"""Bin maps and velocity maps."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from small_cube import wcs_cards, write_map

from phangs_sfh.errors import InputError
from phangs_sfh.maps.input.sky_maps import read_bins, read_star_mask, read_velocities

SHAPE = (3, 4)


def test_bins_are_numbered_anew(tmp_path):
    values = np.array([[7.0, 7, -1, 3], [np.nan, 3, 3, 100], [7, 0, 0, 0]])
    write_map(tmp_path / "b.fits", values)
    bins, numbers = read_bins(tmp_path / "b.fits", SHAPE)
    assert (bins == [[2, 2, -1, 1], [-1, 1, 1, 3], [2, 0, 0, 0]]).all()
    assert (numbers == [0, 3, 7, 100]).all()


def test_the_bins_of_a_file_of_many_maps_are_found(tmp_path):
    hdus = [fits.ImageHDU(np.full(SHAPE, i), name=n) for i, n in enumerate(("FLUX", "BIN_ID"))]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "b.fits")
    assert (read_bins(tmp_path / "b.fits", SHAPE)[1] == [1]).all()


def test_velocities_become_km_per_s(tmp_path):
    values = np.full(SHAPE, 7e5)
    values[0, 0] = np.nan
    write_map(tmp_path / "v.fits", values, "m/s")
    velocity = read_velocities(tmp_path / "v.fits", SHAPE)
    assert np.isnan(velocity[0, 0]) and velocity[0, 1] == pytest.approx(700)


@pytest.mark.parametrize(
    "read, values, unit, words",
    [
        (read_bins, np.zeros((4, 3)), None, "the bin map has shape (4, 3), the cube (3, 4)"),
        (read_bins, np.full(SHAPE, -1), None, "no spaxel is in a bin"),
        (read_bins, np.full(SHAPE, 0.5), None, "are not whole numbers"),
        (read_bins, np.zeros((2, *SHAPE)), None, "no image with two axes"),
        (read_velocities, np.zeros((4, 3)), "km/s", "the velocity map has shape (4, 3)"),
        (read_velocities, np.zeros(SHAPE), None, "BUNIT is '', not a velocity"),
        (read_velocities, np.zeros(SHAPE), "Angstrom", "BUNIT is 'Angstrom', not a velocity"),
        (read_velocities, np.full(SHAPE, np.nan), "km/s", "holds no number"),
        (read_star_mask, np.ones(SHAPE), None, "all spaxels are stars"),
    ],
)
def test_refusals(tmp_path, read, values, unit, words):
    write_map(tmp_path / "m.fits", values, unit)
    with pytest.raises(InputError) as caught:
        read(tmp_path / "m.fits", SHAPE)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_stars_are_where_the_mask_is_not_zero(tmp_path):
    values = np.zeros(SHAPE)
    values[0, 1], values[2, 2] = 3, np.nan
    write_map(tmp_path / "s.fits", values)
    assert (np.argwhere(read_star_mask(tmp_path / "s.fits", SHAPE)) == [[0, 1]]).all()


def test_maps_of_another_cube_are_refused(tmp_path):
    """A shift of a tenth of a spaxel is rounding, one of three is another piece of sky."""
    cube = fits.Header()
    wcs_cards(cube, SHAPE[1], SHAPE[0])
    for shift, same in ((0.02, True), (0.6, False)):
        header = fits.Header()
        wcs_cards(header, SHAPE[1], SHAPE[0], offset=(0, shift))
        fits.writeto(tmp_path / "b.fits", np.zeros(SHAPE), header, overwrite=True)
        if same:
            read_bins(tmp_path / "b.fits", SHAPE, WCS(cube))
        else:
            with pytest.raises(InputError, match="is 3 spaxels off the cube by its WCS"):
                read_bins(tmp_path / "b.fits", SHAPE, WCS(cube))
