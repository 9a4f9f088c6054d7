"""The folder of a training run: which one it is, held by one run, an old one kept to the end.

A run that replaces another is trained in ``FOLDER.building`` and takes its place when it is
finished. Until then the old one is as it was; ``resume`` goes on in ``FOLDER.building``.
"""

import json
import shutil
from contextlib import contextmanager, nullcontext
from pathlib import Path

from phangs_sfh.errors import InputError
from phangs_sfh.files import lock
from phangs_sfh.files.json_files import read_json
from phangs_sfh.files.whole import check_replaceable, replace_folder, write_text

SETTINGS = "run.json"
LONGEST = 200  # characters of a setting in a refusal
OWN = (
    SETTINGS, "state.json", "metrics.csv", "best.weights.h5", "epoch-*.weights.h5", "logs",
    "model.keras", "model.json", "model_card.md", "reference.npz", lock.FILE,
)  # fmt: skip
"""All that a run's folder holds."""


def check(out, settings, resume, overwrite):
    """Raise InputError unless a run may be made, resumed or replaced in ``out``.

    Parameters
    ----------
    out : path of the run folder
    settings : JSON-able dict, as they will be, or have been, stored
    resume, overwrite : see ``fit.fit``
    """
    out = Path(out)
    if resume:
        _check_same(resumed(out) / SETTINGS, settings)
        return
    used = [folder for folder in (out, _building(out)) if _is_used(folder)]
    if used and not overwrite:
        raise InputError(
            f"{used[0]}: exists already; give --resume to go on, --overwrite to replace it, or "
            "another -o DIR"
        )
    for folder in used:
        _check_run(folder)


@contextmanager
def held(out, settings, resume, overwrite):
    """Hold the folder of a run, alone, and give it its name when the block ends well.

    Parameters
    ----------
    as for ``check``, which is done again

    Yields
    ------
    folder : Path to train in

    Raises
    ------
    InputError
        As ``check``, or if another run holds the folder.
    """
    out = Path(out)
    busy = f"{out}: another run is training here; wait for it or give another -o DIR"
    out.mkdir(parents=True, exist_ok=True)
    with lock.held(out, busy):
        check(out, settings, resume, overwrite)
        folder = resumed(out) if resume else _new(out)
        with nullcontext() if folder == out else lock.held(folder, busy):
            if not resume:
                _begin(folder, settings)
            yield folder
            if folder != out:
                _check_run(out)
                replace_folder(folder, out)
        (out / lock.FILE).unlink(missing_ok=True)


def _building(out):
    return out.parent / f"{out.name}.building"


def _is_used(out):
    """True if there is more in ``out`` than the lock that this run has just made."""
    return out.is_dir() and any(path.name != lock.FILE for path in out.iterdir())


def _new(out):
    """The folder for a new run: not that of an old one."""
    return _building(out) if _is_used(out) or _is_used(_building(out)) else out


def resumed(out):
    """The folder to go on in: that of a run which is to replace another, if there is one."""
    return _building(out) if (_building(out) / SETTINGS).exists() else out


def _begin(folder, settings):
    """An empty folder with the settings alone."""
    for path in folder.iterdir():
        if path.name != lock.FILE:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    write_text(folder / SETTINGS, json.dumps(settings, indent=1))


def _check_run(folder):
    """Raise InputError unless ``folder``, if it is there, is a training run and nothing else."""
    if not _is_used(folder):
        return
    try:
        stored = read_json(folder / SETTINGS, dict, "")
    except (OSError, InputError):
        stored = {}
    if not {"epochs", "library"} <= set(stored):
        raise InputError(f"{folder}: no training run, will not be replaced; give another -o DIR")
    check_replaceable(folder, OWN, "a training run")


def _check_same(path, settings):
    """Raise InputError unless ``path`` holds these settings."""
    try:
        stored = read_json(path, dict, "start anew with --overwrite")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no run to resume; start it without --resume") from None
    for name in sorted(set(stored) | set(settings)):
        if stored.get(name) != settings.get(name):
            raise InputError(
                f"{path}: {name[:40]} was {str(stored.get(name))[:LONGEST]}, now "
                f"{str(settings.get(name))[:LONGEST]}; resume with the same settings or start "
                "anew with --overwrite"
            )
