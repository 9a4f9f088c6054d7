"""Maps by parts: jobs of a batch queue answer a share of the rows each; the last joins them.

Beside the output, ``.NAME.fits.parts`` holds ``plan.json`` (what the parts belong to) and, of each
part that is done, ``I-of-N.fits``, a map file of which only its own rows are filled (a sparse file:
the rest takes no room), and ``I-of-N.json`` with these rows and counts. A part under way has a work
folder of its own (``unfinished``), so one that was killed goes on where it was.
"""

import hashlib
import json
import os
import shutil
from contextlib import ExitStack, contextmanager
from pathlib import Path

from astropy.io import fits
from pydantic import Field

from phangs_sfh.errors import InputError
from phangs_sfh.files.json_files import Count, Fields, read_json
from phangs_sfh.files.lock import Busy, held
from phangs_sfh.files.whole import write_first, write_text
from phangs_sfh.maps.mapper import Counts
from phangs_sfh.maps.output import check_map_output

AGAIN = "remove the folder and run map --shard again for all parts"


class PlanFields(Fields):
    """``plan.json``."""

    request: str
    parts: int = Field(ge=1, le=1_000_000)


class NoteFields(Fields):
    """``I-of-N.json``."""

    rows: tuple[Count, Count]
    answered: Count
    negative: Count


class Unready(InputError):
    """Parts cannot be joined yet."""


def _folder(output):
    output = Path(output)
    return output.with_name(f".{output.name}.parts")


def _file(folder, i, n):
    return folder / f"{i}-of-{n}.fits"


def _is_done(folder, i, n):
    return _file(folder, i, n).exists() and _file(folder, i, n).with_suffix(".json").exists()


@contextmanager
def one_part(request, output, part):
    """Hold one part while it is written.

    Parameters
    ----------
    request : map_request.Request
    output : path of the map file
    part : (i, n) with 1 <= i <= n

    Yields
    ------
    path : Path of the part's file, None if this part is done already

    Raises
    ------
    InputError
        If there are parts of other maps, or parts are just being joined.
    """
    folder = _folder(output)
    text = json.dumps(request.identity, sort_keys=True)
    checksum = hashlib.sha256(text.encode()).hexdigest()
    with _locked(folder, shared=True):
        _keep_plan(folder, {"request": checksum, "parts": part[1]})
        try:
            yield None if _is_done(folder, *part) else _file(folder, *part)
        except InputError:
            if {path.name for path in folder.iterdir()} == {"plan.json", "lock"}:
                shutil.rmtree(folder, ignore_errors=True)
            raise


def note_done(path, blocks, counts):
    """Put on record that the part's file is whole.

    Parameters
    ----------
    path : Path, as ``one_part`` gave it
    blocks : list of slices, rows of the part
    counts : Counts
    """
    rows = [blocks[0].start, blocks[-1].stop] if blocks else [0, 0]
    write_text(path.with_suffix(".json"), json.dumps({"rows": rows, **counts.state}))


def gather_if_last(output, overwrite=False):
    """As ``gather``, but None while parts are missing or another job joins them."""
    try:
        return gather(output, overwrite)
    except (Unready, Busy):
        return None


def gather(output, overwrite=False):
    """Join all parts to the map file.

    Parameters
    ----------
    output : path of the map file
    overwrite : bool

    Returns
    -------
    counts : Counts
    n_spaxels : int

    Raises
    ------
    InputError
        If parts are missing, damaged or being written, the output exists, or nothing is answered.
    """
    check_map_output(output, overwrite)
    folder = _folder(output)
    _all_parts(folder)  # before the lock: a part that starts meanwhile would be refused
    with _locked(folder):
        parts = _all_parts(folder)
        counts = Counts()
        for _, note in parts:
            counts.add(note)
        counts.check(output)
        whole = parts[0][0]
        try:
            n_spaxels = _join(whole, parts[1:])
            os.replace(whole, output)
        except OSError as error:
            raise InputError(
                f"{output}: cannot be written ({error.strerror or error}); free some space and "
                "run map --gather"
            ) from None
        shutil.rmtree(folder, ignore_errors=True)
    return counts, n_spaxels


def _all_parts(folder):
    """File and note of every part (list of pairs)."""
    try:
        n = read_json(folder / "plan.json", PlanFields, AGAIN)["parts"]
    except FileNotFoundError:
        raise Unready(f"{folder}: no parts of maps; run map --shard I/N first") from None
    missing = [f"{i}/{n}" for i in range(1, n + 1) if not _is_done(folder, i, n)]
    if missing:
        shown = ", ".join(missing[:8]) + ", ..." * (len(missing) > 8)
        raise Unready(
            f"{folder}: {len(missing)} of {n} parts are missing: {shown}; run map --shard again "
            "for these"
        )
    files = [_file(folder, i, n) for i in range(1, n + 1)]
    return [(path, read_json(path.with_suffix(".json"), NoteFields, AGAIN)) for path in files]


def _join(whole, parts):
    """Copy the rows of other parts into a map file; returns its number of spaxels."""
    with fits.open(whole) as hdus:
        ny, nx = hdus[1].shape[-2:]
        places = [
            hdu.fileinfo()["datLoc"] + plane * ny * nx * 4
            for hdu in hdus[1:]
            for plane in range(hdu.header.get("NAXIS3", 1))
        ]
    with open(whole, "rb+", buffering=0) as to:
        for path, note in parts:
            first, last = (row * nx * 4 for row in note["rows"])
            with open(path, "rb", buffering=0) as source:
                for place in places:
                    data = os.pread(source.fileno(), last - first, place + first)
                    if len(data) < last - first:
                        raise InputError(
                            f"{path}: is truncated; remove it and run its map --shard again"
                        )
                    os.pwrite(to.fileno(), data, place + first)
        os.fsync(to.fileno())
    return ny * nx


@contextmanager
def _locked(folder, shared=False):
    """Hold the folder for joining, or together with other parts (``shared``)."""
    lock = held(folder, f"{folder}: another job is at work on it; wait for it", shared, shared)
    with ExitStack() as stack:
        try:
            stack.enter_context(lock)
        except FileNotFoundError:
            raise Unready(f"{folder}: no parts of maps; run map --shard I/N first") from None
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be written ({error.strerror}); choose another folder"
            ) from None
        yield


def _keep_plan(folder, plan):
    """Write plan.json, or compare with the one there."""
    written = write_first(folder / "plan.json", json.dumps(plan))
    if not written and read_json(folder / "plan.json", PlanFields, AGAIN) != plan:
        raise InputError(
            f"{folder}: holds parts of a run with other input, options or number of parts; finish "
            "that run or remove the folder"
        )
