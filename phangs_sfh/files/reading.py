"""Reading what others wrote: whatever is wrong with a file is one line, and its units are bounded.

The one place that opens FITS files and tables of users. astropy, and what it builds on, fails on
damaged ones with errors of two dozen classes; here they are all the file's fault.
"""

import gzip
import math
import os
import re
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

from phangs_sfh.errors import InputError

LONGEST_REASON = 150
BLOCK, MOST = 2880, 999  # bytes; axes and columns of FITS
GZIP = b"\x1f\x8b"
HUGE_POWER = re.compile(r"\b10\s*(\*\*|\^|[-+(])[\s(+-]*\d{4,}")
"""Of 10, written in a unit: astropy works it out digit by digit, for minutes."""

UNIT_KEYWORDS = ("TUNIT", "BUNIT", "CUNIT")


@contextmanager
def quiet():
    """Hide astropy's warnings about units, standards and truncated files.

    What matters of them is refused with a line of our own.
    """
    from astropy import log

    level = log.level
    log.setLevel("ERROR")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


@contextmanager
def readable(path, remedy="copy the file again"):
    """While a file is read and made sense of: turn any error into one line about it, silently.

    Raises
    ------
    InputError
        For any Exception in the block; an InputError is let through. PermissionError too, which is
        no fault of the content.
    """
    try:
        with quiet():
            yield
    except (InputError, PermissionError):
        raise
    except MemoryError:
        raise InputError(
            f"{path}: says that it holds more than there is memory for; {remedy}"
        ) from None
    except Exception as error:
        words = " ".join(str(error).split())[:LONGEST_REASON]
        reason = ": ".join(filter(None, [type(error).__name__, words]))
        raise InputError(f"{path}: cannot be read ({reason}); {remedy}") from None


@contextmanager
def open_fits(path, remedy="copy the file again"):
    """The HDUs of a FITS file; what fails in the block is turned into one line (``readable``)."""
    from astropy.io import fits

    with readable(path, remedy):
        _check_counts(path)
        with fits.open(path, memmap=True, lazy_load_hdus=False) as hdus:
            for hdu in hdus:
                _check_units(path, hdu)
            yield hdus


def _check_counts(path):
    """Raise InputError for more axes or columns than FITS allows: astropy would count them all."""
    for header in _headers(path):
        for keyword in ("NAXIS", "TFIELDS"):
            value = header.get(keyword)
            if isinstance(value, int) and value > MOST:
                raise InputError(
                    f"{path}: {keyword} is {str(value)[:40]}, FITS ends at {MOST}; copy the file "
                    "again"
                )


def _headers(path):
    """All headers of a file, up to the first that is no good: it is astropy's to say why."""
    from astropy.io import fits

    with open(path, "rb") as file:
        zipped = file.read(2) == GZIP
    with gzip.open(path) if zipped else open(path, "rb") as file, suppress(Exception):
        while file.peek(1):
            header = fits.Header.fromfile(file)
            yield header
            sizes = [header[f"NAXIS{axis}"] for axis in range(1, header["NAXIS"] + 1)]
            count = header.get("GCOUNT", 1) * (header.get("PCOUNT", 0) + math.prod(sizes))
            length = count * abs(header["BITPIX"]) // 8 if sizes else 0
            file.seek(length + -length % BLOCK, os.SEEK_CUR)


def _check_units(path, hdu):
    """Raise InputError for units, of a header or of astropy's notes in it, that take for ever."""
    for keyword in list(hdu.header):
        if keyword.startswith(UNIT_KEYWORDS):
            check_unit(str(hdu.header[keyword]), f"{path}: {keyword}")
    notes = hdu.header.get("COMMENT", [])
    check_units_noted("".join(str(note) for note in notes), path)


def check_units_noted(text, path):
    """Raise InputError for an absurd unit in YAML that describes a table's columns."""
    for found in re.findall(r"unit:[^,}]{1,200}", text):
        check_unit(found, f"{path}: column's unit")


def check_unit(text, source):
    """Raise InputError for a unit that would take minutes to understand.

    Parameters
    ----------
    text : str
    source : file and field, to begin the refusal with
    """
    if HUGE_POWER.search(text):
        raise InputError(f"{source}: has a power of ten beyond all sense; correct the unit")


def header_number(path, header, keyword, default=None):
    """A finite number of a header.

    Parameters
    ----------
    default : what an absent card means; None: it must be there

    Returns
    -------
    number : float

    Raises
    ------
    InputError
        If the card is absent, no number or not finite.
    """
    value = header.get(keyword, default)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not abs(value) < 1e300:
        shown = "missing" if value is None else f"{str(value)[:40]!r}, no number"
        raise InputError(f"{Path(path)}: header card {keyword} is {shown}; correct it")
    return float(value)
