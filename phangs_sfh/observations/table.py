"""The door through which user data comes in: tables with units to plain arrays on the grid.

The input table has one row per spectrum. Vector columns ``wave``, ``flux``, ``flux_err`` and
optionally ``mask`` (True = bad); scalar columns ``redshift``, and a band's name and name_err, such
as ``F275W`` and ``F275W_err``; ``WAVEMED`` = air or vacuum in the meta. Column names may be in
upper or lower case. All of the spectrum or all of the bands may be absent.

Missing are pixels and bands that are masked, whose value or error is not finite, or whose error is
not positive; also magnitudes of 90 and more either way, which catalogues write for "unknown".
"""

import os

import astropy.units as u
import numpy as np
from astropy.table import Row, Table

from phangs_sfh.errors import InputError
from phangs_sfh.files.flux_units import to_f_lambda
from phangs_sfh.files.tables import read_table
from phangs_sfh.instrument.constants import RELATIVE_PER_MAG
from phangs_sfh.observations import rest_frame
from phangs_sfh.observations.columns import SPECTRUM, Columns, band_units
from phangs_sfh.observations.flags import Flag
from phangs_sfh.observations.rest_frame import Observations
from phangs_sfh.observations.spectrum_files import read_spectrum, spectrum_table

__all__ = ["Observations", "observations_from_table", "read_observations"]

CHUNK = 128
"""Rows converted at a time: few, so that a large table is never held twice and caches are used."""

UNKNOWN_MAGNITUDE = 90.0
MIN_ANGSTROM, MAX_ANGSTROM = 1500.0, 30000.0


def read_observations(data, instrument, **options):
    """Read a table, or any 1-D spectrum that specutils can load, and bring it to the grid.

    Parameters
    ----------
    data : path; or astropy Table or Row of one, specutils Spectrum; or a list of any of these
    instrument : Instrument
    options : ``redshift``, ``wavemed``, ``mask_emission_lines``, see ``observations_from_table``

    Returns
    -------
    observations : Observations

    Raises
    ------
    InputError
        As ``observations_from_table``, and if a file cannot be read or the data are no spectra.
    """
    if isinstance(data, (str, os.PathLike)):
        return _from_file(data, instrument, options)
    if isinstance(data, Row):
        data = data.table[data.index : data.index + 1]
    if isinstance(data, Table):
        return observations_from_table(data, instrument, **options)
    if hasattr(data, "spectral_axis"):
        return observations_from_table(
            spectrum_table(data), instrument, source="spectrum", **options
        )
    if isinstance(data, (list, tuple)) and data:
        return rest_frame.joined([read_observations(one, instrument, **options) for one in data])
    raise InputError(
        f"data: cannot read spectra from {type(data).__name__}; give a path, an astropy table, a "
        "specutils Spectrum or a list of them"
    )


def _from_file(path, instrument, options):
    table = read_table(path)
    if table is None or not _is_input_table(table, instrument):
        spectrum = read_spectrum(path)
        # A table that is no spectrum either is let through: the checks say what column it lacks.
        table = table if spectrum is None else spectrum
    if table is None:
        raise InputError(
            f"{path}: is neither a FITS or ECSV table nor a spectrum that specutils can load; "
            "give a table with columns wave, flux, flux_err and redshift"
        )
    return observations_from_table(table, instrument, source=str(path), **options)


def _is_input_table(table, instrument):
    """True for one row per object, False for a spectrum with one row per pixel."""
    names = {name.lower(): name for name in table.colnames}
    if "redshift" in names or any(band.lower() in names for band in instrument.band_names):
        return True
    columns = [table[names[name]] for name in SPECTRUM if name in names]
    return any(len(column.shape) == 2 or column.dtype.kind == "O" for column in columns)


