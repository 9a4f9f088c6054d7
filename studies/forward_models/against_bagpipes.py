"""Galaxies of several histories and dust laws through bagpipes and through our forward model."""

import dataclasses
import tempfile

import numpy as np

from phangs_sfh.galaxy import star_formation
from phangs_sfh.galaxy.forward_model import Screen, Stars
from phangs_sfh.galaxy.gas import Gas
from phangs_sfh.instrument.emission_lines import LINES
from phangs_sfh.ssp import bc03
from studies.forward_models.without_lsf import GYR, SIGMA_V, model_without_lsf, one

GAS_SIGMA = 5.0  # [km/s], so that lines stay apart


SUN_IN_BAGPIPES = 3.826e33  # [erg/s]


CLOUDY_LINES = {
    "H  1  4861.32A": LINES["Hbeta"],
    "O  3  5006.84A": LINES["[O III] 5007"],
    "H  1  6562.80A": LINES["Halpha"],
    "N  2  6583.45A": LINES["[N II] 6583"],
    "S  2  6716.44A": LINES["[S II] 6716"],
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
        return spectrum[0], bands[0], np.zeros(len(CLOUDY_LINES))
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
    near = np.abs(wave[:, None] - np.array(list(CLOUDY_LINES.values()))) < 7.5
    return spectrum[0], bands[0], lines @ near * (wave[1] - wave[0])


def compare(output):
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
            lines = (
                [galaxy.line_fluxes[line] for line in CLOUDY_LINES]
                if "nebular" in components
                else 0
            )
            found["spectra"].append(galaxy.spectrum[:, 1] / SUN_IN_BAGPIPES)
            found["bands"].append(galaxy.photometry / SUN_IN_BAGPIPES)
            found["lines"].append(np.broadcast_to(lines, len(CLOUDY_LINES)) / SUN_IN_BAGPIPES)
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
