"""Tables on disk: reading FITS and ECSV, and writing them whole or not at all."""

import os
from itertools import takewhile
from pathlib import Path

from phangs_sfh.errors import InputError
from phangs_sfh.files.reading import check_units_noted, open_fits, quiet, readable
from phangs_sfh.files.whole import whole_file

FORMATS = {".fits": "fits", ".fit": "fits", ".ecsv": "ascii.ecsv"}


def check_input(path):
    """Raise InputError unless ``path`` is a file with something in it."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; give an existing table or spectrum")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a table or spectrum in it")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; write the table again")


def read_table(path):
    """First table of a FITS file, or an ECSV table.

    Returns
    -------
    table : astropy.table.QTable, or None if the file holds no table that can be read so

    Raises
    ------
    InputError
        If the file is missing or empty, or is damaged.
    """
    from astropy.table import QTable

    check_input(path)
    with open(path, "rb") as file:
        start = file.read(10)
    if start.startswith(b"# %ECSV"):
        options = {"format": "ascii.ecsv"}
    elif start.startswith(b"SIMPLE  =") or start.startswith(b"\x1f\x8b"):
        options = {"format": "fits", "mask_invalid": False}
    else:
        return None
    with readable(path, "write or copy it again"):
        if options["format"] == "fits":
            with open_fits(path):  # looks at the headers
                pass
        else:
            _check_ecsv(path)
        try:
            return QTable.read(path, **options)
        except ValueError as error:
            if "No table found" in str(error):
                return None
            raise


def _check_ecsv(path):
    """Raise InputError for a unit in the head that would take minutes to understand."""
    with open(path, encoding="utf-8") as file:
        check_units_noted("".join(takewhile(lambda line: line.startswith("#"), file)), path)


def check_output(path, overwrite=False):
    """Raise InputError if a table cannot be written to ``path``: better now than after the work."""
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: the output's name must end in .fits or .ecsv")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    if path.exists() and not overwrite:
        raise InputError(f"{path}: output exists; use --overwrite to replace it")
    if not path.parent.is_dir():
        raise InputError(f"{path}: its folder does not exist; create {path.parent} first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"{path}: no permission to write there; choose another folder")


def write_table(table, path, overwrite=False):
    """Write a table as FITS or ECSV, by the name's ending, whole or not at all.

    Raises
    ------
    InputError
        If the output exists and ``overwrite`` is False, or cannot be written (disk full, ...).
    """
    check_output(path, overwrite)
    path = Path(path)
    try:
        with whole_file(path) as temporary, quiet():
            table.write(temporary, format=FORMATS[path.suffix.lower()])
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror or error}); "
            "free some space or choose another folder"
        ) from None