def observations_from_table(
    table, instrument, *, source="table", redshift=None, wavemed=None, mask_emission_lines=False
):
    """Check a table and bring it to the rest-frame grid.

    Parameters
    ----------
    table : astropy Table or QTable, see the module's head
    instrument : Instrument
    source : str, the file's name for messages
    redshift : float, for rows of which the table gives none
    wavemed : 'air' or 'vacuum', where the table's meta does not say
    mask_emission_lines : bool, leave out the windows around emission lines

    Returns
    -------
    observations : Observations

    Raises
    ------
    InputError
        If columns or units are missing or wrong, or no row can be answered for one reason.
    """
    columns = Columns(table, source, instrument)
    has_spectrum, bands = columns.check()
    z = _redshifts(columns, redshift, has_spectrum)
    vacuum = has_spectrum and _is_vacuum(columns, wavemed)
    observations = Observations.empty(len(table), instrument)
    reaches = np.ones(len(table), bool)
    for start in range(0, len(table), CHUNK):
        rows = slice(start, min(start + CHUNK, len(table)))
        spectra = photometry = None
        if has_spectrum:
            wave, flux, error = _spectra(columns, rows)
            *spectra, reaches[rows] = rest_frame.spectra_to_grid(
                wave, flux, error, z[rows], vacuum, instrument
            )
        if bands:
            photometry = _photometry(columns, bands, rows, instrument)
        rest_frame.fill(observations, start, spectra, photometry, z[rows], mask_emission_lines)
    if not reaches.any():
        raise columns.refusal(
            "wave",
            f"no spectrum reaches the rest-frame grid {instrument.wave[0]:g}-"
            f"{instrument.wave[-1]:g} Angstrom in any row; check unit, range and redshift",
        )
    notes = tuple(_notes(source, has_spectrum, z, reaches, observations))
    return Observations(**{**vars(observations), "warnings": notes})


def _notes(source, has_spectrum, redshift, reaches, observations):
    """What was set aside, one line each."""
    valid = rest_frame.valid_redshift(redshift)
    for bad, text in (
        (~valid, "without a valid redshift: not answered"),
        (~reaches, "with a spectrum outside the rest-frame grid: spectrum not used"),
        (
            has_spectrum & valid & reaches & (observations.flux_err == 0).all(axis=1),
            "without a usable pixel: spectrum not used",
        ),
        (
            observations.flags & Flag.BANDS_REDSHIFTED > 0,
            f"at z > {rest_frame.BAND_MAX_REDSHIFT}: bands not used",
        ),
    ):
        if bad.any():
            count = np.count_nonzero(bad)
            first = np.flatnonzero(bad)[0]
            yield f"{source}: {count} of {len(bad)} rows {text} (first: row {first}, from 0)"


def _is_vacuum(columns, wavemed):
    """Whether wavelengths are in vacuum, from the table's meta or the option."""
    meta = {str(key).lower(): value for key, value in columns.table.meta.items()}
    stated = meta.get("wavemed")
    if stated is None and wavemed is None:
        raise InputError(
            f"{columns.source}: meta keyword WAVEMED is missing; state whether wavelengths are in "
            "air or vacuum: table.meta['WAVEMED'] = 'air', or the option --wavemed"
        )
    answers = []
    for value in (stated, wavemed):
        text = str(value).strip().lower()
        if value is not None and text not in ("air", "vacuum", "vac"):
            raise InputError(
                f"{columns.source}: WAVEMED is '{value}'; it must be 'air' or 'vacuum'"
            )
        answers.append(None if value is None else text != "air")
    if None not in answers and answers[0] != answers[1]:
        raise InputError(
            f"{columns.source}: WAVEMED is '{stated}' but --wavemed says '{wavemed}'; "
            "correct the one that is wrong"
        )
    return answers[0] if stated is not None else answers[1]


def _redshifts(columns, option, has_spectrum):
    """Redshift of every row, NaN where unknown, float64 (n,)."""
    n = len(columns.table)
    if option is not None and not rest_frame.valid_redshift(option):
        raise InputError(
            f"{columns.source}: --redshift {option:g} is out of range; "
            f"give z between {rest_frame.MIN_REDSHIFT:g} and {rest_frame.MAX_REDSHIFT:g}"
        )
    if "redshift" not in columns:
        if option is None and has_spectrum:
            raise InputError(
                f"{columns.source}: column 'redshift' is missing; add it or use --redshift"
            )
        return np.full(n, 0.0 if option is None else option)
    unit = columns.unit("redshift")
    if unit is not None and str(unit) != "redshift":
        raise columns.refusal("redshift", f"unit is '{unit}'; give z = v / c without a unit")
    z = columns.values("redshift", slice(None))
    z = np.where(np.isfinite(z), z, np.nan if option is None else option)
    if not rest_frame.valid_redshift(z).any():
        what = f"first value {z[0]:g}" if np.isfinite(z[0]) else "missing values"
        raise columns.refusal(
            "redshift",
            f"no row has a valid one ({what}); give z between {rest_frame.MIN_REDSHIFT:g} and "
            f"{rest_frame.MAX_REDSHIFT:g}, not a velocity",
        )
    return z


