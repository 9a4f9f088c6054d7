"""Which SSP engine: a name or a file."""

from pathlib import Path

from phangs_sfh.errors import InputError
from phangs_sfh.ssp import basti, bc03, fsps_engine
from phangs_sfh.ssp.grid import read_grid, write_grid

ENGINES = {"bc03": bc03.load, "basti": basti.load, "fsps": fsps_engine.load}
READY = ("bc03", "basti")
"""Engines that only read a file of the package."""


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


def computed_once(engine, folder):
    """An engine or file to load in many processes: one that computes does so here, once.

    Parameters
    ----------
    engine : engine name or grid file, or None
    folder : Path, where the grid of an engine that computes is kept, as ``ssp.fits``

    Returns
    -------
    engine : str, name or file for ``load_ssp``, or None
    """
    if engine is None:
        return None
    if engine in READY or engine not in ENGINES:
        return str(engine)
    path = Path(folder) / "ssp.fits"
    write_grid(load_ssp(engine), path)
    return str(path)
