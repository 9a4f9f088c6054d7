"""Write an engine's stellar populations as a grid file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from phangs_sfh.errors import InputError
from phangs_sfh.files.paths import PathLike, check_apart
from phangs_sfh.ssp.engines import load_ssp
from phangs_sfh.ssp.grid import write_grid

if TYPE_CHECKING:
    from phangs_sfh.ssp.grid import SSPGrid


def make_ssp(engine: str, output: PathLike, overwrite: bool = False) -> SSPGrid:
    """Compute simple stellar populations and keep them, for ``make_library(ssp=FILE)``.

    Parameters
    ----------
    engine : name, ``bc03`` (Bruzual & Charlot 2003), ``fsps`` (Conroy, Gunn & White 2009), or a
        grid file
    output : grid file to write (FITS)
    overwrite : replace an existing file

    Returns
    -------
    grid : ages [yr], metallicities, air wavelengths [Angstrom], L_sun / Angstrom per M_sun formed

    Raises
    ------
    InputError
        If the engine is unknown or not installed, or the output exists.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> grid = ps.make_ssp("bc03", "bc03.fits")
    >>> grid.z_sun, len(grid.metallicity)
    (0.02, 7)
    """
    if Path(output).exists() and not overwrite:
        raise InputError(f"{output}: exists already; use --overwrite or another name")
    if not Path(output).resolve().parent.is_dir():
        raise InputError(f"{output}: no such folder; make it first")
    check_apart(output, engine)
    grid = load_ssp(engine)
    write_grid(grid, output)
    return grid
