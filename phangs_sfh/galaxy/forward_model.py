"""The forward model: from physical parameters to noiseless spectra, band fluxes and labels."""

from copy import copy
from dataclasses import dataclass

import numpy as np

from phangs_sfh.galaxy import ages, dust, formation, kinematics
from phangs_sfh.galaxy.gas import GasModel, load_gas
from phangs_sfh.galaxy.templates import prepare


@dataclass(frozen=True)
class Stars:
    """Who the stars are, for n galaxies: mass and metallicity in every age cell.

    Attributes
    ----------
    mass : (n, n_cells) array, fractions of the mass formed, summing to 1
    mh : (n, n_cells) array, [M/H] of each cell [dex], also where no stars formed
    """

    mass: np.ndarray
    mh: np.ndarray


@dataclass(frozen=True)
class Screen:
    """Dust and kinematics of n galaxies, each an (n,) array.

    ``law`` is an index into ``dust.LAWS``; ``slope`` is used by the power law alone.

    Attributes
    ----------
    av : diffuse A_V on all stars [mag]
    slope : slope of the diffuse power law
    av_young : additional A_V of birth clouds, on stars under 10 Myr [mag]
    slope_young : slope of the birth clouds' power law
    sigma_v : velocity dispersion of the stars [km/s]
    velocity : of stars and gas beyond the redshift that is taken off [km/s]; None for 0
    """

    law: np.ndarray
    av: np.ndarray
    slope: np.ndarray
    av_young: np.ndarray
    slope_young: np.ndarray
    sigma_v: np.ndarray
    velocity: np.ndarray | None = None


