"""Air and vacuum wavelengths, and the rest frame of either."""

import numpy as np


def refractive_index(wave):
    """Refractive index of standard air.

    Morton 2000 (ApJS 130, 403), equation 8, as used by VALD and specutils.

    Parameters
    ----------
    wave : array [Å]; vacuum, but an air wavelength changes the index by less than 1e-9
    """
    wavenumber2 = (1e4 / np.asarray(wave, dtype=np.float64)) ** 2
    return 1.0 + 8.34254e-5 + 2.406147e-2 / (130.0 - wavenumber2) + 1.5998e-4 / (38.9 - wavenumber2)


def vacuum_to_air(wave):
    """Air wavelengths [Å] of vacuum wavelengths [Å]; meant for 2000 Å and more."""
    return wave / refractive_index(wave)


def rest_air(wave, redshift, vacuum):
    """Rest-frame air wavelengths of observed ones.

    The redshift acts on vacuum wavelengths, so air wavelengths carry the ratio of the indices at
    the observed and rest wavelength: 1 at z = 0, 0.01 Å at z = 0.5.

    Parameters
    ----------
    wave : array [Å]
    redshift : float or array that broadcasts
    vacuum : bool, True if ``wave`` is in vacuum
    """
    shifted = wave / (1.0 + redshift)
    if vacuum:
        return vacuum_to_air(shifted)
    return shifted * (refractive_index(wave) / refractive_index(shifted))