def _spectra(columns, rows):
    """Observed wavelengths [Å], flux and error in one f_λ unit, (n, n_in) arrays."""
    wave = _wavelengths(columns, rows)
    flux, error = columns.values("flux", rows), columns.values("flux_err", rows)
    if not wave.shape == flux.shape == error.shape:
        raise columns.refusal("flux", "differs in length from 'wave'; give one value per pixel")
    flux = to_f_lambda(flux, columns.unit("flux"), wave)
    error = to_f_lambda(error, columns.unit("flux_err"), wave)
    if "mask" in columns:
        bad = columns.values("mask", rows)
        error[(bad != 0) | np.isnan(bad)] = 0.0
    return wave, flux, error


def _wavelengths(columns, rows):
    """Wavelengths [Å]; NaN where there is no pixel."""
    unit = columns.unit("wave")
    wave = columns.values("wave", rows) * unit.to(u.AA)
    wave[~(wave > 0)] = np.nan
    if not np.isfinite(wave).any():
        return wave
    middle = np.nanmedian(wave)
    if not MIN_ANGSTROM < middle < MAX_ANGSTROM:
        looks = next(
            (
                other
                for other in (u.AA, u.nm, u.um)
                if MIN_ANGSTROM < middle * other.to(u.AA) / unit.to(u.AA) < MAX_ANGSTROM
            ),
            None,
        )
        remedy = f"they look like {looks}: correct the unit" if looks else "correct the unit"
        raise columns.refusal(
            "wave", f"values around {middle / unit.to(u.AA):g} cannot be in '{unit}'; {remedy}"
        )
    _check_monotonic(columns, wave, rows.start)
    return wave


def _check_monotonic(columns, wave, start):
    """Raise InputError unless the finite wavelengths of every row all rise or all fall."""
    steps = np.diff(wave, axis=1)
    holes = np.isnan(steps).any(axis=1)
    one_way = (steps > 0).all(axis=1) | (steps < 0).all(axis=1)
    for row in np.flatnonzero(holes):
        across = np.diff(wave[row, np.isfinite(wave[row])])
        one_way[row] = (across > 0).all() or (across < 0).all()
    if not one_way.all():
        row = start + np.flatnonzero(~one_way)[0]
        raise columns.refusal(
            "wave", f"wavelengths of row {row} (from 0) do not rise throughout; sort the pixels"
        )


def _photometry(columns, bands, rows, instrument):
    """Band fluxes and errors in the spectrum's f_λ unit, (n, n_bands); error 0 where absent."""
    n = rows.stop - rows.start
    flux, error = np.zeros((n, instrument.n_bands)), np.zeros((n, instrument.n_bands))
    for index, band in enumerate(instrument.bands):
        if band.name not in bands:
            continue
        unit, error_unit = band_units(columns, band.name)
        value = columns.values(band.name, rows)
        uncertainty = columns.values(f"{band.name}_err", rows)
        if isinstance(columns.unit(band.name), u.MagUnit):
            value = np.where(np.abs(value) < UNKNOWN_MAGNITUDE, 10 ** (-0.4 * value), np.nan)
        value = to_f_lambda(value, unit, band.pivot)
        if error_unit is None:
            known = (uncertainty < UNKNOWN_MAGNITUDE) & (uncertainty > 0)
            uncertainty = np.where(known, np.abs(value) * RELATIVE_PER_MAG * uncertainty, 0.0)
        else:
            uncertainty = to_f_lambda(uncertainty, error_unit, band.pivot)
        flux[:, index], error[:, index] = value, uncertainty
    return flux, error
