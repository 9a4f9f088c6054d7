"""One lock: a run holds a folder, alone or together with others of its kind."""

import os
from contextlib import contextmanager

from phangs_sfh.errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

FILE = "lock"


class Busy(InputError):
    """Another run holds the folder."""


@contextmanager
def held(folder, busy, shared=False, make=True):
    """Hold ``folder``, by the file ``lock`` in it, until the block ends; never waits.

    Parameters
    ----------
    folder : Path
    busy : str, what to tell the user if another run holds it
    shared : bool, together with others that share it too
    make : bool, make the folder if it is not there

    Raises
    ------
    Busy
        If another run holds it.
    OSError
        If the folder or its lock cannot be made or is not there.
    """
    path, taken = folder / FILE, False
    while not taken:
        if make:
            folder.mkdir(exist_ok=True)
        with open(path, "w") as lock:
            _take(lock, busy, shared)
            taken = _is_at(lock, path)  # else another run has just finished and removed it
            if taken:
                yield


def _take(lock, busy, shared):
    if fcntl is None:
        return
    try:
        fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Busy(busy) from None


def _is_at(lock, path):
    try:
        return os.path.samestat(os.fstat(lock.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
