"""Dust attenuation."""

import numpy as np
from astropy import units
from dust_extinction.averages import G03_SMCBar
from dust_extinction.parameter_averages import CCM89

V_WAVE = 5500.0
BIRTH_CLOUD_AGE_YR = 1e7

CALZETTI_CROSSING = 7226.6  # [Å]

LAWS = ["power_law", "calzetti", "cardelli", "smc"]
"""Shapes of the diffuse screen: a free power law (Charlot & Fall 2000), Calzetti et al. 2000,
Cardelli, Clayton & Mathis 1989 with R_V = 3.1, and the SMC bar (Gordon et al. 2003)."""


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


def calzetti(wave):
    """Starburst attenuation k(λ) / k(5500 Å) (Calzetti et al. 2000, equation 4), (n_wave,).

    The two branches of the equation miss each other by 0.7 per cent where they meet, at 6300 Å, in
    the midst of the spectra; here they meet where they cross, and no spectrum has a step.
    """

    def k(angstrom):
        x = 1e4 / angstrom  # [1 / μm]
        blue = 2.659 * (-2.156 + 1.509 * x - 0.198 * x**2 + 0.011 * x**3) + 4.05
        red = 2.659 * (-1.857 + 1.040 * x) + 4.05
        return np.where(angstrom < CALZETTI_CROSSING, blue, red)

    return k(wave) / k(np.array(V_WAVE))


def fixed_laws(wave):
    """The laws without a free slope, relative to V, in the order of ``LAWS[1:]``.

    Parameters
    ----------
    wave : (n_wave,) array [Å]

    Returns
    -------
    relative : (3, n_wave) array
    """
    at_v = V_WAVE * units.AA
    ccm, smc = CCM89(Rv=3.1), G03_SMCBar()
    waves = wave * units.AA
    return np.array([calzetti(wave), ccm(waves) / ccm(at_v), smc(waves) / smc(at_v)])
