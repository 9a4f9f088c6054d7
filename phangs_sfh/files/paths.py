"""What a path may be given as, and that an output is no input."""

import os
from pathlib import Path

from phangs_sfh.errors import InputError

PathLike = str | os.PathLike


def check_apart(output, *inputs):
    """Raise InputError if an output is one of the inputs, by whatever name: it would be lost.

    Parameters
    ----------
    output : path
    inputs : paths; None is nothing
    """
    for path in inputs:
        if path is not None and _is_same(Path(output), Path(path)):
            raise InputError(f"{output}: is the input {path}; give the output another name")


def _is_same(one, other):
    try:
        return os.path.samefile(one, other)
    except OSError:  # one of them is not there
        return os.path.realpath(one) == os.path.realpath(other)
