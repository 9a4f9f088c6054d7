"""The same galaxies through this package and through bagpipes or FSPS.

    python -m studies.forward_models bagpipes bagpipes.npz
    SPS_HOME=... python -m studies.forward_models fsps fsps.npz
    python -m studies.forward_models draw bagpipes.npz fsps.npz docs/peers.png

Each galaxy has one star formation history, metallicity, dust and velocity dispersion in both codes;
the instrument's line-spread function is set to the library's own, since bagpipes and FSPS have
none. tests/galaxy/test_against_peers.py holds the tolerances.
"""

import dataclasses
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from phangs_sfh.galaxy import star_formation
from phangs_sfh.galaxy.forward_model import ForwardModel, Screen, Stars
from phangs_sfh.galaxy.gas import Gas
from phangs_sfh.galaxy.photometry import band_slices
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.ssp import bc03, fsps_engine

GYR = 1e9
SIGMA_V = 100.0  # [km/s]
GAS_SIGMA = 5.0  # [km/s], so that lines stay apart
SUN_IN_BAGPIPES = 3.826e33  # [erg/s]
LINES = {
    "H  1  4861.32A": 4861.3,
    "O  3  5006.84A": 5006.8,
    "H  1  6562.80A": 6562.8,
    "N  2  6583.45A": 6583.4,
    "S  2  6716.44A": 6716.4,
}
"""Cloudy's names and wavelengths [Å] of the lines compared."""

GALAXIES = {
    "delayed-τ, solar, no dust": {"delayed": {"age": 10.0, "tau": 3.0, "metallicity": 1.0}},
    "delayed-τ, two-component dust, gas": {
        "delayed": {"age": 10.0, "tau": 6.0, "metallicity": 1.0},
        "dust": {"type": "CF00", "Av": 0.8, "n": 0.7, "eta": 2.0},
        "nebular": {"logU": -3.0},
    },
    "constant for 1 Gyr, 0.4 solar, Calzetti, gas": {
        "constant": {"age_max": 1.0, "age_min": 0.0, "metallicity": 0.4},
        "dust": {"type": "Calzetti", "Av": 0.6},
        "nebular": {"logU": -2.5},
    },
    "double power law, 0.2 solar, Cardelli": {
        "dblplaw": {"tau": 7.0, "alpha": 4.0, "beta": 1.0, "metallicity": 0.2},
        "dust": {"type": "Cardelli", "Av": 1.0},
    },
    "delayed-τ, 0.6 solar (between grid points)": {
        "delayed": {"age": 8.0, "tau": 2.0, "metallicity": 0.6}
    },
    "the same, ours interpolated in Z": {"delayed": {"age": 8.0, "tau": 2.0, "metallicity": 0.6}},
}
"""bagpipes' model components, from which ours are made. bagpipes mixes the SSPs of two grid points
linearly in Z; we do so in [M/H]: the last two show that this is all that stays different."""

IN_Z = "the same, ours interpolated in Z"

LAWS = {"CF00": 0, "Calzetti": 1, "Cardelli": 2}


def one(value):
    return np.array([value], dtype=float)


def model_without_lsf(grid):
    """Forward model whose instrument has the resolution of the library everywhere."""
    lsf = (0.0, 0.0, grid.resolution_fwhm)
    return ForwardModel(grid, dataclasses.replace(load_instrument(), lsf_fwhm_coefficients=lsf))


def history(components, edges, universe):
    """Cumulative history of bagpipes' components on our age cells, and Z in solar units."""
    if "delayed" in components:
        c = components["delayed"]
        younger = star_formation.delayed_tau(edges, one(c["age"] * GYR), one(c["tau"] * GYR))
    elif "constant" in components:
        c = components["constant"]
        younger = star_formation.constant(edges, one(c["age_max"] * GYR))
    else:
        c = components["dblplaw"]
        arguments = (universe * GYR, c["tau"] * GYR, c["alpha"], c["beta"])
        younger = star_formation.double_power_law(edges, *map(one, arguments))
    return younger, c["metallicity"]


