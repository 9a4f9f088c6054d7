"""SSP spectra as the instrument sees them: prepared once, summed for every galaxy.

Each SSP becomes one row: its spectrum at the instrument's line-spread function on a grid uniform
in ln λ, followed by its flux in every slice of every band. A galaxy is then a matrix product.
"""

from dataclasses import dataclass

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.galaxy import ages, dust, kinematics, photometry


@dataclass(frozen=True)
class Templates:
    """Prepared SSPs.

    Attributes
    ----------
    rows : (n_age * n_z, n_log + n_slices) float32 array, age-major [L_sun / Å per M_sun formed]
    age : (n_age,) array [yr]
    mh : (n_z,) array [dex]
    n_young : number of ages inside birth clouds; they come first
    cell_edges : (n_cells + 1,) array [yr], union of SSP cells and age bins up to 13.8 Gyr
    cell_ssp : (n_cells,) int array, SSP age that stands for each cell
    cell_bin : (n_cells,) int array, age bin of each cell
    log_wave : (n_log,) array [Å], uniform in ln λ
    velocity_step : float [km/s]
    slice_wave : (n_slices,) array [Å]
    slice_band : (n_slices,) int array, band of each slice
    luminosity_slices : (n_slices,) bool array, slices of the instrument's luminosity band
    luminosity : (n_age, n_z) array, mean f_λ luminosity in that band
    """

    rows: np.ndarray
    age: np.ndarray
    mh: np.ndarray
    n_young: int
    cell_edges: np.ndarray
    cell_ssp: np.ndarray
    cell_bin: np.ndarray
    log_wave: np.ndarray
    velocity_step: float
    slice_wave: np.ndarray
    slice_band: np.ndarray
    luminosity_slices: np.ndarray
    luminosity: np.ndarray


def age_cells(ssp_age):
    """Cut lookback time into cells that lie in one SSP's reach and in one age bin each.

    An SSP stands for the ages up to the geometric mean with its neighbours, the first one for all
    younger ages.

    Returns
    -------
    edges : (n_cells + 1,) array [yr]
    ssp, age_bin : (n_cells,) int arrays
    """
    between = np.sqrt(ssp_age[1:] * ssp_age[:-1])
    inner = between[between < ages.MAX_AGE_YR]
    edges = np.unique(np.concatenate([inner, ages.EDGES_YR]))
    middle = 0.5 * (edges[1:] + edges[:-1])
    ssp = np.searchsorted(between, middle)
    age_bin = np.searchsorted(ages.EDGES_YR, middle, side="right") - 1
    return edges, ssp, age_bin


def prepare(ssp, instrument):
    """Prepare an SSP grid for an instrument.

    Parameters
    ----------
    ssp : ssp.grid.SSPGrid
    instrument : instrument.description.Instrument

    Raises
    ------
    InputError
        If the grid does not cover the instrument's wavelengths or the age of the Universe, or the
        instrument's lines are narrower than its pixels.
    """
    narrowest, step = instrument.lsf_fwhm(instrument.wave).min(), np.diff(instrument.wave[:2])[0]
    if narrowest < step:
        raise InputError(
            f"instrument '{instrument.name}': lines are {narrowest:.1f} Å wide, pixels {step:.1f} "
            "Å; give the line-spread function as measured, pixels included, or a finer grid"
        )
    edges, cell_ssp, cell_bin = age_cells(ssp.age)
    n_age = cell_ssp[-1] + 1
    if ssp.age[-1] < 0.9 * ages.MAX_AGE_YR:
        raise InputError(
            f"SSP grid: ages end at {ssp.age[-1] / 1e9:.1f} Gyr; use a grid that reaches 13.8 Gyr"
        )
    log_wave, velocity_step = kinematics.log_grid(instrument.wave)
    spectra = _spectra(ssp, instrument, log_wave, n_age)
    weights, slice_wave, slice_band = [], [], []
    for number, band in enumerate(instrument.modelled_bands):
        weight, centres = photometry.band_slices(ssp.wave, band)
        weights.append(weight)
        slice_wave.append(centres)
        slice_band.append(np.full(len(centres), number))
    slice_band = np.concatenate(slice_band)
    slices = ssp.luminosity[:, :n_age] @ np.concatenate(weights, axis=1)
    light = slice_band == instrument.luminosity_index
    rows = np.concatenate([spectra, slices], axis=-1).transpose(1, 0, 2)
    return Templates(
        rows=np.ascontiguousarray(rows.reshape(-1, rows.shape[-1]), dtype=np.float32),
        age=ssp.age[:n_age],
        mh=ssp.mh,
        n_young=int(np.sum(ssp.age < dust.BIRTH_CLOUD_AGE_YR)),
        cell_edges=edges,
        cell_ssp=cell_ssp,
        cell_bin=cell_bin,
        log_wave=log_wave,
        velocity_step=velocity_step,
        slice_wave=np.concatenate(slice_wave),
        slice_band=slice_band,
        luminosity_slices=light,
        luminosity=slices[..., light].sum(axis=-1).T,
    )


def _spectra(ssp, instrument, log_wave, n_age):
    """Spectra at the instrument's LSF on ``log_wave``, shape (n_z, n_age, n_log)."""
    margin = 20.0  # [Å], room for the LSF's wings
    used = (ssp.wave > log_wave[0] - margin) & (ssp.wave < log_wave[-1] + margin)
    wave = ssp.wave[used]
    steps = np.diff(wave)
    if len(wave) < 2 or wave[0] > log_wave[0] or wave[-1] < log_wave[-1]:
        raise InputError(
            f"SSP grid: {ssp.wave[0]:.0f}-{ssp.wave[-1]:.0f} Å does not cover the instrument's "
            f"{log_wave[0]:.0f}-{log_wave[-1]:.0f} Å; use a grid that does"
        )
    if np.ptp(steps) > 0.01 * steps.mean() or steps.mean() > ssp.resolution_fwhm:
        raise InputError(
            "SSP grid: sampling is not uniform, or coarser than its resolution, across the "
            f"instrument's {log_wave[0]:.0f}-{log_wave[-1]:.0f} Å; use a grid sampled finely there"
        )
    return kinematics.match_lsf(
        ssp.luminosity[:, :n_age, used], wave, instrument, ssp.resolution_fwhm, log_wave
    )
