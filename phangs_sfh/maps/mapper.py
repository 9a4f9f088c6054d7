"""From a cube, or from images alone, to maps: block by block of image rows, in bounded memory."""

from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.milky_way import dereddening
from phangs_sfh.maps.bin_stack import BandStack, BinStack, MeansOnDisk
from phangs_sfh.maps.input import cube_spectra
from phangs_sfh.maps.input.cube_spectra import CubeSpectra, NoSpectra, brightness
from phangs_sfh.maps.model import MapModel
from phangs_sfh.maps.rates_and_densities import (
    SpectralLight,
    derived,
    quantities,
    surface_luminosity,
)
from phangs_sfh.observations import rest_frame
from phangs_sfh.observations.flags import Flag
from phangs_sfh.observations.table import Observations
from phangs_sfh.prediction.predict import sample
from phangs_sfh.prediction.results import quantities as columns_of

UNANSWERED = {"flag": int(Flag.NO_DATA), "used": 0}


@dataclass(frozen=True)
class Field:
    """What is known of a field besides its cube.

    Attributes
    ----------
    redshift : float, or (ny, nx) array, NaN = unknown: spaxel not answered
    bands : MatchedBands, in the cube's 1e-20 unit, as observed; or None
    bins : (ny, nx) int array, -1 = in no bin; None for no binning
    n_bins : int
    ebv : E(B-V) of the Milky Way [mag], removed from spectra and bands
    covariance : α of the factor 1 + α log10(n) on the spectrum's errors in a bin of n spaxels, for
        neighbours that share noise (Husemann et al. 2013, A&A 549, A87)
    spaxel_area : [arcsec2] of a cube of flux densities, 1 for one of surface brightness, None if
        unknown; for surface densities
    area_pc2 : float, of a spaxel [pc2], for masses and rates of spaxels; None if unknown
    light_band : index of the band whose flux and S/N stand for the spectrum's without a cube
    """

    redshift: object
    bands: object = None
    bins: np.ndarray | None = None
    n_bins: int = 0
    ebv: float = 0.0
    covariance: float = 0.0
    spaxel_area: float | None = None
    area_pc2: float | None = None
    light_band: int = 0


@dataclass
class Counts:
    """How many spaxels or bins were answered, and how many had no positive mean flux."""

    answered: int = 0
    negative: int = 0

    @property
    def state(self):
        return {"answered": int(self.answered), "negative": int(self.negative)}

    def add(self, state):
        """Add the counts of other rows, a ``state``."""
        self.answered += state["answered"]
        self.negative += state["negative"]

    def check(self, source):
        """Raise InputError if nothing was answered."""
        if not self.answered:
            raise InputError(
                f"{source}: no spaxel can be answered ({self.negative} have a mean flux below "
                "zero, the others no data); check flux, STAT and DQ"
            )


@dataclass
class Chunk:
    """Spectra and bands of some spaxels or bins: (n, n_pixels) and (n, n_bands) or None."""

    redshift: np.ndarray
    flux: np.ndarray | None = None
    error: np.ndarray | None = None
    bands: tuple | None = None
    counts: Counts = field(default_factory=Counts)

    def without_negative(self):
        """Take out, and count, spectra without positive mean flux; True if anything is left."""
        if self.flux is not None:
            present = self.error > 0
            negative = present.any(axis=1) & (self.flux.sum(axis=1) <= 0)
            if negative.any():
                self.error = np.where(negative[:, None], np.float32(0), self.error)
                self.flux = np.where(negative[:, None], np.float32(0), self.flux)
                self.counts.negative += np.count_nonzero(negative)
        parts = [self.error, None if self.bands is None else self.bands[1]]
        return any(values is not None and (values > 0).any() for values in parts)


