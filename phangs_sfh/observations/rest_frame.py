"""From observed arrays to the network's: rest frame, common grid, one scale per row, float32.

Plain arrays in Å and in one f_λ unit; tables and units are met in ``observations/table.py``.
"""

from dataclasses import dataclass

import numpy as np

from phangs_sfh.instrument import resampling
from phangs_sfh.instrument.description import Instrument
from phangs_sfh.instrument.emission_lines import window_mask
from phangs_sfh.instrument.refraction import rest_air
from phangs_sfh.observations.flags import Flag

INPUTS = ("flux", "flux_err", "band_flux", "band_flux_err")
"""Names of a model's inputs, values and errors, in their order."""

MIN_REDSHIFT, MAX_REDSHIFT = -0.01, 10.0
BAND_MAX_REDSHIFT = 0.02
"""The model knows the bands in the rest frame; beyond this redshift they no longer are."""

HUGE = 1e12
"""Values or errors this many times a row's level are stand-ins for 'unknown', not data."""


@dataclass(frozen=True)
class Observations:
    """What the network takes, one row per object; an error of 0 marks a missing value.

    The f_λ unit is arbitrary, differs from row to row and is common to all four arrays of a row.

    Attributes
    ----------
    flux, flux_err : (n, n_pixels) float32 arrays on the instrument's rest-frame grid
    band_flux, band_flux_err : (n, n_bands) float32 arrays
    flags : (n,) int32 array, only bits that the model cannot know (``BANDS_REDSHIFTED``)
    instrument : Instrument
    warnings : tuple of str, what was set aside, for the user to read
    """

    flux: np.ndarray
    flux_err: np.ndarray
    band_flux: np.ndarray
    band_flux_err: np.ndarray
    flags: np.ndarray
    instrument: Instrument
    warnings: tuple = ()

    def __len__(self):
        return len(self.flags)

    @classmethod
    def empty(cls, n, instrument):
        """Arrays for n objects, everything missing; to be filled chunk by chunk."""
        return cls(
            flux=np.zeros((n, instrument.n_pixels), np.float32),
            flux_err=np.zeros((n, instrument.n_pixels), np.float32),
            band_flux=np.zeros((n, instrument.n_bands), np.float32),
            band_flux_err=np.zeros((n, instrument.n_bands), np.float32),
            flags=np.zeros(n, np.int32),
            instrument=instrument,
        )

    def rows(self, chosen):
        """Some rows, a slice, as Observations."""
        names = ("flux", "flux_err", "band_flux", "band_flux_err", "flags")
        arrays = {name: getattr(self, name)[chosen] for name in names}
        return Observations(**arrays, instrument=self.instrument)

    def inputs(self):
        """The model's four inputs by name (dict of arrays, not copied)."""
        return {name: getattr(self, name) for name in INPUTS}


def joined(several):
    """Several Observations of one instrument, of one row or more each, as one."""
    names = (*INPUTS, "flags")
    arrays = {name: np.concatenate([getattr(one, name) for one in several]) for name in names}
    notes = tuple(note for one in several for note in one.warnings)
    return Observations(**arrays, instrument=several[0].instrument, warnings=notes)


def valid_redshift(redshift):
    """True where a redshift is a number in the range that makes sense (array of bool)."""
    return (redshift >= MIN_REDSHIFT) & (redshift <= MAX_REDSHIFT)


def spectra_to_grid(wave, flux, error, redshift, vacuum, instrument):
    """Shift spectra to the rest frame and resample them onto the instrument's grid.

    f_λ grows by (1 + z) in the rest frame; bands do too, so this factor, common to a row, is left
    out. The line-spread function is taken to be the instrument's: spectra of a lower resolution
    than MUSE's look as though of a higher velocity dispersion, and the model knows those to
    300 km/s.

    Parameters
    ----------
    wave : (n, n_in) array [Å], observed, strictly monotonic where finite; NaN = no pixel
    flux, error : (n, n_in) arrays; missing where not finite or the error is not positive
    redshift : (n,) array; rows without a valid one come back empty
    vacuum : bool
    instrument : Instrument

    Returns
    -------
    flux, error : (n, n_pixels) float64 arrays, error 0 = missing
    reaches : (n,) bool array, False where the wavelengths miss the grid, True where unknown
    """
    n = len(flux)
    edges = instrument.pixel_edges
    out_flux = np.zeros((n, instrument.n_pixels))
    out_error = np.zeros((n, instrument.n_pixels))
    reaches = np.ones(n, bool)
    good = np.isfinite(flux) & np.isfinite(error) & (error > 0)
    for rows in _same_wavelengths(wave, redshift):
        finite = np.isfinite(wave[rows[0]])
        if not valid_redshift(redshift[rows[0]]) or np.count_nonzero(finite) < 2:
            continue
        rest = rest_air(wave[rows[0], finite], redshift[rows[0]], vacuum)
        columns = np.flatnonzero(finite)
        if rest[0] > rest[-1]:
            rest, columns = rest[::-1], columns[::-1]
        low, high = resampling.pixel_bounds(rest)
        near = (high > edges[0]) & (low < edges[-1])
        reaches[rows] = near.any()
        picked = np.ix_(rows, columns[near])
        out_flux[rows], out_error[rows] = resampling.resample(
            flux[picked], error[picked], good[picked], low[near], high[near], edges
        )
    return out_flux, out_error, reaches


