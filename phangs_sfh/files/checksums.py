"""Checksums beside files that must arrive whole: written once, compared whenever they are loaded.

``checksums.json`` in a folder holds the SHA-256 of its files by their relative names. A model of
20 MB takes a few hundredths of a second.
"""

import hashlib
import json
from pathlib import Path

from phangs_sfh.errors import InputError
from phangs_sfh.files.json_files import Text, read_json
from phangs_sfh.files.whole import write_text

FILE = "checksums.json"


def sha256(path):
    """SHA-256 of a file, read in pieces: hexadecimal str."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def write(folder, names):
    """Write the checksums of some files of ``folder``.

    Parameters
    ----------
    folder : path
    names : iterable of str, files or folders in it, with all they hold; absent ones are left out
    """
    folder, sums = Path(folder), {}
    for name in names:
        path = folder / name
        files = path.rglob("*") if path.is_dir() else [path]
        for file in sorted(file for file in files if file.is_file()):
            sums[file.relative_to(folder).as_posix()] = sha256(file)
    write_text(folder / FILE, json.dumps(sums, indent=1) + "\n")


def verify(folder, names=None, remedy="copy it again"):
    """Compare files with their checksums; a folder without any passes.

    Parameters
    ----------
    folder : path
    names : iterable of str, optional; by default all files that have a checksum
    remedy : str, what to do about a damaged file

    Raises
    ------
    InputError
        Names the first file that is missing or differs.
    """
    folder = Path(folder)
    try:
        sums = read_json(folder / FILE, dict[Text, Text], remedy)
    except FileNotFoundError:
        return
    for name, expected in sums.items():
        if names is not None and name not in names:
            continue
        try:
            found = sha256(folder / name)
        except FileNotFoundError:
            raise InputError(f"{folder / name}: missing; {remedy}") from None
        if found != expected:
            raise InputError(f"{folder / name}: SHA-256 differs from {FILE}, damaged; {remedy}")
