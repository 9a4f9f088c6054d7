"""Maps as a table: a row for each bin, or for each answered spaxel where nothing is binned."""

from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.table import QTable
from astropy.wcs import WCS

from phangs_sfh.files.paths import PathLike
from phangs_sfh.files.reading import open_fits, quiet
from phangs_sfh.observations.flags import Flag
from phangs_sfh.prediction.results import with_unit

NOT_IN_ROWS = ("BIN", "WHITE")
JOINT = "samples of the joint posterior: the i-th of all columns belong together"


def map_table(maps: PathLike, samples: dict | None = None) -> QTable:
    """The rows of a file of maps.

    Parameters
    ----------
    maps : file that ``map_cube`` wrote
    samples : joint samples of every bin by label, (n_bins, n) or (n_bins, n, 16)

    Returns
    -------
    table : ``bin``, ``n_spaxels``, ``x`` and ``y`` (mean pixel, from 0), ``ra`` and ``dec`` where
        the maps have a WCS, ``white`` (mean of the spaxels), then the maps' other extensions in
        small letters, vectors where they have planes; ``NAME_samples``

    Raises
    ------
    InputError
        If the file cannot be read.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> maps = ps.map_cube("cube.fits", "binned.fits", redshift=0.003, snr=60)
    >>> table = ps.map_table("binned.fits")
    >>> len(table) == maps.of, table["mw_logage_p50"].unit, table["sfh_p50"].shape[1]
    (True, Unit("dex(yr)"), 16)
    """
    with open_fits(Path(maps), "make the maps again") as hdus:
        planes = {hdu.name: np.array(hdu.data) for hdu in hdus[1:]}
        headers = {hdu.name: hdu.header.copy() for hdu in hdus[1:]}
        meta = {k: v for k, v in hdus[0].header.items() if k not in _STRUCTURE and v != ""}
        with quiet():
            wcs = WCS(headers["FLAG"]).celestial
    bins = _members(planes)
    table, first = _places(bins, wcs), _first(bins)
    n = table["n_spaxels"]
    inside = bins >= 0
    white = np.bincount(bins[inside], np.nan_to_num(planes["WHITE"])[inside], len(n)) / n
    _add(table, "white", white.astype(np.float32), headers["WHITE"])
    for name, values in planes.items():
        if name not in NOT_IN_ROWS:
            rows = values.reshape(*values.shape[:-2], -1)[..., first].T
            _add(table, name.lower(), rows.astype(rows.dtype.newbyteorder("=")), headers[name])
    for name, values in (samples or {}).items():
        like = headers[f"{name}_P50".upper()]
        _add(table, f"{name}_samples", values[np.asarray(table["bin"])], like)
        table[f"{name}_samples"].info.description = JOINT
    table.meta.update(meta)
    return table


_STRUCTURE = ("SIMPLE", "BITPIX", "NAXIS", "EXTEND", "COMMENT", "HISTORY", "")


def _members(planes):
    """Row of each spaxel, (ny, nx), -1 = none: its bin, or its place among those answered."""
    if "BIN" in planes:
        return planes["BIN"].astype(int)
    answered = (planes["FLAG"] & Flag.NO_DATA) == 0
    rows = np.full(answered.shape, -1)
    rows[answered] = np.arange(np.count_nonzero(answered))
    return rows


def _first(bins):
    """A spaxel of each row, as a flat index: all of a bin have the bin's answer."""
    flat = bins.ravel()
    numbers, first = np.unique(flat, return_index=True)
    return first[numbers >= 0]


def _places(bins, wcs):
    """Number, size and place of each row."""
    inside = bins >= 0
    numbers, index = np.unique(bins[inside], return_inverse=True)
    bins[inside] = index  # a bin may be empty: a star or an unknown velocity on all of it
    n = np.bincount(index)
    y, x = (np.bincount(index, place[inside]) / n for place in np.indices(bins.shape))
    table = QTable({"bin": numbers, "n_spaxels": n, "x": x, "y": y})
    if wcs.has_celestial:
        sky = wcs.pixel_to_world(x, y).icrs
        table["ra"], table["dec"] = sky.ra.deg * u.deg, sky.dec.deg * u.deg
    return table


def _add(table, name, values, header):
    unit = header.get("BUNIT")
    table[name] = with_unit(values, u.Unit(unit)) if unit else values
    table[name].info.description = header.get("DESCRIP")