class ForwardModel:
    """Sums SSPs into galaxies for one SSP grid and one instrument.

    Parameters
    ----------
    ssp : ssp.grid.SSPGrid
    instrument : instrument.description.Instrument
    """

    def __init__(self, ssp, instrument):
        self.ssp = ssp
        self.instrument = instrument
        self.templates = prepare(ssp, instrument)
        self._resample = kinematics.resampling_matrix(self.templates.log_wave, instrument.wave)
        self.gas = GasModel(load_gas(), instrument, self.templates.cell_edges, ssp.z_sun)
        self._n_log = len(self.templates.log_wave)
        self._absorbed_wave = np.concatenate(
            [self.templates.log_wave, self.templates.slice_wave, self.gas.wave]
        ).astype(np.float32)
        self._fixed_laws = _f32(dust.fixed_laws(self._absorbed_wave.astype(float)))

    @property
    def cell_edges(self):
        """Edges of the age cells in which masses are given [yr], shape (n_cells + 1,)."""
        return self.templates.cell_edges

    def with_templates(self, templates):
        """The same model on other SSPs of the same shapes (``ssp_errors.ErrorModel.draw``)."""
        other = copy(self)
        other.templates = templates
        return other

    def noiseless(self, stars, screen, gas=None):
        """Noiseless spectra and band fluxes.

        Parameters
        ----------
        stars : Stars
        screen : Screen
        gas : gas.Gas, or None for stars alone

        Returns
        -------
        spectrum : (n, n_pixels) array [L_sun / Å per M_sun formed], rest frame, instrument's grid
        bands : (n, n_modelled) array, photon-weighted mean f_λ in the same unit, of the
            instrument's ``modelled_bands``
        """
        t = self.templates
        n_rows = t.rows.shape[1]
        weights = self.ssp_weights(stars).astype(np.float32)
        split = t.n_young * len(t.mh)
        diffuse = self._diffuse(screen)
        birth_cloud = dust.power_law(self._absorbed_wave, _f32(screen.slope_young))
        total = weights[:, :split] @ t.rows[:split]
        total *= dust.transmission(_f32(screen.av_young), birth_cloud[:, :n_rows])
        total += weights[:, split:] @ t.rows[split:]
        total *= diffuse[:, :n_rows]
        broadened = kinematics.broaden(
            total[:, : self._n_log], t.velocity_step, _f32(screen.sigma_v), screen.velocity
        )
        spectrum = np.ascontiguousarray((self._resample.T @ broadened.T).T)
        n_bands = len(self.instrument.modelled_bands)
        in_band = t.slice_band[:, None] == np.arange(n_bands)[None, :]
        bands = total[:, self._n_log :] @ in_band.astype(np.float32)
        if gas is not None:
            emission = self.gas.emission(stars.mass, gas)
            passed = diffuse[:, n_rows:]
            passed *= dust.transmission(_f32(gas.av), birth_cloud[:, n_rows:])
            self.gas.add(spectrum, bands, emission, passed, gas, screen.velocity)
        return spectrum, bands

    def _diffuse(self, screen):
        """Transmission of the diffuse screen, (n, n_absorbed_wave)."""
        relative = dust.power_law(self._absorbed_wave, _f32(screen.slope))
        fixed = screen.law > 0
        relative[fixed] = self._fixed_laws[screen.law[fixed] - 1]
        return dust.transmission(_f32(screen.av), relative)

    def ssp_weights(self, stars):
        """Mass of every SSP, linear in [M/H] between the grid's metallicities.

        Returns
        -------
        weights : (n, n_age * n_z) array, age-major; rows sum to 1
        """
        t = self.templates
        n_z = len(t.mh)
        index = np.interp(stars.mh, t.mh, np.arange(n_z))
        share = np.maximum(0.0, 1.0 - np.abs(index[..., None] - np.arange(n_z)))
        weights = stars.mass[..., None] * share
        first_cell = np.searchsorted(t.cell_ssp, np.arange(len(t.age)))
        return np.add.reduceat(weights, first_cell, axis=1).reshape(len(weights), -1)

    def labels(self, stars, bands):
        """What the network learns to predict.

        Parameters
        ----------
        stars : Stars
        bands : (n, n_modelled) array as returned by ``noiseless``

        Returns
        -------
        labels : dict of arrays
            ``sfh`` (n, 16) mass fractions; ``mh`` (n, 16) mass-weighted [M/H], in a bin without
            stars the relation's value there; ``mw_logage``, ``lw_logage`` (n,) [log10 yr],
            ``mw_mh``, ``lw_mh`` (n,) [dex], weighted by mass formed or by dust-free light in the
            luminosity band; ``logml`` (n,) log10 of the mass formed per luminosity as observed,
            dust included [solar units]; ``logt50``, ``logt90`` (n,) log10 of the lookback times at
            which 50 and 90 % of the mass had formed [yr].
        """
        t = self.templates
        first_cell = np.searchsorted(t.cell_bin, np.arange(ages.N_BINS))
        sfh = np.add.reduceat(stars.mass, first_cell, axis=1)
        # The tiny constant gives a bin without stars its plain average and changes no other.
        width = np.diff(t.cell_edges)
        weight = stars.mass + 1e-12 * width / np.add.reduceat(width, first_cell)[t.cell_bin]
        mh = np.add.reduceat(weight * stars.mh, first_cell, axis=1)
        mh /= np.add.reduceat(weight, first_cell, axis=1)
        log_age = np.log10(0.5 * (t.cell_edges[1:] + t.cell_edges[:-1]))
        light = stars.mass * self._cell_luminosity(stars.mh)
        light /= light.sum(axis=1, keepdims=True)
        observed = bands[:, self.instrument.luminosity_index]
        times = {
            f"logt{percent}": np.log10(
                formation.formation_time(stars.mass, t.cell_edges, percent / 100)
            )
            for percent in (50, 90)
        }
        return times | {
            "sfh": sfh,
            "mh": mh,
            "mw_logage": stars.mass @ log_age,
            "lw_logage": light @ log_age,
            "mw_mh": np.sum(stars.mass * stars.mh, axis=1),
            "lw_mh": np.sum(light * stars.mh, axis=1),
            "logml": np.log10(self.instrument.solar_luminosity / observed),
        }

    def _cell_luminosity(self, mh):
        """Luminosity per mass formed of every cell, linear in [M/H], shape (n, n_cells)."""
        t = self.templates
        index = np.clip(np.interp(mh, t.mh, np.arange(len(t.mh))), 0, len(t.mh) - 1 - 1e-9)
        low = index.astype(int)
        part = index - low
        cell = np.arange(len(t.cell_ssp))[None, :]
        table = t.luminosity[t.cell_ssp]
        return table[cell, low] * (1 - part) + table[cell, low + 1] * part


def _f32(values):
    return np.asarray(values, dtype=np.float32)
