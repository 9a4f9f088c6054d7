"""A second embedded library: BaSTI-IAC isochrones with MILES and BOSZ spectra, by fastar.

From 20 to 800 Myr on, the later the fewer metals; younger stars are led over to BC03
(``scripts/build/basti_grid.py``).
"""

from functools import cache
from importlib import resources

from phangs_sfh.files import checksums
from phangs_sfh.ssp.grid import read_grid

FILE = "basti_miles.fits"


@cache
def load():
    """The compact BaSTI-MILES grid shipped with the package.

    Returns
    -------
    grid : SSPGrid
        Ages of 0.1 Myr to 14 Gyr, 8 metallicities ([M/H] -2.5 to 0.3), 1900-10500 Å.
    """
    with resources.as_file(resources.files("phangs_sfh.data").joinpath(FILE)) as path:
        checksums.verify(path.parent, names=(FILE,), remedy="install the package again")
        return read_grid(path)
