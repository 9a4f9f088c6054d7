"""Files and folders that appear whole or not at all: the one writer.

What is written goes into a hidden folder beside its place, under its own name, and is renamed when
it is complete and on disk. A run that is killed leaves the old file as it was, and at most the
hidden folder. That folder's name holds machine and process: several machines may share a disk.
"""

import os
import shutil
import socket
import tempfile
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from phangs_sfh.errors import InputError

LEFTOVERS = "*.partial-*"
LONGEST_NAME = 100  # of the output, within the hidden folder's name


@contextmanager
def whole_file(path):
    """Write a file: ``with whole_file(path) as temporary:`` write ``temporary``.

    Parameters
    ----------
    path : where the file belongs; what is there is replaced, a link too and not what it points to

    Yields
    ------
    temporary : Path of the same name in another folder

    Raises
    ------
    OSError
        Names ``path`` if it cannot be written. It is as it was, as after any other exception.
    """
    with _beside(path) as temporary:
        yield temporary
        _on_disk(temporary)
        os.replace(temporary, path)
        _on_disk(Path(path).parent)


@contextmanager
def whole_folder(path, replace=True):
    """Write a folder, as ``whole_file`` a file; ``temporary`` is an empty folder.

    Without ``replace`` a folder that another run has made there meanwhile is not touched.
    """
    with _beside(path) as temporary:
        temporary.mkdir()
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _on_disk(file)
        if replace:
            replace_folder(temporary, path)
        else:
            os.rename(temporary, path)  # fails if there is one with something in it
            _on_disk(Path(path).parent)


def check_replaceable(folder, own, what):
    """Raise InputError if to replace ``folder`` would remove what is not its own.

    Parameters
    ----------
    folder : path of a folder that is there
    own : names and patterns of what ``what`` has in its folder
    what : str, what the folder is, as in "a library"
    """
    folder = Path(folder)
    if folder.is_symlink():
        raise InputError(f"{folder}: is a link, so it is not overwritten; name the folder itself")
    for path in sorted(folder.iterdir()):
        if not any(fnmatch(path.name, pattern) for pattern in (*own, f".{LEFTOVERS}")):
            raise InputError(
                f"{folder}: holds '{path.name}', which is no part of {what}, so it is not "
                "overwritten; move that away or give another name"
            )


def replace_folder(new, path):
    """Rename the folder ``new``, which is whole, to ``path``; one that is there is lost only then.

    Raises
    ------
    OSError
        Both folders are as they were.
    """
    path = Path(path)
    with _beside(path) as old:
        if path.exists():
            os.rename(path, old)
        try:
            os.rename(new, path)
        except OSError:
            if old.exists():
                os.rename(old, path)
            raise
        _on_disk(path.parent)


def write_text(path, text):
    """Write a text file whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text)


def write_first(path, text):
    """Write a text file unless there is one; of several at once, one writes.

    Returns
    -------
    written : bool, False if there was one
    """
    with _beside(path) as temporary:
        temporary.write_text(text)
        _on_disk(temporary)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
    return True


def remove_leftovers(folder):
    """Remove what killed runs left in ``folder``; nobody may be writing there."""
    for path in Path(folder).glob(LEFTOVERS):
        remove(path)


def remove(path):
    """Remove a file, or a folder with all that it holds."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


@contextmanager
def _beside(path):
    """A path of the same name in a new hidden folder beside ``path``, which is removed after."""
    path = Path(path)
    prefix = f".{path.name[:LONGEST_NAME]}.partial-{socket.gethostname()}-{os.getpid()}-"
    try:
        hidden = Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        yield hidden / path.name
    except OSError as error:
        if str(error.filename or "").startswith(str(hidden)):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _on_disk(path):
    """Wait until a file's content, or a folder's list of names, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
