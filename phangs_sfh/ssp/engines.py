"""Which SSP engine: a name or a file."""

from pathlib import Path

from phangs_sfh.errors import InputError
from phangs_sfh.ssp import bc03
from phangs_sfh.ssp.grid import read_grid

ENGINES = {"bc03": bc03.load}


def load_ssp(engine="bc03"):
    """The SSP grid of a named engine, or of a file in the package's format.

    Raises
    ------
    InputError
        If it is neither.
    """
    if engine in ENGINES:
        return ENGINES[engine]()
    if Path(engine).exists():
        return read_grid(engine)
    known = ", ".join(sorted(ENGINES))
    raise InputError(f"{engine}: no such SSP engine or file; engines are {known}")
