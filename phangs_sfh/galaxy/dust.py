"""Dust attenuation."""

import numpy as np

V_WAVE = 5500.0
BIRTH_CLOUD_AGE_YR = 1e7


def power_law(wave, slope):
    """Attenuation relative to V of a power law, A(λ)/A_V = (λ / 5500 Å)^-slope.

    Charlot & Fall 2000 use slope 0.7 for the diffuse medium and for birth clouds.

    Parameters
    ----------
    wave : (n_wave,) array [Å]
    slope : (n,) array

    Returns
    -------
    relative : (n, n_wave) array
    """
    log_wave = np.log(wave / V_WAVE).astype(slope.dtype)
    return np.exp(-slope[:, None] * log_wave[None, :])


def transmission(a_v, relative):
    """Fraction of light that passes, 10^(-0.4 A_V A(λ)/A_V).

    Parameters
    ----------
    a_v : (n,) array [mag]
    relative : (n, n_wave) array, A(λ)/A_V
    """
    return np.exp(-0.4 * np.log(10.0).astype(relative.dtype) * a_v[:, None] * relative)
