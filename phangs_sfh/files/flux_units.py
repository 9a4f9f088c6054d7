"""Units of flux densities, per wavelength, frequency or photon, as erg / (s cm2 Å)."""

from functools import cache

import astropy.units as u
import numpy as np

F_LAMBDA = u.erg / u.s / u.cm**2 / u.AA
FLUX_KINDS = {"flux density": F_LAMBDA, "surface brightness": F_LAMBDA / u.arcsec**2}


@cache
def flux_kind(unit):
    """Key of ``FLUX_KINDS`` for any f_λ or f_ν unit, None for a unit that is neither."""
    if isinstance(unit, u.FunctionUnitBase):
        return None  # a logarithm, which is equivalent but not proportional
    for kind, target in FLUX_KINDS.items():
        if unit.is_equivalent(target * u.AA):
            return None  # a line's flux; astropy would take it for λ f_λ
        if unit.is_equivalent(target, u.spectral_density(5000 * u.AA)):
            return kind
    return None


def to_f_lambda(values, unit, wave):
    """Convert flux densities to erg / (s cm2 Å), or the same per arcsec2.

    Parameters
    ----------
    values : float64 array
    unit : astropy unit that ``flux_kind`` knows, or None: arbitrary, left as it is
    wave : array that broadcasts [Å]; f_ν becomes f_λ there
    """
    if unit is None:
        return values
    factor, power = _power_law(unit)
    return values * factor if power == 0 else values * (factor * (wave / 5000.0) ** power)


@cache
def _power_law(unit):
    """Factor at 5000 Å and power of the wavelength that turn a unit into f_λ.

    The power is 0 for f_λ, -2 for f_ν, -1 and -3 for photons per Å and per Hz. Astropy is asked at
    two wavelengths only: setting up its conversion takes longer than a thousand spectra.
    """
    target = FLUX_KINDS[flux_kind(unit)]
    here, there = (
        unit.to(target, 1.0, equivalencies=u.spectral_density(wave * u.AA)) for wave in (5e3, 1e4)
    )
    return here, round(np.log2(there / here))
