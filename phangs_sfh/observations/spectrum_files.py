"""1-D spectra in the formats that specutils knows, as an input table."""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from phangs_sfh.errors import InputError
from phangs_sfh.files.reading import quiet, readable
from phangs_sfh.files.tables import check_input


def read_spectrum(path):
    """Load a file with specutils.

    Returns
    -------
    table : QTable with ``wave``, ``flux``, ``flux_err``, ``mask``, and ``redshift`` and ``WAVEMED``
        where the file gives them; one row, or one per spectrum if they share wavelengths.
        None if specutils cannot load the file.

    Raises
    ------
    InputError
        If the spectrum has no uncertainty or is a cube.
    """
    check_input(path)
    spectrum = _load(path)
    with readable(path, "write or copy it again"):
        return None if spectrum is None else spectrum_table(spectrum, path)


def spectrum_table(spectrum, source="spectrum"):
    """A specutils Spectrum as an input table.

    Parameters
    ----------
    spectrum : specutils.Spectrum (Spectrum1D before specutils 2), of one spectrum or of several
        that share wavelengths
    source : path or str, for messages

    Returns
    -------
    table : QTable, as of ``read_spectrum``

    Raises
    ------
    InputError
        If the spectrum has no uncertainty or is a cube.
    """
    if spectrum.uncertainty is None:
        raise InputError(
            f"{source}: the spectrum has no uncertainty; add errors, or give a table with "
            "'flux_err'"
        )
    wave = spectrum.spectral_axis.to(u.AA, equivalencies=u.spectral())
    flux = np.atleast_2d(u.Quantity(spectrum.flux))
    if flux.ndim != 2:
        raise InputError(f"{source}: is a cube; give 1-D spectra")
    error = _standard_deviation(spectrum)
    table = QTable()
    table["wave"] = np.tile(wave.value, (len(flux), 1)) * u.AA
    table["flux"] = flux
    table["flux_err"] = np.atleast_2d(error)
    if spectrum.mask is not None:
        table["mask"] = np.broadcast_to(spectrum.mask, flux.shape)
    header = spectrum.meta.get("header", spectrum.meta)
    redshift = _redshift(spectrum, header)
    if redshift is not None:
        table["redshift"] = np.full(len(flux), redshift)
    medium = _medium(header)
    if medium is not None:
        table.meta["WAVEMED"] = medium
    return table


def _load(path):
    import specutils

    # Named Spectrum1D before specutils 2.
    kind = getattr(specutils, "Spectrum", None) or specutils.Spectrum1D
    with quiet():
        try:
            return kind.read(str(path))
        except Exception:  # each of its dozens of loaders fails in its own way
            return None


def _standard_deviation(spectrum):
    """Errors of a spectrum as a Quantity, whatever kind of uncertainty it has."""
    from astropy.nddata import StdDevUncertainty

    with np.errstate(divide="ignore", invalid="ignore"):
        uncertainty = spectrum.uncertainty.represent_as(StdDevUncertainty)
    return u.Quantity(uncertainty.array, uncertainty.unit or spectrum.flux.unit)


def _redshift(spectrum, header):
    for key in ("REDSHIFT", "redshift", "Z"):
        try:
            return float(header[key])
        except (KeyError, TypeError, ValueError):
            continue
    stated = float(spectrum.redshift)
    return stated if stated != 0.0 else None  # specutils says 0 where it does not know


def _medium(header):
    """'air' or 'vacuum' where the header is plain about it, else None.

    CTYPE 'WAVE', by the FITS standard vacuum, stands in many air spectra: only 'AWAV' is believed.
    """
    for key in ("WAVEMED", "AIRORVAC"):
        if header.get(key):
            return str(header[key])
    if isinstance(header.get("VACUUM"), (bool, np.bool_)):
        return "vacuum" if header["VACUUM"] else "air"
    if any(str(header.get(f"CTYPE{axis}", "")).startswith("AWAV") for axis in (1, 3)):
        return "air"
    return None