def ours_in_z(forward, components, universe):
    """As ``ours``, between the grid's metallicities linear in Z and not in [M/H]."""
    kind = next(name for name in components if name in ("delayed", "constant", "dblplaw"))
    nodes = forward.ssp.metallicity / forward.ssp.z_sun
    high = int(np.searchsorted(nodes, components[kind]["metallicity"]))
    share = (components[kind]["metallicity"] - nodes[high - 1]) / (nodes[high] - nodes[high - 1])
    results = [
        ours(forward, {**components, kind: {**components[kind], "metallicity": node}}, universe)
        for node in nodes[high - 1 : high + 1]
    ]
    return [(1 - share) * low + share * up for low, up in zip(*results, strict=True)]


def ours(forward, components, universe):
    """Spectrum and bands [L_sun / Å per M_sun] and line fluxes [L_sun per M_sun]."""
    younger, metallicity = history(components, forward.cell_edges, universe)
    mass = np.diff(younger, axis=1)
    mh = np.log10(metallicity)
    stars = Stars(mass, np.full_like(mass, mh))
    dust = components.get("dust", {"type": "CF00", "Av": 0.0})
    birth_clouds = (dust.get("eta", 1.0) - 1) * dust["Av"]
    slope = dust.get("n", 0.7)
    screen = Screen(
        law=np.array([LAWS[dust["type"]]]),
        av=one(dust["Av"]),
        slope=one(slope),
        av_young=one(birth_clouds),
        slope_young=one(slope),
        sigma_v=one(SIGMA_V),
    )
    if "nebular" not in components:
        spectrum, bands = forward.noiseless(stars, screen)
        return spectrum[0], bands[0], np.zeros(len(LINES))
    gas = Gas(
        covering=one(1.0),
        log_u=one(components["nebular"]["logU"]),
        mh=one(mh),
        av=one(birth_clouds),
        sigma=one(GAS_SIGMA),
        in_spectrum=np.array([False]),
    )
    spectrum, bands = forward.noiseless(stars, screen, gas)
    shown, _ = forward.noiseless(
        stars, screen, dataclasses.replace(gas, in_spectrum=np.array([True]))
    )
    lines = (shown.astype(float) - spectrum)[0]
    wave = forward.instrument.wave
    near = np.abs(wave[:, None] - np.array(list(LINES.values()))) < 7.5
    return spectrum[0], bands[0], lines @ near * (wave[1] - wave[0])


def compare_bagpipes(output):
    import bagpipes

    # Finer than bagpipes' defaults, which are for speed: R = 1000 in spectra, 100 in bands.
    bagpipes.config.R_spec, bagpipes.config.R_phot = 5000.0, 1000.0
    universe = bagpipes.utils.cosmo.age(0).value
    forward = model_without_lsf(bc03.load())
    wave = forward.instrument.wave
    to_line = np.abs(wave[:, None] - forward.gas.grid.line_wave).min(axis=1)
    # Lines are compared by their fluxes; ours are left out of the spectra.
    found = {"wave": wave, "names": np.array(list(GALAXIES)), "continuum": to_line > 15.0}
    for name in ("our_spectra", "our_bands", "our_lines", "spectra", "bands", "lines"):
        found[name] = []
    with tempfile.TemporaryDirectory() as folder:
        filters = []
        for band in forward.instrument.bands:
            filters.append(f"{folder}/{band.name}.txt")
            np.savetxt(filters[-1], np.transpose([band.wave, band.throughput]))
        for title, components in GALAXIES.items():
            results = (ours_in_z if title == IN_Z else ours)(forward, components, universe)
            for name, result in zip(
                ("our_spectra", "our_bands", "our_lines"), results, strict=True
            ):
                found[name].append(result)
            galaxy = bagpipes_galaxy(bagpipes, components, filters, forward.instrument.wave)
            lines = [galaxy.line_fluxes[line] for line in LINES] if "nebular" in components else 0
            found["spectra"].append(galaxy.spectrum[:, 1] / SUN_IN_BAGPIPES)
            found["bands"].append(galaxy.photometry / SUN_IN_BAGPIPES)
            found["lines"].append(np.broadcast_to(lines, len(LINES)) / SUN_IN_BAGPIPES)
    np.savez(output, **found)


