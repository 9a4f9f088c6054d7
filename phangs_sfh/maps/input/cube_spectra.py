"""The spectra of a cube on the rest-frame grid, block by block of image rows.

Spaxels share their wavelengths, so the way to the grid is one sparse matrix per redshift (see
``shared_grid``); only the channels that reach the grid are read.
"""

from dataclasses import replace

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.constants import SPEED_OF_LIGHT
from phangs_sfh.instrument.milky_way import dereddening
from phangs_sfh.observations.rest_frame import row_medians
from phangs_sfh.observations.shared_grid import SharedGrid, channels_needed

BLOCK_BYTES = 48e6
"""Flux, variance and mask of the rows that are held at a time."""

BLOCK_PIXELS = 200_000
"""Pixels answered at a time where there are no spectra."""

CHUNK = 256
"""Spectra resampled and answered at a time."""

VELOCITY_STEP = 10.0
"""Velocities are rounded to this [km/s] to share resampling weights; the model is trained with
velocity errors of 15 km/s, and a grid pixel is 53 to 78 km/s wide."""

SNR_STEP = 10
"""Every so many channels are read to tell the S/N of a spaxel before it is binned."""


class CubeSpectra:
    """Spectra of a cube on the model's grid.

    Parameters
    ----------
    cube : Cube
    redshift : float or (ny, nx) array, NaN = unknown: no spectrum
    instrument : Instrument
    ebv : E(B-V) of the Milky Way [mag], removed

    Raises
    ------
    InputError
        If no wavelength of the cube reaches the model's grid.
    """

    def __init__(self, cube, redshift, instrument, ebv=0.0):
        self.cube = replace(cube, factor=cube.factor * dereddening(cube.wave, ebv))
        self.instrument, self.redshift, self.grids = instrument, redshift, {}
        known = np.unique(np.asarray(redshift)[np.isfinite(redshift)])
        if len(known) == 1:  # one redshift for all is taken as it is, a map of them in steps
            self.redshift_of = {0.0: known[0]}
        else:
            steps = np.unique(np.rint(np.log1p(known) * SPEED_OF_LIGHT / VELOCITY_STEP))
            self.redshift_of = {s: np.expm1(s * VELOCITY_STEP / SPEED_OF_LIGHT) for s in steps}
        redshifts = list(self.redshift_of.values())
        self.channels = channels_needed(cube.wave, redshifts, cube.vacuum, instrument)
        if self.channels.stop - self.channels.start < 2:
            raise InputError(
                f"{cube.path}: wavelengths {cube.wave[0]:.0f}-{cube.wave[-1]:.0f} Angstrom miss "
                f"the rest-frame grid {instrument.wave[0]:g}-{instrument.wave[-1]:g} at "
                f"redshift {redshifts[0]:g}; check --redshift and CRVAL3"
            )

    def blocks(self):
        """Image rows that fit into memory (slices)."""
        ny, nx = self.cube.shape
        size = nx * (self.channels.stop - self.channels.start) * 9
        step = max(1, int(BLOCK_BYTES // size))
        return [slice(y, min(y + step, ny)) for y in range(0, ny, step)]

    def resampled(self, rows):
        """Spectra of some image rows on the grid, in chunks.

        Yields
        ------
        index : spaxels within the rows
        flux, error : (n, n_pixels) float32 arrays, error 0 = missing
        """
        step = self._steps(rows)
        flux, variance = self.cube.read(self.channels, rows)
        seen = variance.any(axis=0) & np.isfinite(step)
        for this in np.unique(step[seen]):
            index = np.flatnonzero(seen & (step == this))
            for start in range(0, len(index), CHUNK):
                part = index[start : start + CHUNK]
                # spaxels of a row are neighbours in memory: a slice is faster than an index
                if part[-1] - part[0] == len(part) - 1:
                    columns = slice(part[0], part[-1] + 1)
                else:
                    columns = part
                on_grid = self._grid(this).resample(flux[:, columns], variance[:, columns])
                yield part, *(np.ascontiguousarray(values.T) for values in on_grid)

    def _steps(self, rows):
        """Key into ``redshift_of`` of every spaxel of some rows, NaN where it has none."""
        width = self.cube.shape[1]
        if np.ndim(self.redshift) == 0:
            return np.zeros((rows.stop - rows.start) * width)
        redshift = self.redshift[rows].ravel()
        if len(self.redshift_of) == 1:
            return np.where(np.isfinite(redshift), 0.0, np.nan)
        return np.rint(np.log1p(redshift) * SPEED_OF_LIGHT / VELOCITY_STEP)

    def _grid(self, step):
        if step not in self.grids:
            wave = self.cube.wave[self.channels]
            self.grids[step] = SharedGrid(
                wave, self.redshift_of[step], self.cube.vacuum, self.instrument
            )
        return self.grids[step]

    def signal_and_noise(self):
        """Mean flux and its noise per grid pixel of every spaxel, from a tenth of the channels.

        Returns
        -------
        signal, noise : (ny, nx) float32 arrays, NaN where no channel is good
        """
        shape, wave = self.cube.shape, self.cube.wave[self.channels]
        everything = slice(0, shape[0])
        signal, variance, count = (np.zeros(shape[0] * shape[1], np.float32) for _ in range(3))
        for channel in range(self.channels.start, self.channels.stop, SNR_STEP):
            flux, noise = self.cube.read(slice(channel, channel + 1), everything)
            signal += flux[0]
            variance += noise[0]
            count += noise[0] > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            # a grid pixel holds this many channels
            channels = self.instrument.wave[1] - self.instrument.wave[0]
            channels *= (1 + np.mean(list(self.redshift_of.values()))) / np.median(np.diff(wave))
            noise = np.sqrt(variance / count / channels)
            return (signal / count).reshape(shape), noise.reshape(shape)


class NoSpectra:
    """Stands in for the spectra where there are images alone."""

    def __init__(self, shape):
        self.shape = shape

    def blocks(self):
        """Image rows that fit into memory (slices)."""
        ny, nx = self.shape
        step = max(1, BLOCK_PIXELS // nx)
        return [slice(y, min(y + step, ny)) for y in range(0, ny, step)]

    def resampled(self, rows):
        """No spectrum."""
        return iter(())


def brightness(flux, error):
    """Mean flux and median S/N over the pixels present of spectra (n, n_pixels); NaN if none."""
    present = error > 0
    n = present.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(n > 0, flux.sum(axis=1, where=present) / n, np.nan)
        return mean, row_medians(flux / error, present)
