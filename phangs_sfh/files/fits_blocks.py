"""Blocks of large FITS images by plain reads: no memory map, no copy of the whole, float32.

Pages of a memory map count as memory of the process as long as the system likes; what is read here
is gone with the array.
"""

import math
import os
from dataclasses import dataclass

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.files.reading import header_number

TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


@dataclass(frozen=True)
class FitsBlocks:
    """The image of one uncompressed HDU of three axes (channel, y, x) or two (y, x).

    Attributes
    ----------
    path : str
    name : str, the extension's
    offset : int, where the data start [bytes]
    shape : (n_channels, ny, nx)
    dtype : numpy dtype in the file
    scale, zero, blank : BSCALE, BZERO, BLANK (None where absent)
    """

    path: str
    name: str
    offset: int
    shape: tuple
    dtype: np.dtype
    scale: float
    zero: float
    blank: int | None

    @classmethod
    def of(cls, path, hdu):
        """Raises InputError if the HDU is compressed, empty, or the file ends before its data."""
        header = hdu.header
        if not hdu.is_image or "ZIMAGE" in header or type(hdu).__name__ == "CompImageHDU":
            raise InputError(f"{path}: extension '{hdu.name}' is compressed; run funpack on it")
        shape = tuple(header[f"NAXIS{axis}"] for axis in range(header["NAXIS"], 0, -1))
        blocks = cls(
            path=str(path),
            name=hdu.name or "PRIMARY",
            offset=hdu.fileinfo()["datLoc"],
            shape=shape if len(shape) == 3 else (1, *shape),
            dtype=_number_type(path, header),
            scale=_scaling(path, hdu, "BSCALE", 1.0),
            zero=_scaling(path, hdu, "BZERO", 0.0),
            blank=header.get("BLANK"),
        )
        if not all(isinstance(size, int) and size > 0 for size in shape):
            raise InputError(
                f"{path}: extension '{blocks.name}' has NAXISn of {shape[::-1]}: no pixels; copy "
                "the file again"
            )
        _check_end(path, blocks.name, blocks.offset, math.prod(shape) * blocks.dtype.itemsize)
        return blocks

    def read(self, channels, rows):
        """Values of some channels and image rows.

        Parameters
        ----------
        channels, rows : slices with start and stop

        Returns
        -------
        values : (n_channels, n_rows * nx) float32 array; NaN where BLANK
        """
        _, ny, nx = self.shape
        width = (rows.stop - rows.start) * nx
        raw = np.empty((channels.stop - channels.start, width), self.dtype)
        with open(self.path, "rb", buffering=0) as file:
            for index, channel in enumerate(range(channels.start, channels.stop)):
                start = self.offset + (channel * ny + rows.start) * nx * self.dtype.itemsize
                if os.preadv(file.fileno(), [raw[index].view("u1")], start) != raw[index].nbytes:
                    raise InputError(f"{self.path}: ends too early; copy the file again")
        if self.dtype == ">f4" and self.scale == 1.0 and self.zero == 0.0:
            return raw.byteswap(inplace=True).view(raw.dtype.newbyteorder())
        values = raw.astype(np.float32)
        if self.scale != 1.0 or self.zero != 0.0:
            values = (raw * self.scale + self.zero).astype(np.float32)
        if self.blank is not None and self.dtype.kind in "iu":
            values[raw == self.blank] = np.nan
        return values


def check_complete(path, hdu):
    """Raise InputError if the file ends before the data of an HDU do, not compressed as a whole."""
    _check_end(path, hdu.name or "PRIMARY", hdu.fileinfo()["datLoc"], hdu.size)


def _check_end(path, name, offset, length):
    size, end = os.path.getsize(path), offset + length
    if size < end:
        raise InputError(
            f"{path}: extension '{name}' is truncated (the file has {size} bytes, needs {end}); "
            "copy the file again"
        )


def _number_type(path, header):
    if header["BITPIX"] not in TYPES:
        raise InputError(
            f"{path}: BITPIX is {header['BITPIX']}, FITS knows {', '.join(map(str, TYPES))}; "
            "copy the file again"
        )
    return np.dtype(TYPES[header["BITPIX"]])


def _scaling(path, hdu, keyword, default):
    """BSCALE or BZERO, which astropy takes out of the header when it reads the data."""
    kept = getattr(hdu, f"_orig_{keyword.lower()}", None)
    header = hdu.header if kept is None else {keyword: kept}
    return header_number(path, header, keyword, default)