class Mapper:
    """Answers a cube with a model and writes the maps.

    Parameters
    ----------
    cube : Cube, None for images alone
    field : Field
    model : prediction.model.Model
    output : MapFile, open
    part : (i, n) with 1 <= i <= n: only the i-th of n shares of the rows; None for all
    samples : int, joint samples of the posterior that are kept of each bin, in ``draws``: arrays
        (n_bins, n) or (n_bins, n, 16) by label

    Raises
    ------
    InputError
        If no wavelength of the cube reaches the model's grid.
    """

    def __init__(self, cube, field, model, output, part=None, samples=0):
        self.instrument, self.output, self.field = model.instrument, output, field
        self.shape, self.model = output.shape, MapModel(model)
        self.sizes = {name: q.size for q in columns_of(model.labels) for name in q.columns}
        self.spectra = NoSpectra(self.shape)
        if cube is not None:
            self.spectra = CubeSpectra(cube, field.redshift, self.instrument, field.ebv)
        self.blocks, self.part = self.spectra.blocks(), part
        if part is not None:
            first, last = (len(self.blocks) * i // part[1] for i in (part[0] - 1, part[0]))
            self.blocks = self.blocks[first:last]
        self.source = output.path if cube is None else cube.path
        pivots = np.array([band.pivot for band in self.instrument.bands])
        self.clear = dereddening(pivots, field.ebv).astype(np.float32)
        self.light = SpectralLight(self.instrument)
        unseen = self.instrument.unseen_band is not None
        self.luminosity_band = None if unseen else self.instrument.luminosity_index
        self.quantities = [
            q for q in quantities(True, True) if q.columns[0].upper() in output.layout
        ]
        self.counts, self.samples, self.draws = Counts(), samples, {}

    def run(self, progress=lambda n: None):
        """Answer every spaxel or bin, from where an earlier run of the same request ended.

        Parameters
        ----------
        progress : callable, given how many more spaxels (read) and bins (answered) are done

        Raises
        ------
        InputError
            If nothing could be answered; a part may well lie where there are no data.
        """
        if self.field.bins is None:
            self._spaxels(progress)
        else:
            self._bins(progress)
        if self.part is None:
            self.counts.check(self.source)

    def work(self):
        """How many steps ``progress`` will count in all."""
        n_rows = sum(rows.stop - rows.start for rows in self.blocks)
        return n_rows * self.shape[1] + self.field.n_bins

    def _spaxels(self, progress):
        nx, state = self.shape[1], self.output.state
        self.counts = Counts(state.get("answered", 0), state.get("negative", 0))
        for rows in self.blocks:
            if rows.stop <= state["rows"]:
                progress((rows.stop - rows.start) * nx)
                continue
            self.answer_rows(rows, progress)
            self.output.done(rows.stop, **self.counts.state)

    @threadpool_limits.wrap(limits=1, user_api="blas")  # sums keep their order on any machine
    def answer_rows(self, rows, progress=lambda n: None):
        """Answer and write one of ``blocks``, without bins."""
        n = (rows.stop - rows.start) * self.shape[1]
        maps, white, snr = self._blank(n), np.full(n, np.nan), np.full(n, np.nan)
        bands, redshift = self._bands(rows), self._redshift(rows)
        left = np.isfinite(redshift)
        progress(np.count_nonzero(~left))
        if isinstance(self.spectra, NoSpectra):
            white, snr = self._band_brightness(bands)
        for index, flux, error in self.spectra.resampled(rows):
            white[index], snr[index] = brightness(flux, error)
            left[index] = False
            self._answer(maps, index, redshift, flux, error, bands)
            progress(len(index))
        rest = np.flatnonzero(left)
        for part in _chunks(rest):  # no spectrum, perhaps bands
            self._answer(maps, part, redshift, None, None, bands)
            progress(len(part))
        self.counts.answered += np.count_nonzero((maps["flag"] & Flag.NO_DATA) == 0)
        self._write(rows, maps, white, snr)

    def _answer(self, maps, index, redshift, flux, error, bands):
        """Answer some spaxels of a block and put them into its maps."""
        photometry = None if bands is None else tuple(values[index] for values in bands)
        chunk = Chunk(redshift[index], flux, error, photometry, self.counts)
        for name, values in self._predict(chunk, self._seen(chunk)).items():
            maps[name][..., index] = values.T

    def _seen(self, chunk):
        """A chunk as Observations, None if there is nothing to see."""
        if not chunk.without_negative():
            return None
        observations = Observations.empty(len(chunk.redshift), self.instrument)
        spectra = None if chunk.flux is None else (chunk.flux, chunk.error)
        masked = self.model.masks_emission_lines
        rest_frame.fill(observations, 0, spectra, chunk.bands, chunk.redshift, masked)
        return observations

    def _predict(self, chunk, observations):
        """Answers (dict of arrays, one row each) to what was seen of a chunk, if anything."""
        if observations is None:
            return {}
        answers = self.model.answer(observations)
        found = derived(answers, *self._light(chunk), self.field.area_pc2, self.quantities)
        return {**{name: answers[name] for name in self.sizes}, **found}

    def _light(self, chunk):
        """log10 of the luminosity per area [L_sun / pc2] and its error [dex]: from the luminosity
        band where it was observed, else from the spectrum."""
        if self.field.spaxel_area is None:
            return None, None
        flux, error = (np.full(len(chunk.redshift), np.nan) for _ in range(2))
        if chunk.flux is not None:
            flux, error = self.light(chunk.flux, chunk.error)
        if chunk.bands is not None and self.luminosity_band is not None:
            band = [values[:, self.luminosity_band] for values in chunk.bands]
            seen = (band[1] > 0) & (band[0] > 0)
            flux, error = (np.where(seen, *pair) for pair in zip(band, (flux, error), strict=True))
        area, z = self.field.spaxel_area, chunk.redshift
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = error / flux / np.log(10)
        return surface_luminosity(flux, area, self.instrument, z), spread

    def _bands(self, rows):
        """Band fluxes and errors of some rows, Milky Way removed, (n, n_bands) each, or None."""
        if self.field.bands is None:
            return None
        return tuple(
            values.reshape(len(values), -1).T * self.clear for values in self.field.bands.rows(rows)
        )

    def _redshift(self, rows):
        """Redshifts of some rows, flat."""
        n = (rows.stop - rows.start) * self.shape[1]
        if np.ndim(self.field.redshift) == 0:
            return np.full(n, float(self.field.redshift))
        return self.field.redshift[rows].ravel()

    def _band_brightness(self, bands):
        flux, error = (values[:, self.field.light_band] for values in bands)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(error > 0, flux, np.nan), np.where(error > 0, flux / error, np.nan)

    def _bins(self, progress):
        """Add spaxels up by bin, answer the bins, paint them back onto the spaxels."""
        white, means, bands, redshift = self._stacked(progress)
        n = self.field.n_bins
        maps, snr = self._blank(n), np.full(n, np.nan)
        for part in _chunks(np.arange(n)):
            photometry = None if bands is None else bands.mean(part)
            if isinstance(self.spectra, NoSpectra):
                flux = error = None
                snr[part] = self._band_brightness(photometry)[1]
            else:
                flux, error = means.read(part[0], part[-1] + 1)
                snr[part] = brightness(flux, error)[1]
            chunk = Chunk(redshift[part], flux, error, photometry, self.counts)
            seen = self._seen(chunk)
            for name, values in self._predict(chunk, seen).items():
                maps[name][..., part] = values.T
            if self.samples and seen is not None:
                self._draw(part, seen)
            progress(len(part))
        self.counts.answered = np.count_nonzero((maps["flag"] & Flag.NO_DATA) == 0)
        for rows in self.blocks:
            bins = self.field.bins[rows].ravel()
            painted = {name: values[..., bins] for name, values in maps.items()}
            for name, values in painted.items():
                values[..., bins < 0] = UNANSWERED.get(name, np.nan)
            self._write(rows, painted, white[rows], np.where(bins < 0, np.nan, snr[bins]))
            self.output.write("BIN", rows, bins)

    def _draw(self, part, observations):
        """Keep samples of some bins."""
        n, size = self.field.n_bins, cube_spectra.CHUNK
        for name, values in sample(observations, self.model.model, self.samples, 0, size).items():
            if name not in self.draws:
                self.draws[name] = np.full((n, *values.shape[1:]), np.nan, np.float32)
            self.draws[name][part] = values

    def _stacked(self, progress):
        """White light, spectra and bands by bin, and the bins' mean redshifts.

        Sums are saved now and then; a run that goes on starts from the last that were.
        """
        n, work = self.field.n_bins, self.output.work
        pixels = 0 if isinstance(self.spectra, NoSpectra) else self.instrument.n_pixels
        largest = np.bincount(self.field.bins[self.field.bins >= 0]).max()
        stack = BinStack(n, pixels, largest)
        bands = None if self.field.bands is None else BandStack(n, self.instrument.n_bands)
        white, z = np.full(self.shape, np.nan, np.float32), np.zeros((2, n))
        everything = {"white": white, "redshift": z, **stack.arrays}
        everything |= {} if bands is None else bands.arrays
        first = work.load_stack(**everything) if work is not None and work.resumed else 0
        progress(first * self.shape[1])
        for rows in self.blocks:
            if rows.stop <= first:
                continue
            self._add(rows, white, z, stack, bands)
            progress((rows.stop - rows.start) * self.shape[1])
            if work is not None:
                work.save_stack(rows.stop, **everything)
        means = MeansOnDisk(stack, self.field.covariance, self.output.path.parent)
        with np.errstate(invalid="ignore"):
            return white, means, bands, z[1] / np.where(z[0] > 0, z[0], np.nan)

    def _add(self, rows, white, z, stack, bands):
        """Add some rows to the sums."""
        bins, redshift = self.field.bins[rows].ravel(), self._redshift(rows)
        n = self.field.n_bins
        used = (bins >= 0) & np.isfinite(redshift)
        z[0] += np.bincount(bins[used], minlength=n)
        z[1] += np.bincount(bins[used], redshift[used], n)
        photometry = self._bands(rows)
        if bands is not None:
            bands.add(bins, *photometry)
        if isinstance(self.spectra, NoSpectra):
            white[rows] = self._band_brightness(photometry)[0].reshape(white[rows].shape)
        for index, flux, error in self.spectra.resampled(rows):
            white[rows].ravel()[index] = brightness(flux, error)[0]
            stack.add(bins[index], flux, error)

    def _blank(self, n):
        """Maps of n spaxels without an answer, by column name."""
        sizes = self.sizes | {name: 1 for q in self.quantities for name in q.columns}
        maps = {}
        for name, size in sizes.items():
            maps[name] = np.full(n if size == 1 else (size, n), np.nan, np.float32)
        whole = {name: np.full(n, value, np.int32) for name, value in UNANSWERED.items()}
        return maps | whole

    def _write(self, rows, maps, white, snr):
        for name, values in maps.items():
            self.output.write(name.upper(), rows, values)
        self.output.write("WHITE", rows, white)
        self.output.write("SNR", rows, snr)


def _chunks(index):
    """Some indices, as many at a time as are answered at a time."""
    for start in range(0, len(index), cube_spectra.CHUNK):
        yield index[start : start + cube_spectra.CHUNK]
