"""The 19 galaxies of PHANGS-MUSE: redshift, distance, E(B-V) of the Milky Way in front.

Distances are those that PHANGS-MUSE uses (Santoro et al. 2022, A&A 658, A188, table 1), compiled by
Anand et al. 2021 (MNRAS 501, 3621). Velocities are of CO discs (Lang et al. 2020, ApJ 897, 122;
IC 5332: HyperLeda) and E(B-V) is Schlafly & Finkbeiner 2011's (ApJ 737, 103), both as listed in the
PHANGS sample table (Leroy et al. 2021, ApJS 257, 43). The table's velocities are radio ones in the
local standard of rest; here they are c z relative to the Sun, as MUSE sees them.
"""

import re
from typing import NamedTuple

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.constants import SPEED_OF_LIGHT


class Galaxy(NamedTuple):
    """What is known of a galaxy without its data.

    Attributes
    ----------
    name : str
    velocity : c z relative to the Sun [km/s]
    distance : [Mpc]
    ebv : [mag]
    """

    name: str
    velocity: float
    distance: float
    ebv: float

    @property
    def redshift(self):
        return self.velocity / SPEED_OF_LIGHT


GALAXIES = (
    Galaxy("IC5332", 703, 9.01, 0.0144),
    Galaxy("NGC0628", 656, 9.84, 0.0607),
    Galaxy("NGC1087", 1521, 15.85, 0.0298),
    Galaxy("NGC1300", 1569, 18.99, 0.0261),
    Galaxy("NGC1365", 1639, 19.57, 0.0176),
    Galaxy("NGC1385", 1501, 17.22, 0.0173),
    Galaxy("NGC1433", 1078, 18.63, 0.0078),
    Galaxy("NGC1512", 892, 18.83, 0.0091),
    Galaxy("NGC1566", 1508, 17.69, 0.0079),
    Galaxy("NGC1672", 1341, 19.40, 0.0201),
    Galaxy("NGC2835", 884, 12.22, 0.0859),
    Galaxy("NGC3351", 781, 9.96, 0.0239),
    Galaxy("NGC3627", 718, 11.32, 0.0287),
    Galaxy("NGC4254", 2404, 13.10, 0.0334),
    Galaxy("NGC4303", 1566, 16.99, 0.0193),
    Galaxy("NGC4321", 1576, 15.21, 0.0228),
    Galaxy("NGC4535", 1963, 15.77, 0.0168),
    Galaxy("NGC5068", 667, 5.20, 0.0896),
    Galaxy("NGC7496", 1652, 18.72, 0.0084),
)


def galaxy(name):
    """A galaxy by its name, however it is written: NGC0628, ngc628, 'NGC 628'.

    Raises
    ------
    InputError
        If it is none of the 19.
    """
    found = re.fullmatch(r"(ngc|ic)[ _-]*0*(\d+)", name.strip().lower())
    for one in GALAXIES:
        if found and one.name == f"{found[1].upper()}{int(found[2]):04d}":
            return one
    raise InputError(
        f"{name}: is no galaxy of PHANGS-MUSE; they are {', '.join(one.name for one in GALAXIES)}"
    )
