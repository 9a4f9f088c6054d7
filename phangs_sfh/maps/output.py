"""The FITS file of maps: one image extension per result column, written by blocks of rows.

The file is laid out at once and filled as the answers come, so that memory does not grow with the
map; it has its name only when it is whole, and until then lies in a work folder (``unfinished``).
"""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from phangs_sfh.errors import InputError
from phangs_sfh.files.reading import quiet
from phangs_sfh.files.tables import check_output
from phangs_sfh.files.whole import whole_file
from phangs_sfh.maps.rates_and_densities import quantities
from phangs_sfh.observations.flags import MEANING, USED_MEANING
from phangs_sfh.prediction.results import WHOLE_NUMBERS
from phangs_sfh.prediction.results import quantities as columns_of
from phangs_sfh.problems.histories import LABELS

BLOCK = 2880


@dataclass(frozen=True)
class Extension:
    """What one extension holds.

    Attributes
    ----------
    name : str, EXTNAME
    unit : str, BUNIT
    meaning : str, DESCRIP
    planes : int, 1 or the number of age bins
    integer : bool, int32 rather than float32
    """

    name: str
    unit: str
    meaning: str
    planes: int = 1
    integer: bool = False


def extensions(flux_unit, binned=False, light=False, distance=False, band=None, labels=LABELS):
    """All extensions of a map file, in order (list of Extension).

    Parameters
    ----------
    flux_unit : str, of the white-light image
    binned : bool, with bin numbers
    light : bool, surface brightness is known: with surface densities
    distance : bool, with masses and rates of spaxels too
    band : str, of images alone the one that gives the pixels
    labels : Labels of the model
    """
    found = []
    for quantity in columns_of(labels):
        for column in quantity.columns:
            meaning = quantity.meaning
            if quantity.percentiles:
                meaning += f", {column[-2:]}th percentile of the posterior"
            found.append(
                Extension(
                    name=column.upper(),
                    unit="" if quantity.unit is None else str(quantity.unit),
                    meaning=meaning,
                    planes=quantity.size,
                    integer=column in WHOLE_NUMBERS,
                )
            )
    for quantity in quantities(light, distance):
        for column in quantity.columns:
            meaning = f"{quantity.meaning}, {column[-2:]}th percentile of the posterior"
            found.append(Extension(column.upper(), quantity.unit, meaning))
    white, snr = (
        "mean flux over the model's wavelengths",
        "median S/N per grid pixel of the spectrum",
    )
    if band is not None:
        white, snr = f"flux in {band}", f"S/N in {band}"
    found.append(Extension("WHITE", flux_unit, white))
    found.append(Extension("SNR", "", f"{snr} answered"))
    if binned:
        found.append(Extension("BIN", "", "number of the spatial bin, -1 = none", integer=True))
    return found


