"""Dust of the Milky Way in front of a galaxy."""

import numpy as np
from astropy import units
from dust_extinction.parameter_averages import F99

R_V = 3.1


def dereddening(wave, ebv):
    """Factor by which foreground dust has dimmed the light, for Fitzpatrick 1999 with R_V = 3.1.

    A band takes the factor at its pivot wavelength. E(B-V) as in Schlafly & Finkbeiner 2011, who
    calibrated it for this law.

    Parameters
    ----------
    wave : array [Å], observed
    ebv : float, E(B-V) [mag]
    """
    wave = np.asarray(wave, np.float64)
    return 10 ** (0.4 * ebv * R_V * F99(Rv=R_V)(wave * units.AA))
