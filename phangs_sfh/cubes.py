"""From a cube to maps, block by block of image rows; memory does not grow with the cube.

Spaxels share their wavelengths, so the way to the rest-frame grid is one sparse matrix per
redshift (see ``shared_grid``); only the channels that reach the grid are read.
"""

from dataclasses import dataclass, replace

import numpy as np

from phangs_sfh import ages, prediction, rest_frame
from phangs_sfh.bin_stack import MIN_BIN_SHARE, BinStack
from phangs_sfh.errors import InputError
from phangs_sfh.fits_units import SCALE
from phangs_sfh.flags import Flag
from phangs_sfh.galaxy.kinematics import SPEED_OF_LIGHT
from phangs_sfh.map_output import DENSITY
from phangs_sfh.milky_way import dereddening
from phangs_sfh.observation import Observations
from phangs_sfh.results import ANSWER_NAMES, COLUMNS, PERCENTILES
from phangs_sfh.shared_grid import SharedGrid, channels_needed

BLOCK_BYTES = 96e6
"""Flux, variance and mask of the rows that are held at a time."""

CHUNK = 512
"""Spectra resampled and answered at a time."""

VELOCITY_STEP = 10.0
"""Velocities are rounded to this [km/s] to share resampling weights; the model is trained with
velocity errors of 15 km/s, and a grid pixel is 53 to 78 km/s wide."""

PARSEC, SOLAR_LUMINOSITY = 3.0856775814913673e18, 3.828e33  # cm, erg / s (IAU 2015)
ARCSEC_PER_RADIAN = 648000 / np.pi

UNANSWERED = int(Flag.NO_DATA | Flag.NO_SPECTRUM | Flag.NO_BANDS)
PER_BIN = {name: q.per_bin for q in COLUMNS for name in q.columns}


@dataclass(frozen=True)
class Field:
    """What is known of a field besides its cube.

    Attributes
    ----------
    redshift : (ny, nx) array, NaN = unknown: spaxel not answered
    bands : (flux, error), (n_bands, ny, nx) float32 arrays in the cube's 1e-20 unit, error 0 =
        missing, as observed; or None
    bins : (ny, nx) int array, -1 = in no bin; None for no binning
    n_bins : int
    ebv : E(B-V) of the Milky Way [mag], removed from spectra and bands
    covariance : α of the factor 1 + α log10(n) on the spectrum's errors in a bin of n spaxels, for
        neighbours that share noise (Husemann et al. 2013, A&A 549, A87)
    spaxel_area : [arcsec2] of a cube of flux densities, 1 for one of surface brightness, None if
        unknown; for surface densities
    """

    redshift: np.ndarray
    bands: tuple | None = None
    bins: np.ndarray | None = None
    n_bins: int = 0
    ebv: float = 0.0
    covariance: float = 0.0
    spaxel_area: float | None = None


@dataclass
class Counts:
    """How many spaxels or bins were answered, and how many had no positive mean flux."""

    answered: int = 0
    negative: int = 0


