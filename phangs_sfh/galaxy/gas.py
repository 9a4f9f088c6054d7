"""Ionised gas: lines and continuum of Cloudy clouds lit by the young stars.

The embedded tables (``scripts/build/gas_grid.py``) give the gas around a BC03 population of each
age, metallicity and ionisation parameter, with all its ionising photons absorbed.
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from astropy.io import fits
from scipy.special import ndtr

from phangs_sfh.files import checksums
from phangs_sfh.galaxy import photometry
from phangs_sfh.instrument.constants import FWHM_PER_SIGMA, SPEED_OF_LIGHT

FILE = "cloudy_bc03.fits"
OLDEST_YR = 3e7
"""Stars older than this light no gas: below 1e-4 of a young population's ionising light."""

REACH = 4.5  # [σ] beyond which a line's wings are left out: 7e-6 of its flux


@dataclass(frozen=True)
class GasGrid:
    """Cloudy tables.

    Attributes
    ----------
    lines : (n_z, n_u, n_age, n_lines) array [L_sun per M_sun formed]
    continuum : (n_z, n_u, n_age, n_wave) array [L_sun / Å per M_sun formed]
    line_names : list of str
    line_wave : (n_lines,) array [Å], air
    wave : (n_wave,) array [Å]
    age : (n_age,) array [yr]
    metallicity : (n_z,) array, mass fraction
    log_u : (n_u,) array
    """

    lines: np.ndarray
    continuum: np.ndarray
    line_names: list
    line_wave: np.ndarray
    wave: np.ndarray
    age: np.ndarray
    metallicity: np.ndarray
    log_u: np.ndarray


@cache
def load_gas():
    """The embedded Cloudy tables."""
    source = resources.files("phangs_sfh.data").joinpath(FILE)
    with resources.as_file(source) as path:
        checksums.verify(path.parent, names=(FILE,), remedy="install the package again")
        return _read_gas(path)


def _read_gas(path):
    with fits.open(path) as hdus:
        return GasGrid(
            lines=hdus["LINES"].data.astype(np.float32),
            continuum=hdus["CONT"].data.astype(np.float32),
            line_names=[str(name) for name in hdus["LINEWAVE"].data["name"]],
            line_wave=hdus["LINEWAVE"].data["wave"].astype(float),
            wave=hdus["CONTWAVE"].data.astype(float),
            age=hdus["AGE"].data.astype(float),
            metallicity=hdus["METALS"].data.astype(float),
            log_u=hdus["LOGU"].data.astype(float),
        )


@dataclass(frozen=True)
class Gas:
    """Gas of n galaxies, each an (n,) array.

    Attributes
    ----------
    covering : share of the ionising photons that the gas absorbs; 0 turns gas off
    log_u : ionisation parameter, log10
    mh : [M/H] of the gas [dex], relative to the SSPs' Z_sun
    av : A_V of birth clouds on the gas, on top of the diffuse screen [mag]
    sigma : velocity dispersion of the gas [km/s]
    in_spectrum : bool, lines show in the spectrum; False where a pipeline has subtracted them
        (bands and continuum keep the gas)
    """

    covering: np.ndarray
    log_u: np.ndarray
    mh: np.ndarray
    av: np.ndarray
    sigma: np.ndarray
    in_spectrum: np.ndarray


