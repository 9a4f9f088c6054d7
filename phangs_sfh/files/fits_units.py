"""Units as FITS headers write them, in the dialects of MUSE, mpdaf, PHANGS and STScI."""

import re

import astropy.units as u

from phangs_sfh.files import flux_units
from phangs_sfh.files.reading import check_unit, quiet

SCALE = 1e-20
"""Cubes and images are held in 1e-20 erg / (s cm2 Å): single precision overflows on the square of
fluxes in erg."""

DIALECT = (
    (r"\b(electrons?|e-)\s*/\s*s(ec)?\b", "electron/s"),  # capital S alone is the siemens
    (r"\b(counts?|cts?|dn)\s*/\s*s(ec)?\b", "count/s"),
    (r"\belectrons\b", "electron"),
    (r"\bcounts\b", "count"),
    (r"\bAng\b\.?", "Angstrom"),
    (r"/\s*(spaxel|pixel|pix|spax)\b", ""),
    (r"\b(spaxel|pixel|pix|spax)\s*(\*\*|\^)?\s*-1\b", ""),
)
"""Patterns (case is ignored) and what they mean; 'per spaxel' says no more than a flux density."""


def parse_unit(text):
    """Unit of a header's words, None where it has none or astropy does not know it.

    Raises
    ------
    InputError
        If it would take minutes to understand.
    """
    if text is None or not str(text).strip():
        return None
    text = str(text).strip()
    check_unit(text, f"unit '{text[:40]}'")
    for pattern, meaning in DIALECT:
        text = re.sub(pattern, meaning, text, flags=re.IGNORECASE)
    with quiet():
        try:
            unit = u.Unit(text)
        except (ValueError, TypeError):
            return None
    return None if unit == u.dimensionless_unscaled else unit


def flux_kind(unit):
    """'flux density', 'surface brightness', or None for anything else."""
    return None if unit is None else flux_units.flux_kind(unit)


def f_lambda_factor(unit, wave):
    """Factor that turns a flux density [/ arcsec2] into 1e-20 erg / (s cm2 Å) [/ arcsec2].

    Parameters
    ----------
    unit : astropy unit that ``flux_kind`` knows
    wave : array [Å]
    """
    return flux_units.to_f_lambda(1.0 / SCALE, unit, wave) + 0.0 * wave


def velocity_factor(unit):
    """Factor to km/s, None if the unit is not a velocity."""
    return unit.to(u.km / u.s) if unit is not None and unit.is_equivalent(u.km / u.s) else None


def is_count_rate(unit):
    """'rate' for electrons or counts per second, 'total' for electrons or counts, else None."""
    for quantum in (u.electron, u.count, u.adu):
        if unit == quantum / u.s:
            return "rate"
        if unit == quantum:
            return "total"
    return None