def _same_wavelengths(wave, redshift):
    """Groups (lists) of rows that share wavelengths and redshift: one set of weights each."""
    groups = {}
    for row, z in enumerate(redshift):
        groups.setdefault((float(z), wave[row].tobytes()), []).append(row)
    return [np.array(rows) for rows in groups.values()]


def fill(observations, start, spectra, bands, redshift, mask_emission_lines=False):
    """Put a chunk of rows into ``observations``: scaled, flagged, in float32.

    Every row is divided by its own level (median of the absolute flux), so that fluxes of
    1e-20 and their squares neither under- nor overflow in single precision.

    Parameters
    ----------
    observations : Observations, written to from row ``start`` on
    spectra : (flux, error) on the grid, (n, n_pixels) arrays, or None
    bands : (flux, error), (n, n_bands) arrays in the same unit, or None
    redshift : (n,) array
    mask_emission_lines : bool, leave out the windows of ``emission_lines.WINDOWS``
    """
    n = len(redshift)
    grid = observations.instrument
    flux, error = spectra or (np.zeros((n, grid.n_pixels)), np.zeros((n, grid.n_pixels)))
    band_flux, band_error = bands or (np.zeros((n, grid.n_bands)), np.zeros((n, grid.n_bands)))
    usable = valid_redshift(redshift)[:, None]
    good = _good(flux, error) & usable
    band_good = _good(band_flux, band_error) & usable
    redshifted = (redshift > BAND_MAX_REDSHIFT) & band_good.any(axis=1)
    band_good &= ~redshifted[:, None]
    if mask_emission_lines:
        good &= ~window_mask(grid.wave)
    level = _level(flux, good, band_flux, band_good)[:, None]
    rows = slice(start, start + n)
    for name, value, uncertainty, present in (
        ("flux", flux, error, good),
        ("band_flux", band_flux, band_error, band_good),
    ):
        present = present & (np.abs(value) < HUGE * level) & (uncertainty < HUGE * level)
        getattr(observations, name)[rows] = np.where(present, value / level, 0.0)
        getattr(observations, name + "_err")[rows] = np.where(present, uncertainty / level, 0.0)
    observations.flags[rows] = np.where(redshifted, Flag.BANDS_REDSHIFTED, 0)


def _good(flux, error):
    return np.isfinite(flux) & np.isfinite(error) & (error > 0)


def _level(flux, good, band_flux, band_good):
    """Typical absolute flux of a row, shape (n,): of its spectrum, else of its bands, else 1."""
    level = np.ones(len(flux))
    for value, present in ((band_flux, band_good), (flux, good)):
        median = row_medians(np.abs(value), present)
        level = np.where(median > 0, median, level)
    return level


def row_medians(values, good):
    """Medians of the good values of every row, NaN where there are none.

    Rows with equally many good values are done together, many times faster than one by one.

    Parameters
    ----------
    values : (n, k) array
    good : (n, k) boolean array

    Returns
    -------
    medians : (n,) float64 array
    """
    medians, counts = np.full(len(values), np.nan), good.sum(axis=1)
    for count in np.unique(counts[counts > 0]):
        rows = np.flatnonzero(counts == count)
        if count < values.shape[1]:
            part = np.where(good[rows], values[rows], np.inf)
        else:
            part = values if len(rows) == len(values) else values[rows]
        middle = [(count - 1) // 2, count // 2]
        part = np.partition(part, middle, axis=1)[:, middle]
        medians[rows] = part.mean(axis=1, dtype=np.float64)
    return medians
