"""Maps that come with a cube: spatial bins, velocities, masks of foreground stars."""

from pathlib import Path

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.files import fits_units
from phangs_sfh.files.fits_blocks import check_complete
from phangs_sfh.files.reading import open_fits
from phangs_sfh.maps.input.cube import celestial, check_file, named

BIN_NAMES = ("BIN_ID", "BINID", "BIN", "BINS", "BINMAP", "ID")
VELOCITY_NAMES = ("V_STARS", "VELOCITY", "VEL", "V")
STAR_NAMES = ("STARMASK", "STAR_MASK", "STARS", "STAR", "MASK")
MAX_SHIFT = 0.5  # spaxels that a map may be off the cube


def read_bins(path, shape, wcs=None):
    """Spatial bins, such as the Voronoi bins of the PHANGS pipeline.

    Parameters
    ----------
    path : FITS file with an image of bin numbers; negative or NaN = in no bin
    shape : (ny, nx) of the cube
    wcs : celestial WCS of the cube, which must be that of the map if it has one

    Returns
    -------
    bins : (ny, nx) int32 array, 0 to n - 1, -1 = in no bin
    numbers : (n,) array, the bins' numbers in the file

    Raises
    ------
    InputError
        If the file cannot be read, is not on the cube's spaxels, or holds no bin.
    """
    values, header = _read_map(path, BIN_NAMES, shape, wcs, "bin map")
    inside = np.isfinite(values) & (values >= 0)
    if "BLANK" in header:
        inside &= values != header["BLANK"]
    if not inside.any():
        raise InputError(f"{path}: no spaxel is in a bin; number the bins from 0 or 1")
    if (values[inside] != np.round(values[inside])).any():
        raise InputError(f"{path}: bin numbers are not whole numbers; give a map of bin numbers")
    bins = np.full(shape, -1, np.int32)
    numbers, bins[inside] = np.unique(values[inside], return_inverse=True)
    return bins, numbers.astype(np.int64)


def read_star_mask(path, shape, wcs=None):
    """Where foreground stars are, (ny, nx) bool: the mask is neither zero nor NaN there.

    Raises
    ------
    InputError
        If the file cannot be read, is not on the cube's spaxels, or leaves no spaxel.
    """
    values, _ = _read_map(path, STAR_NAMES, shape, wcs, "star mask")
    stars = np.isfinite(values) & (values != 0)
    if stars.all():
        raise InputError(f"{path}: all spaxels are stars; give a mask that is 0 where none is")
    return stars


def read_velocities(path, shape, wcs=None):
    """Velocities [km/s], (ny, nx) float64; NaN = unknown.

    Raises
    ------
    InputError
        If the file cannot be read, is not on the cube's spaxels, or its unit is unknown.
    """
    values, header = _read_map(path, VELOCITY_NAMES, shape, wcs, "velocity map")
    factor = fits_units.velocity_factor(fits_units.parse_unit(header.get("BUNIT")))
    if factor is None:
        raise InputError(
            f"{path}: BUNIT is '{header.get('BUNIT', '')}', not a velocity; set it to km/s"
        )
    if not np.isfinite(values).any():
        raise InputError(f"{path}: the velocity map holds no number; give another")
    return values * factor


def _read_map(path, names, shape, wcs, what):
    path = Path(path)
    check_file(path)
    with open_fits(path) as hdus:
        images = [hdu for hdu in hdus if hdu.is_image and hdu.header.get("NAXIS", 0) == 2]
        if not images:
            raise InputError(f"{path}: holds no image with two axes; give a {what}")
        hdu = named(images, names) or images[0]
        found = (hdu.header["NAXIS2"], hdu.header["NAXIS1"])
        if found != tuple(shape):
            raise InputError(
                f"{path}: the {what} has shape {found}, the cube {tuple(shape)}; "
                "give one on the cube's spaxels"
            )
        _check_place(path, celestial(hdu.header), wcs, shape, what)
        check_complete(path, hdu)
        return np.array(hdu.data, np.float64), hdu.header.copy()


def _check_place(path, wcs, cube_wcs, shape, what):
    """Raise InputError if a map shows another piece of sky than the cube does."""
    if wcs is None or cube_wcs is None:
        return
    corners = np.array([[0, 0], [shape[1] - 1, shape[0] - 1]]).T
    there = wcs.world_to_pixel(cube_wcs.pixel_to_world(*corners))
    shift = float(np.max(np.hypot(*(there - corners))))
    if not shift <= MAX_SHIFT:
        raise InputError(
            f"{path}: the {what} is {shift:.3g} spaxels off the cube by its WCS: it is of another "
            "cube; give the one of this cube"
        )