def bagpipes_galaxy(bagpipes, components, filters, wave):
    """bagpipes' model of 1 M_sun formed, at redshift 0 [erg/s and erg/s/Å]."""
    full = {name: dict(value) for name, value in components.items()}
    for name in ("delayed", "constant", "dblplaw"):
        if name in full:
            full[name]["massformed"] = 0.0
    full.update(redshift=0.0, veldisp=SIGMA_V, t_bc=0.01)
    return bagpipes.model_galaxy(
        full, filt_list=filters, spec_wavs=wave, spec_units="ergscma", phot_units="ergscma"
    )


def tabular_histories(time_gyr):
    """Star formation rates at times since the Big Bang [Gyr], by name."""
    return {
        "delayed-τ, table": time_gyr * np.exp(-time_gyr / 4.0),
        "rising with a burst, table": 0.2
        + time_gyr / 13.7
        + 3 * np.exp(-0.5 * ((time_gyr - 12.9) / 0.15) ** 2),
    }


def compare_fsps(output):
    """FSPS sums its own SSPs over a tabulated history; we sum the grid made of them."""
    import fsps

    from phangs_sfh.instrument.refraction import vacuum_to_air

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


def draw(bagpipes_file, fsps_file, output):
    """Spectra of both codes with residuals, and differences in the bands."""
    import matplotlib.pyplot as plt

    with np.load(bagpipes_file) as first, np.load(fsps_file) as second:
        peers = [("bagpipes 1.3.6", dict(first)), ("FSPS, surrogate MILES", dict(second))]
    rows = [(peer, c, n) for peer, c in peers for n in range(len(c["names"]))]
    figure, axes = plt.subplots(
        len(rows), 3, figsize=(13, 1.75 * len(rows)), width_ratios=[3, 3, 1.3], squeeze=False
    )
    names = load_instrument().band_names
    for (peer, c, n), (top, rest, bands) in zip(rows, axes, strict=True):
        level = np.median(c["spectra"][n])
        used = c["continuum"] | ("gas" not in str(c["names"][n]))
        top.plot(c["wave"], c["spectra"][n] / level, color="0.6", lw=2.2, label=peer)
        top.set_ylim(*np.quantile(c["spectra"][n][used] / level, [0, 1]) + [-0.15, 0.15])
        top.plot(c["wave"], c["our_spectra"][n] / level, color="C3", lw=0.7, label="phangs-sfh")
        top.set_title(f"{c['names'][n]}", fontsize=9, loc="left")
        top.legend(fontsize=7, frameon=False, loc="lower center", ncols=2)
        percent = 100 * (c["our_spectra"][n] / c["spectra"][n] - 1)
        rest.axhspan(-1, 1, color="0.92")
        percent[~used] = np.nan
        rest.plot(c["wave"], percent, color="C3", lw=0.6)
        rest.set_ylim(-3, 3)
        rest.set_title(f"difference [%], rms {np.sqrt(np.nanmean(percent**2)):.2f}", fontsize=9)
        magnitudes = -2.5 * np.log10(np.asarray(c["our_bands"][n]) / c["bands"][n])
        bands.axhspan(-0.02, 0.02, color="0.92")
        bands.plot(range(len(names)), magnitudes, "o", color="C3", ms=4)
        bands.set_xticks(range(len(names)), [name[1:4] for name in names], fontsize=8)
        bands.set_ylim(-0.05, 0.05)
        bands.set_title("bands [mag]", fontsize=9)
    for axis in axes[-1, :2]:
        axis.set_xlabel("rest wavelength, air [Å]")
    figure.tight_layout()
    Path(output).parent.mkdir(exist_ok=True)
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    started = time.perf_counter()
    action, arguments = sys.argv[1], sys.argv[2:]
    {"bagpipes": compare_bagpipes, "fsps": compare_fsps, "draw": draw}[action](*arguments)
    print(f"{action}: {time.perf_counter() - started:.1f} s")
