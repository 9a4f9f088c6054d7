"""SSP templates for pPXF from this package's own grid, so that codes differ and not libraries.

Templates are what the instrument would see of each SSP (its LSF, its pixels), log-rebinned with
pPXF's own routine as the galaxy is, and divided by their F555W flux: weights are then dust-free
light fractions, which is what pPXF's author regularises.
"""

from dataclasses import dataclass

import numpy as np

from phangs_sfh.galaxy import ages, kinematics, photometry
from phangs_sfh.instrument.constants import SPEED_OF_LIGHT

LOG_AGE_STEP = 0.2
"""Step of the age grid [dex]: with 0.1 answers are no better and take three times as long."""
YOUNGEST_YR = 1e6
MARGIN_PIXELS = 28  # [35 Å] on each side, room for velocities and 5 σ at 300 km/s


@dataclass(frozen=True)
class PpxfTemplates:
    """Templates and what they stand for.

    Attributes
    ----------
    wave : (n_temp,) array [Å], uniform in ln λ
    velscale : float [km/s]
    spectra : (n_temp, n_age, n_z) array, mean F555W flux 1
    bands : (n_bands, n_age, n_z) array, mean flux in the same unit
    band_wave : (n_bands, n_age, n_z) array [Å], effective wavelength of each template in each band
    light_per_mass : (n_age, n_z) array, F555W f_λ luminosity per mass formed
    log_age : (n_age,) array [log10 yr]
    mh : (n_z,) array [dex]
    bins : (n_age, 16) array, share of each template's mass in each age bin; rows sum to 1
    """

    wave: np.ndarray
    velscale: float
    spectra: np.ndarray
    bands: np.ndarray
    band_wave: np.ndarray
    light_per_mass: np.ndarray
    log_age: np.ndarray
    mh: np.ndarray
    bins: np.ndarray


def make_templates(ssp, instrument, log_age_step=LOG_AGE_STEP):
    """Templates on a logarithmic grid of ages and all metallicities of a grid.

    Parameters
    ----------
    ssp : ssp.grid.SSPGrid; bands that it does not cover get NaN
    instrument : instrument.description.Instrument
    log_age_step : float [dex]

    Returns
    -------
    templates : PpxfTemplates
    """
    from ppxf import ppxf_util

    chosen = choose_ages(ssp.age, log_age_step)
    luminosity = np.asarray(ssp.luminosity[:, chosen], dtype=float)
    step = instrument.wave[1] - instrument.wave[0]
    beyond = step * MARGIN_PIXELS
    wave = np.arange(
        instrument.wave[0] - beyond, instrument.wave[-1] + beyond + step / 2, step
    )  # on the galaxy's pixels, so that rebinning treats both alike
    used = (ssp.wave > wave[0] - 20) & (ssp.wave < wave[-1] + 20)
    seen = kinematics.match_lsf(
        luminosity[:, :, used], ssp.wave[used], instrument, ssp.resolution_fwhm, wave
    )
    velscale = galaxy_velscale(instrument.wave)
    stacked = seen.transpose(2, 1, 0).reshape(len(wave), -1)
    spectra, ln_wave = ppxf_util.log_rebin(wave, stacked, velscale=velscale)[:2]
    spectra = spectra.reshape(len(ln_wave), len(chosen), len(ssp.metallicity))
    bands, band_wave = band_templates(ssp.wave, luminosity, instrument)
    light = bands[instrument.band_names.index(instrument.luminosity_band)]
    log_age = np.log10(ssp.age[chosen])
    return PpxfTemplates(
        wave=np.exp(ln_wave),
        velscale=velscale,
        spectra=spectra / light,
        bands=bands / light,
        band_wave=band_wave,
        light_per_mass=light,
        log_age=log_age,
        mh=ssp.mh,
        bins=bin_shares(log_age),
    )


def galaxy_velscale(wave):
    """Velocity step [km/s] of a log-rebinned spectrum with as many pixels as ``wave``."""
    step = wave[1] - wave[0]
    limits = np.log([wave[0] - step / 2, wave[-1] + step / 2])
    return SPEED_OF_LIGHT * (limits[1] - limits[0]) / len(wave)


def choose_ages(age, log_age_step):
    """Indices of the ages nearest to a logarithmic grid, from 1 Myr to the age of the Universe."""
    wanted = np.arange(np.log10(YOUNGEST_YR), np.log10(ages.MAX_AGE_YR) + 0.01, log_age_step)
    wanted = wanted[wanted > np.log10(age[0]) - log_age_step / 2]
    nearest = np.abs(np.log10(age)[None, :] - wanted[:, None]).argmin(axis=1)
    return np.unique(nearest)


def bin_shares(log_age):
    """Share of a template's mass in the 16 bins, at a constant rate over the ages it stands for.

    Returns
    -------
    shares : (n_age, 16) array
    """
    middle = 0.5 * (log_age[1:] + log_age[:-1])
    edges = np.concatenate([[0.0], 10.0**middle, [ages.MAX_AGE_YR]])
    low, high = edges[:-1, None], edges[1:, None]
    overlap = np.minimum(high, ages.EDGES_YR[1:]) - np.maximum(low, ages.EDGES_YR[:-1])
    overlap = np.maximum(overlap, 0.0)
    return overlap / overlap.sum(axis=1, keepdims=True)


def band_templates(wave, luminosity, instrument):
    """Mean flux and effective wavelength of templates in the instrument's bands.

    Parameters
    ----------
    wave : (n_wave,) array [Å]
    luminosity : (n_z, n_age, n_wave) array

    Returns
    -------
    flux, effective_wave : (n_bands, n_age, n_z) arrays; NaN in bands that ``wave`` does not cover
        (Bessell & Murphy 2012, equations A11 and A21)
    """
    shape = (instrument.n_bands, luminosity.shape[1], luminosity.shape[0])
    flux, effective = np.full(shape, np.nan), np.full(shape, np.nan)
    for number, band in enumerate(instrument.bands):
        if wave[0] > band.wave[0] or wave[-1] < band.wave[-1]:
            continue
        weights, centres = photometry.band_slices(wave, band)
        slices = luminosity @ weights
        flux[number] = slices.sum(axis=-1).T
        effective[number] = (slices @ centres / slices.sum(axis=-1)).T
    return flux, effective


def line_bands(wave, lines, instrument):
    """Mean flux of emission-line templates in the bands, and the lines' wavelengths.

    Parameters
    ----------
    wave : (n_temp,) array [Å], uniform in ln λ
    lines : (n_temp, n_lines) array

    Returns
    -------
    flux, effective_wave : (n_bands, n_lines) arrays
    """
    weight = wave * np.gradient(wave)
    flux = []
    for band in instrument.bands:
        response = np.interp(wave, band.wave, band.throughput, left=0.0, right=0.0)
        full = np.trapezoid(band.throughput * band.wave, band.wave)
        flux.append((response * weight) @ lines / full)
    centre = (wave @ lines) / lines.sum(axis=0)
    return np.array(flux), np.broadcast_to(centre, (instrument.n_bands, lines.shape[1]))
