"""The embedded default: Bruzual & Charlot 2003 (2016 update), MILES, Kroupa & Boily 2002 IMF."""

from functools import cache
from importlib import resources

from phangs_sfh.files import checksums
from phangs_sfh.ssp.grid import read_grid

FILE = "bc03_miles.fits"


@cache
def load():
    """The compact BC03-MILES grid shipped with the package (``scripts/build/bc03_grid.py``).

    Returns
    -------
    grid : SSPGrid
        220 ages (0.1 Myr to 20 Gyr), 7 metallicities (0.0001 to 0.1), 1900-10500 Å.
    """
    with resources.as_file(resources.files("phangs_sfh.data").joinpath(FILE)) as path:
        checksums.verify(path.parent, names=(FILE,), remedy="install the package again")
        return read_grid(path)
