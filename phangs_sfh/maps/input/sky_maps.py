"""Maps that come with a cube: spatial bins and velocities."""

from pathlib import Path

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.files import fits_units
from phangs_sfh.files.fits_blocks import check_complete
from phangs_sfh.files.reading import open_fits
from phangs_sfh.maps.input.cube import check_file, named

BIN_NAMES = ("BIN_ID", "BINID", "BIN", "BINS", "BINMAP", "ID")
VELOCITY_NAMES = ("V_STARS", "VELOCITY", "VEL", "V")


def read_bins(path, shape):
    """Spatial bins, such as the Voronoi bins of the PHANGS pipeline.

    Parameters
    ----------
    path : FITS file with an image of bin numbers; negative or NaN = in no bin
    shape : (ny, nx) of the cube

    Returns
    -------
    bins : (ny, nx) int32 array, 0 to n - 1, -1 = in no bin
    numbers : (n,) array, the bins' numbers in the file

    Raises
    ------
    InputError
        If the file cannot be read, is of another shape, or holds no bin.
    """
    values, header = _read_map(path, BIN_NAMES, shape, "bin map")
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


def read_velocities(path, shape):
    """Velocities [km/s], (ny, nx) float64; NaN = unknown.

    Raises
    ------
    InputError
        If the file cannot be read, is of another shape, or its unit is unknown.
    """
    values, header = _read_map(path, VELOCITY_NAMES, shape, "velocity map")
    factor = fits_units.velocity_factor(fits_units.parse_unit(header.get("BUNIT")))
    if factor is None:
        raise InputError(
            f"{path}: BUNIT is '{header.get('BUNIT', '')}', not a velocity; set it to km/s"
        )
    if not np.isfinite(values).any():
        raise InputError(f"{path}: the velocity map holds no number; give another")
    return values * factor


def _read_map(path, names, shape, what):
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
        check_complete(path, hdu)
        return np.array(hdu.data, np.float64), hdu.header.copy()
