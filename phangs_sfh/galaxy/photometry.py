"""Band fluxes: photon-weighted mean f_λ, <f> = ∫ f λ T dλ / ∫ λ T dλ."""

import numpy as np

from phangs_sfh.errors import InputError

SLICE_WIDTH = 40.0
"""[Å] width of the slices into which bands are cut, narrow enough for attenuation to be constant
in each: band fluxes change by less than 0.001 mag if it is halved."""


def band_slices(wave, band, width=SLICE_WIDTH):
    """Linear operator from a spectrum to the flux of a band, cut into slices of wavelength.

    Parameters
    ----------
    wave : (n_wave,) array [Å] on which spectra are sampled
    band : instrument.Band
    width : float [Å]

    Returns
    -------
    weights : (n_wave, n_slices) array; ``spectra @ weights`` sums over slices to the band flux
    centres : (n_slices,) array [Å], photon-weighted mean wavelength of each slice

    Raises
    ------
    InputError
        If the spectra do not cover the band.
    """
    first, last = band.wave[0], band.wave[-1]
    if wave[0] > first or wave[-1] < last:
        raise InputError(
            f"SSP grid: {wave[0]:.0f}-{wave[-1]:.0f} Å does not cover {band.name} "
            f"({first:.0f}-{last:.0f} Å); use a grid that does, or leave the band out"
        )
    nodes = np.unique(np.concatenate([wave[(wave > first) & (wave < last)], band.wave]))
    node_weight = np.interp(nodes, band.wave, band.throughput) * nodes * _trapezoid_weights(nodes)
    node_weight /= node_weight.sum()
    right = np.clip(np.searchsorted(wave, nodes), 1, len(wave) - 1)
    part = (nodes - wave[right - 1]) / (wave[right] - wave[right - 1])
    n_slices = max(1, int(np.ceil((last - first) / width)))
    number = np.minimum((nodes - first) / (last - first) * n_slices, n_slices - 1).astype(int)
    weights = np.zeros((len(wave), n_slices))
    np.add.at(weights, (right - 1, number), node_weight * (1 - part))
    np.add.at(weights, (right, number), node_weight * part)
    per_slice = np.bincount(number, node_weight, n_slices)
    centres = np.bincount(number, node_weight * nodes, n_slices) / np.maximum(per_slice, 1e-300)
    middle = first + (np.arange(n_slices) + 0.5) * (last - first) / n_slices
    return weights, np.where(per_slice > 0, centres, middle)


def _trapezoid_weights(x):
    gaps = np.diff(x)
    return 0.5 * (np.append(gaps, 0.0) + np.append(0.0, gaps))