class GasModel:
    """Gas emission on an instrument's grid and in its bands.

    Parameters
    ----------
    grid : GasGrid
    instrument : instrument.description.Instrument
    cell_edges : (n_cells + 1,) array [yr], age cells in which stellar masses are given
    z_sun : float
    """

    def __init__(self, grid, instrument, cell_edges, z_sun):
        self.grid = grid
        self.instrument = instrument
        self.mh = np.log10(grid.metallicity / z_sun)
        n_nodes = len(grid.metallicity) * len(grid.log_u) * len(grid.age)
        self._table = np.concatenate(
            [grid.lines.reshape(n_nodes, -1), grid.continuum.reshape(n_nodes, -1)], axis=1
        )
        middle = 0.5 * (cell_edges[1:] + cell_edges[:-1])
        between = np.sqrt(grid.age[1:] * grid.age[:-1])
        lit = middle < OLDEST_YR
        self._n_lit = int(lit.sum())
        self._cell_node = np.searchsorted(between, middle[lit])
        self._in_range = np.flatnonzero(
            (grid.line_wave > instrument.wave[0] - 20) & (grid.line_wave < instrument.wave[-1] + 20)
        )
        self.wave = np.concatenate([grid.line_wave, grid.wave])
        """[Å] where ``emission`` is given: lines, then continuum."""
        self._band_weights = self._bands()

    def _bands(self):
        """Operator (n_lines + n_wave, n_modelled) from emission to band fluxes."""
        columns = []
        for band in self.instrument.modelled_bands:
            norm = np.trapezoid(band.throughput * band.wave, band.wave)
            at_line = np.interp(self.grid.line_wave, band.wave, band.throughput, 0, 0)
            weights, _ = photometry.band_slices(self.grid.wave, band)
            columns.append(
                np.concatenate([at_line * self.grid.line_wave / norm, weights.sum(axis=1)])
            )
        return np.array(columns).T.astype(np.float32)

    def emission(self, mass, gas):
        """Unattenuated emission.

        Parameters
        ----------
        mass : (n, n_cells) array, mass formed in each age cell
        gas : Gas

        Returns
        -------
        emission : (n, n_lines + n_wave) array; lines [L_sun], continuum [L_sun / Å]
        """
        n_z, n_u, n_age = len(self.mh), len(self.grid.log_u), len(self.grid.age)
        first = np.searchsorted(self._cell_node, np.arange(n_age))
        by_age = np.add.reduceat(mass[:, : self._n_lit], first, axis=1)
        z_share = _shares(gas.mh, self.mh)
        u_share = _shares(gas.log_u, self.grid.log_u)
        weights = np.einsum("nz,nu,na->nzua", z_share, u_share, by_age * gas.covering[:, None])
        return weights.reshape(-1, n_z * n_u * n_age).astype(np.float32) @ self._table

    def add(self, spectrum, bands, emission, transmission, gas, velocity=None):
        """Add attenuated gas to spectra and band fluxes, in place.

        Parameters
        ----------
        spectrum : (n, n_pixels) array [L_sun / Å]
        bands : (n, n_modelled) array [L_sun / Å]
        emission, transmission : (n, n_lines + n_wave) arrays on ``self.wave``
        gas : Gas
        velocity : (n,) array [km/s], of the lines in the spectrum; optional
        """
        seen = emission * transmission
        bands += seen @ self._band_weights
        n_lines = len(self.grid.line_wave)
        spectrum += self._continuum(seen[:, n_lines:])
        strength = seen[:, self._in_range] * gas.in_spectrum[:, None]
        shift = np.zeros(len(spectrum)) if velocity is None else velocity / SPEED_OF_LIGHT
        for number, line in enumerate(self._in_range):
            centre = self.grid.line_wave[line]
            self._add_line(spectrum, centre, centre * shift, strength[:, number], gas.sigma)

    def _continuum(self, seen):
        """Linear interpolation of the smooth continuum to the instrument's grid."""
        index = np.interp(self.instrument.wave, self.grid.wave, np.arange(len(self.grid.wave)))
        left = np.minimum(index.astype(int), len(self.grid.wave) - 2)
        part = (index - left).astype(np.float32)
        return seen[:, left] * (1 - part) + seen[:, left + 1] * part

    def _add_line(self, spectrum, centre, shift, strength, sigma_v):
        """Add one line as a Gaussian integrated over pixels: its flux is kept at any width.

        It lies at ``centre`` [Å] moved by each galaxy's ``shift`` [Å].
        The LSF as measured holds the pixel already, so a pixel's variance is taken off first.
        """
        wave = self.instrument.wave
        step = wave[1] - wave[0]
        lsf = self.instrument.lsf_fwhm(centre) / FWHM_PER_SIGMA
        sigma = np.sqrt(lsf**2 - step**2 / 12 + (sigma_v / SPEED_OF_LIGHT * centre) ** 2)
        reach = REACH * sigma.max() + np.abs(shift).max()
        low, high = np.searchsorted(wave, [centre - reach, centre + reach])
        if low == high:
            return
        edges = np.append(wave[low:high] - step / 2, wave[high - 1] + step / 2)
        offset = edges[None, :] - centre - shift[:, None]
        below = ndtr((offset / sigma[:, None]).astype(np.float32))
        spectrum[:, low:high] += strength[:, None] * np.diff(below, axis=1) / np.float32(step)


def _shares(value, nodes):
    """Weights of linear interpolation, (n, n_nodes); beyond the ends the end node has all."""
    index = np.interp(value, nodes, np.arange(len(nodes)))
    return np.maximum(0.0, 1.0 - np.abs(index[:, None] - np.arange(len(nodes))))
