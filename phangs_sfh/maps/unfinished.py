"""Unfinished maps: kept beside the output until it is whole, so that a killed run goes on.

The folder ``.NAME.fits.work`` holds the map file under way, ``request.json`` with a checksum of all
that the maps depend on, ``progress.json`` with the rows done, and, while spaxels are binned, the
sums of the bins. A run with another checksum starts anew; a run that is refused leaves no folder.
"""

import hashlib
import json
import shutil
import time
from pathlib import Path

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.files import lock
from phangs_sfh.files.json_files import Count, Fields, read_json
from phangs_sfh.files.lock import held
from phangs_sfh.files.whole import remove, whole_file, write_text

SAVE_SECONDS, SAVE_STACK_SECONDS = 5.0, 60.0
"""Progress, and sums of bins, which may be hundreds of megabytes, are saved this often."""


class ProgressFields(Fields):
    """``progress.json``."""

    rows: Count
    answered: Count = 0
    negative: Count = 0


def file_identity(path):
    """What tells a file from another without reading it: path, size and time (list)."""
    path = Path(path).resolve()
    found = path.stat()
    return [str(path), found.st_size, found.st_mtime_ns]


def folder_identity(path):
    """Checksum of all files of a folder, a model's, say (str)."""
    digest = hashlib.sha256()
    for file in sorted(Path(path).rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(path)).encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


class Work:
    """The work folder of one map file; use as a context manager.

    Parameters
    ----------
    output : path of the map file
    request : JSON-able, all that the maps depend on

    Raises
    ------
    InputError
        On entering, if another run is at work on the same output.

    Attributes
    ----------
    resumed : bool, a run of the same request was found
    replaced : bool, a run of another request was found and thrown away
    state : dict, ``rows`` done and what else was given to ``done``
    """

    def __init__(self, output, request):
        output = Path(output)
        self.output, self.folder = output, output.with_name(f".{output.name}.work")
        self.maps = self.folder / "maps.fits"
        text = json.dumps(request, sort_keys=True)
        self.checksum = hashlib.sha256(text.encode()).hexdigest()
        self.resumed = self.replaced = False
        self.state, self.saved = {"rows": 0}, time.monotonic()

    def __enter__(self):
        existed = self.folder.is_dir()
        busy = f"{self.output}: another run is at work on it; wait for it or stop it"
        self.lock = held(self.folder, busy)
        try:
            self.lock.__enter__()
        except OSError as error:
            raise InputError(
                f"{self.folder}: cannot be written ({error.strerror}); choose another folder"
            ) from None
        request = self.folder / "request.json"
        progress = self._read("progress.json", ProgressFields)
        same = self._read("request.json", dict).get("checksum") == self.checksum
        self.resumed = same and bool(progress) and self.maps.exists()
        if self.resumed:
            self.state = progress
            return self
        self.replaced = existed and request.exists() and not same
        for file in self.folder.iterdir():
            if file.name != lock.FILE:
                remove(file)
        self._write("request.json", {"checksum": self.checksum})
        return self

    def due(self, seconds=None):
        """True if the last save is long ago."""
        seconds = SAVE_SECONDS if seconds is None else seconds
        return time.monotonic() - self.saved >= seconds

    def done(self, rows, **state):
        """Note that the maps hold all rows before ``rows``; they must be on disk already."""
        self.state = {**self.state, "rows": int(rows), **state}
        self._write("progress.json", self.state)
        self.saved = time.monotonic()

    def save_stack(self, rows, **arrays):
        """Save sums of bins over all rows before ``rows``, if the last time is long ago."""
        if self.due(SAVE_STACK_SECONDS):
            with whole_file(self.folder / "stack.npz") as temporary:
                np.savez(temporary, rows=rows, **arrays)
            self.saved = time.monotonic()

    def load_stack(self, **arrays):
        """Put what ``save_stack`` saved into arrays of the same names; returns the rows done."""
        try:
            with np.load(self.folder / "stack.npz", allow_pickle=False) as saved:
                rows = int(saved["rows"])
                for name, array in arrays.items():  # one at a time: they are large
                    array[:] = saved[name]
                return rows
        except FileNotFoundError:
            return 0

    def _read(self, name, kind):
        """Content of a file; empty if it is not there or damaged, for then all is begun anew."""
        try:
            return read_json(self.folder / name, kind, "")
        except (OSError, InputError):
            return {}

    def _write(self, name, content):
        write_text(self.folder / name, json.dumps(content))

    def __exit__(self, kind, error, traceback):
        if kind is None or issubclass(kind, InputError):
            shutil.rmtree(self.folder, ignore_errors=True)
        self.lock.__exit__(None, None, None)
