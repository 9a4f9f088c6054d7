"""Tabulated histories through FSPS and through our forward model with FSPS's own SSPs."""

import numpy as np

from phangs_sfh.galaxy.forward_model import Screen, Stars
from phangs_sfh.galaxy.photometry import band_slices
from phangs_sfh.instrument.refraction import vacuum_to_air
from phangs_sfh.ssp import fsps_engine
from studies.forward_models.without_lsf import GYR, SIGMA_V, model_without_lsf, one


def tabular_histories(time_gyr):
    """Star formation rates at times since the Big Bang [Gyr], by name."""
    return {
        "delayed-τ, table": time_gyr * np.exp(-time_gyr / 4.0),
        "rising with a burst, table": 0.2
        + time_gyr / 13.7
        + 3 * np.exp(-0.5 * ((time_gyr - 12.9) / 0.15) ** 2),
    }


def compare(output):
    """FSPS sums its own SSPs over a tabulated history; we sum the grid made of them."""
    import fsps

    now = 13.7  # [Gyr]
    time_gyr = np.linspace(0.0, now, 6851)
    grid = fsps_engine.load()
    forward = model_without_lsf(grid)
    solar = int(np.argmin(np.abs(grid.mh)))
    peer = fsps.StellarPopulation(
        zcontinuous=0,
        zmet=solar + 1,
        imf_type=2,
        sfh=3,
        add_neb_emission=False,
        add_dust_emission=False,
        sigma_smooth=SIGMA_V,
        min_wave_smooth=4000,
        max_wave_smooth=7300,
    )
    histories = tabular_histories(time_gyr)
    found = {"wave": forward.instrument.wave, "names": np.array(list(histories))}
    found["continuum"] = np.ones(forward.instrument.n_pixels, bool)
    for name in ("our_spectra", "our_bands", "spectra", "bands"):
        found[name] = []
    none = one(0.0)
    screen = Screen(none.astype(int), none, none + 0.7, none, none + 1.0, one(SIGMA_V))
    for rate in histories.values():
        formed = np.concatenate([[0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(time_gyr))])
        older = np.interp(now - forward.cell_edges / GYR, time_gyr, formed, left=0.0)
        mass = -np.diff(older)[None] / formed[-1]
        spectrum, bands = forward.noiseless(Stars(mass, np.full_like(mass, grid.mh[solar])), screen)
        found["our_spectra"].append(spectrum[0])
        found["our_bands"].append(bands[0])
        peer.set_tabular_sfh(time_gyr, rate)
        vacuum, luminosity = peer.get_spectrum(tage=now, peraa=True)
        used = (vacuum > 1900) & (vacuum < 10600)
        wave, luminosity = vacuum_to_air(vacuum[used]), luminosity[used] / (formed[-1] * GYR)
        found["spectra"].append(np.interp(forward.instrument.wave, wave, luminosity))
        slices = [band_slices(wave, band)[0] for band in forward.instrument.bands]
        found["bands"].append([(luminosity @ weights).sum() for weights in slices])
    np.savez(output, **found)