class Mapper:
    """Answers a cube with a model and writes the maps.

    Parameters
    ----------
    cube : Cube
    field : Field
    model : prediction.Model
    output : MapFile, open

    Raises
    ------
    InputError
        If no wavelength of the cube reaches the model's grid.
    """

    def __init__(self, cube, field, model, output):
        self.instrument, self.model, self.output = model.instrument, model, output
        factor = cube.factor * dereddening(cube.wave, field.ebv)
        self.cube, self.field = replace(cube, factor=factor), field
        if field.bands is not None:
            pivots = np.array([band.pivot for band in self.instrument.bands])
            clear = dereddening(pivots, field.ebv).astype(np.float32)[:, None, None]
            self.field = replace(field, bands=tuple(part * clear for part in field.bands))
        self.step = np.rint(np.log1p(field.redshift) * SPEED_OF_LIGHT / VELOCITY_STEP)
        steps = np.unique(self.step[np.isfinite(self.step)])
        one = np.unique(field.redshift[np.isfinite(field.redshift)])
        # One redshift for all is taken as it is, a map of them in steps.
        self.redshift_of = {s: np.expm1(s * VELOCITY_STEP / SPEED_OF_LIGHT) for s in steps}
        if len(one) == 1:
            self.redshift_of = {steps[0]: one[0]}
        self.grids, self.counts = {}, Counts()
        names = self.instrument.band_names
        self.luminosity_band = None
        if f"{DENSITY}_p50".upper() in output.layout:
            self.luminosity_band = names.index(self.instrument.luminosity_band)
        redshifts = list(self.redshift_of.values())
        self.channels = channels_needed(cube.wave, redshifts, cube.vacuum, self.instrument)
        if self.channels.stop - self.channels.start < 2:
            raise InputError(
                f"{cube.path}: wavelengths {cube.wave[0]:.0f}-{cube.wave[-1]:.0f} Angstrom miss "
                f"the rest-frame grid {self.instrument.wave[0]:g}-{self.instrument.wave[-1]:g} at "
                f"redshift {redshifts[0]:g}; check --redshift and CRVAL3"
            )

    def run(self, progress=lambda n: None):
        """Answer every spaxel or bin.

        Parameters
        ----------
        progress : callable, given how many more spaxels (read) and bins (answered) are done

        Raises
        ------
        InputError
            If nothing could be answered.
        """
        if self.field.bins is None:
            self._spaxels(progress)
        else:
            self._bins(progress)
        if not self.counts.answered:
            raise InputError(
                f"{self.cube.path}: no spaxel can be answered ({self.counts.negative} have a mean "
                "flux below zero, the others no data); check flux, STAT and DQ"
            )

    def work(self):
        """How many steps ``progress`` will count in all."""
        return self.field.redshift.size + self.field.n_bins

    def _blocks(self):
        """Image rows that fit into memory (slices)."""
        ny, nx = self.cube.shape
        size = nx * (self.channels.stop - self.channels.start) * 9
        step = max(1, int(BLOCK_BYTES // size))
        return [slice(y, min(y + step, ny)) for y in range(0, ny, step)]

    def _resampled(self, rows):
        """Spectra of some image rows on the grid, in chunks.

        Yields
        ------
        index : spaxels within the rows
        flux, error : (n_pixels, n) float32 arrays
        """
        step = self.step[rows].ravel()
        flux, variance = self.cube.read(self.channels, rows)
        seen = variance.any(axis=0) & np.isfinite(step)
        for this in np.unique(step[seen]):
            index = np.flatnonzero(seen & (step == this))
            for start in range(0, len(index), CHUNK):
                part = index[start : start + CHUNK]
                yield part, *self._grid(this).resample(flux[:, part], variance[:, part])

    def _grid(self, step):
        if step not in self.grids:
            wave = self.cube.wave[self.channels]
            self.grids[step] = SharedGrid(
                wave, self.redshift_of[step], self.cube.vacuum, self.instrument
            )
        return self.grids[step]

    def _spaxels(self, progress):
        nx = self.cube.shape[1]
        for rows in self._blocks():
            n = (rows.stop - rows.start) * nx
            maps, white, snr = self._blank(n), np.full(n, np.nan), np.full(n, np.nan)
            left = np.isfinite(self.step[rows].ravel())
            bands = self._bands(rows)
            for index, flux, error in self._resampled(rows):
                white[index], snr[index] = brightness(flux, error)
                left[index] = False
                self._answer(maps, index, rows, flux.T, error.T, bands)
                progress(len(index))
            progress(np.count_nonzero(~np.isfinite(self.step[rows])))
            rest = np.flatnonzero(left)
            for start in range(0, len(rest), CHUNK):  # no spectrum, perhaps bands
                self._answer(maps, rest[start : start + CHUNK], rows, None, None, bands)
                progress(len(rest[start : start + CHUNK]))
            self.counts.answered += np.count_nonzero((maps["flag"] & Flag.NO_DATA) == 0)
            self._write(rows, maps, white, snr)

    def _answer(self, maps, index, rows, flux, error, bands):
        """Answer some spaxels of a block and put them into its maps."""
        photometry = None if bands is None else tuple(part[index] for part in bands)
        redshift = self.field.redshift[rows].ravel()[index]
        answers = self._predict(flux, error, photometry, redshift)
        for name, values in answers.items():
            maps[name][..., index] = values.T

    def _predict(self, flux, error, photometry, redshift):
        """Answers (dict of arrays, one row each) to spectra (n, n_pixels) or None."""
        n = len(redshift)
        if flux is not None:
            present = error > 0
            negative = present.any(axis=1) & (flux.sum(axis=1) <= 0)
            error = np.where(negative[:, None], 0, error)
            self.counts.negative += np.count_nonzero(negative)
        bands_seen = np.zeros(n, bool) if photometry is None else (photometry[1] > 0).any(axis=1)
        seen = bands_seen if flux is None else bands_seen | (error > 0).any(axis=1)
        if not seen.any():
            return {}
        observations = Observations.empty(n, self.instrument)
        spectra = None if flux is None else (flux, error)
        rest_frame.fill(
            observations, 0, spectra, photometry, redshift, self.model.masks_emission_lines
        )
        table = prediction.predict(observations, self.model, CHUNK)
        answers = {
            name: np.asarray(getattr(table[name], "value", table[name])) for name in ANSWER_NAMES
        }
        if self.luminosity_band is not None and photometry is not None:
            band = self.luminosity_band
            light = surface_luminosity(
                np.where(photometry[1][:, band] > 0, photometry[0][:, band], np.nan),
                self.field.spaxel_area, self.instrument,
            )  # fmt: skip
            for p in PERCENTILES:
                answers[f"{DENSITY}_{p}"] = answers[f"logml_{p}"] + light
        return answers

    def _bands(self, rows):
        """Band fluxes and errors of some rows, (n, n_bands) each, or None."""
        if self.field.bands is None:
            return None
        return tuple(part[:, rows].reshape(len(part), -1).T for part in self.field.bands)

    def _bins(self, progress):
        """Add spaxels up by bin, answer the bins, paint them back onto the spaxels."""
        stack = BinStack(self.field.n_bins, self.instrument.n_pixels)
        white = np.full(self.cube.shape, np.nan, np.float32)
        members = self.field.bins >= 0
        for rows in self._blocks():
            bins = self.field.bins[rows].ravel()
            for index, flux, error in self._resampled(rows):
                white[rows].ravel()[index] = brightness(flux, error)[0]
                stack.add(bins[index], flux, error)
            progress(bins.size)
        size = np.bincount(self.field.bins[members], minlength=self.field.n_bins)
        redshift = _mean_by_bin(self.field.redshift[None], self.field, self.step[None] > -np.inf)
        photometry = self._binned_bands(size)
        maps, snr = self._blank(self.field.n_bins), np.full(self.field.n_bins, np.nan)
        for start in range(0, self.field.n_bins, CHUNK):
            part = slice(start, min(start + CHUNK, self.field.n_bins))
            flux, error = stack.mean(part, self.field.covariance)
            snr[part] = brightness(flux.T, error.T)[1]
            bands = None if photometry is None else tuple(p[part] for p in photometry)
            answers = self._predict(flux, error, bands, redshift[0][0, part])
            for name, values in answers.items():
                maps[name][..., part] = values.T
            progress(part.stop - part.start)
        self.counts.answered = np.count_nonzero((maps["flag"] & Flag.NO_DATA) == 0)
        for rows in self._blocks():
            bins = self.field.bins[rows].ravel()
            painted = {name: values[..., bins] for name, values in maps.items()}
            for name, values in painted.items():
                values[..., bins < 0] = UNANSWERED if name == "flag" else np.nan
            self._write(rows, painted, white[rows], np.where(bins < 0, np.nan, snr[bins]))
            self.output.write("BIN", rows, bins)

    def _binned_bands(self, size):
        """Mean band fluxes of the bins and their errors, (n_bins, n_bands) each, or None."""
        if self.field.bands is None:
            return None
        flux, error = self.field.bands
        good = error > 0
        mean, count = _mean_by_bin(flux, self.field, good)
        variance, _ = _mean_by_bin(error**2, self.field, good)
        enough = (count > 0) & (count >= MIN_BIN_SHARE * size)
        error = np.sqrt(variance / np.maximum(count, 1))
        return mean.T, np.where(enough, error, 0).T

    def _blank(self, n):
        """Maps of n spaxels without an answer, by column name."""
        names = list(ANSWER_NAMES)
        if self.luminosity_band is not None:
            names += [f"{DENSITY}_{p}" for p in PERCENTILES]
        maps = {}
        for name in names:
            shape = (ages.N_BINS, n) if PER_BIN.get(name) else n
            maps[name] = np.full(shape, np.nan, np.float32)
        return {**maps, "flag": np.full(n, UNANSWERED, np.int32)}

    def _write(self, rows, maps, white, snr):
        for name, values in maps.items():
            self.output.write(name.upper(), rows, values)
        self.output.write("WHITE", rows, white)
        self.output.write("SNR", rows, snr)


def _mean_by_bin(values, field, good):
    """Means over the bins of maps (k, ny, nx) where good; and how many spaxels they are of."""
    used = field.bins >= 0
    bins, n = field.bins[used], field.n_bins
    count = np.array([np.bincount(bins, g[used], n) for g in good])
    total = [
        np.bincount(bins, np.where(g[used], v[used], 0), n)
        for v, g in zip(values, good, strict=True)
    ]
    with np.errstate(invalid="ignore"):
        return np.array(total) / np.where(count > 0, count, np.nan), count


def brightness(flux, error):
    """Mean flux and median S/N over the pixels present of spectra (n_pixels, n); NaN if none."""
    present = error > 0
    n = present.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(present, flux / error, np.nan)
        mean = np.where(n > 0, flux.sum(axis=0, where=present) / n, np.nan)
    snr = np.full(len(n), np.nan)
    if (n > 0).any():
        snr[n > 0] = np.nanmedian(ratio[:, n > 0], axis=0)
    return mean, snr


def surface_luminosity(flux, spaxel_area, instrument):
    """log10 of the luminosity per area [L_sun / pc2] in the luminosity band, as observed.

    Seen face-on: no correction for inclination. Needs no distance.

    Parameters
    ----------
    flux : array [1e-20 erg / (s cm2 Å)] in spaxels of ``spaxel_area`` [arcsec2]; NaN = missing
    """
    per_area = flux * SCALE / spaxel_area * (4 * np.pi) * (ARCSEC_PER_RADIAN * PARSEC) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        light = np.log10(per_area / SOLAR_LUMINOSITY / instrument.solar_luminosity)
    return np.where(np.isfinite(light), light, np.nan)