class MapFile:
    """A map file under way; use as a context manager: named when left without an error.

    Parameters
    ----------
    path : str or Path, must end in .fits
    shape : (ny, nx)
    layout : list of Extension
    wcs : celestial WCS or None
    cards : dict of keyword: value or (value, comment), for the primary header
    overwrite : bool
    work : Work, entered before; without one an unfinished file is lost
    part : bool, only some rows will be filled: the rest takes no room on disk

    Raises
    ------
    InputError
        If the output exists, its folder does not, or the disk is full.
    """

    def __init__(self, path, shape, layout, wcs=None, cards=None, overwrite=False, work=None,
                 part=False):  # fmt: skip
        check_map_output(path, overwrite)
        self.path, self.shape, self.layout = Path(path), shape, {e.name: e for e in layout}
        self.work, self.sparse = work, part
        self.headers = [_primary(cards or {})] + [_header(e, shape, wcs) for e in layout]
        self.offsets = {}

    @property
    def state(self):
        """What an earlier run got done (dict with ``rows``)."""
        return {"rows": 0} if self.work is None else self.work.state

    def __enter__(self):
        resumed = self.work is not None and self.work.resumed
        try:
            with ExitStack() as opened:
                maps = self.work.maps if self.work else opened.enter_context(whole_file(self.path))
                file = open(maps, "rb+" if resumed else "wb+", buffering=0)
                self.file = opened.enter_context(file)
                self._lay_out(resumed)
                if self.work is not None and not resumed:
                    self.done(0)
                self.opened = opened.pop_all()
        except OSError as error:
            raise self._refusal(error) from None
        return self

    def _lay_out(self, resumed):
        place = 0
        for index, header in enumerate(self.headers):
            if not resumed:
                os.pwrite(self.file.fileno(), header, place)
            place += len(header)
            if index == 0:
                continue
            extension = list(self.layout.values())[index - 1]
            self.offsets[extension.name] = place
            size = extension.planes * self.shape[0] * self.shape[1] * 4
            size += -size % BLOCK
            # a full disk is found now, not after hours
            if hasattr(os, "posix_fallocate") and not (resumed or self.sparse):
                os.posix_fallocate(self.file.fileno(), place, size)
            place += size
        self.end = place

    def done(self, rows, **state):
        """Put on record, and on disk, now and then, that all rows before ``rows`` are written."""
        if self.work is not None and (rows == 0 or self.work.due()):
            os.fsync(self.file.fileno())
            self.work.done(rows, **state)

    def write(self, name, rows, values):
        """Put rows of a map into place.

        Parameters
        ----------
        name : str, EXTNAME
        rows : slice with start and stop
        values : (n_rows, nx) or (planes, n_rows, nx) array
        """
        extension, (ny, nx) = self.layout[name], self.shape
        kind = ">i4" if extension.integer else ">f4"
        planes = np.asarray(values).reshape(extension.planes, -1).astype(kind)
        try:
            for index, plane in enumerate(planes):
                start = self.offsets[name] + (index * ny + rows.start) * nx * 4
                os.pwrite(self.file.fileno(), plane.tobytes(), start)
        except OSError as error:
            raise self._refusal(error) from None

    def __exit__(self, kind, error, traceback):
        if kind is not None:
            self.opened.__exit__(kind, error, traceback)
            return
        try:
            with self.opened:
                self.file.truncate(self.end)
                os.fsync(self.file.fileno())
                if self.work is not None:
                    os.replace(self.work.maps, self.path)
        except OSError as problem:
            raise self._refusal(problem) from None

    def _refusal(self, error):
        return InputError(
            f"{self.path}: cannot be written ({error.strerror or error}); "
            "free some space or choose another folder"
        )


def check_map_output(path, overwrite=False):
    """Raise InputError unless a map file can be written to ``path``."""
    if Path(path).suffix.lower() not in (".fits", ".fit"):
        raise InputError(f"{path}: the name of the maps must end in .fits")
    check_output(path, overwrite)


def _primary(cards):
    header = fits.PrimaryHDU().header
    for key, value in cards.items():
        value, *comment = value if isinstance(value, tuple) else (value,)
        if isinstance(value, str):  # a file's name may hold what FITS does not know
            value = "".join(c if " " <= c <= "~" else "?" for c in value)
        header[key] = (value, *comment)
    for name, meaning in {"FLAG": MEANING, "USED": USED_MEANING}.items():
        for bit, text in meaning.items():
            header.add_comment(f"{name} {bit.value}: {text}")
    return _bytes(header)


def _header(extension, shape, wcs):
    sizes = [shape[1], shape[0]] + [extension.planes] * (extension.planes > 1)
    header = fits.Header([("XTENSION", "IMAGE", "image extension")])
    header["BITPIX"], header["NAXIS"] = 32 if extension.integer else -32, len(sizes)
    for axis, size in enumerate(sizes, start=1):
        header[f"NAXIS{axis}"] = size
    header["PCOUNT"], header["GCOUNT"], header["EXTNAME"] = 0, 1, extension.name
    if wcs is not None:
        with quiet():
            celestial = wcs.to_header(relax=True)
        for card in celestial.cards:
            if card.keyword not in ("WCSAXES", "DATE-OBS", "MJD-OBS", "MJDREF"):
                header.append(card)
    if extension.planes > 1:
        header["CTYPE3"] = ("AGEBIN", "age bin, from 1; edges in the primary header")
        header["CRPIX3"], header["CRVAL3"], header["CDELT3"] = 1.0, 1.0, 1.0
    header["BUNIT"] = (extension.unit, "unit")
    header["DESCRIP"] = extension.meaning
    return _bytes(header)


def _bytes(header):
    return header.tostring(sep="", endcard=True, padding=True).encode("ascii")
