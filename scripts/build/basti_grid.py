"""Build phangs_sfh/data/basti_miles.fits with the ``fastar-astro`` wheel.

Run from the repository root, in an environment of its own (it needs jax and flax, which the package
does not):

    python -m venv basti && basti/bin/pip install fastar-astro==0.1.2 astropy
    PYTHONPATH=. basti/bin/python scripts/build/basti_grid.py

Takes 3 minutes of a core. fastar (MIT licence) sums stars along BaSTI-IAC isochrones, solar-scaled
(Hidalgo et al. 2018), whose spectra a network has learnt from MILES (3540-7410 Å, FWHM 2.51 Å) and,
for broad bands, from BOSZ (2000-11496 Å in steps of 4 Å). Both are in air: Hα of its Sun lies at
6562.8 Å. [M/H] is that of the isochrones, whose Sun (Caffau et al. 2011) has Z = 0.0153.

The grid has the wavelengths of the embedded BC03 and its ages up to 14 Gyr: fastar is asked every
0.05 to 0.09 dex, and between log flux is linear in log age. MILES is used where
there is any; BOSZ is scaled to its level at both ends, and below 2000 Å BC03 to that of BOSZ.
fastar begins at 20 Myr, but MILES holds no hot metal-poor stars: there the network that has learnt
it is wrong (at 20 Myr and [M/H] -2.5 by a factor of 30 from BOSZ at either end of MILES). The grid
is fastar's from the age ``FIRST`` on, where the two agree to 20 per cent (24 at 3600 Å for old
metal-rich stars). Under a quarter of that age it is BC03 at the same [M/H]; between, it is BC03
times the ratio of the two at ``FIRST`` to a power that rises from 0 to 1 with log age, so that
nothing jumps.
"""

import numpy as np

from phangs_sfh.instrument.constants import PARSEC, SOLAR_LUMINOSITY
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.ssp import bc03
from phangs_sfh.ssp.grid import SSPGrid, write_grid

OUTPUT = "phangs_sfh/data/basti_miles.fits"
REFERENCE = "tests/data/basti_reference.npz"
CHECKED_AGES = (25e6, 100e6, 500e6, 1e9, 3e9, 8e9, 13e9)
CHECKED_MH = (-1.9, -1.15, -0.6, -0.12, 0.06, 0.18)
"""On nodes and between them."""
Z_SUN = 0.0153
MH = (-2.5, -1.9, -1.4, -0.9, -0.6, -0.3, 0.06, 0.3)
"""[M/H] of some of the 18 sets of isochrones: between them light is linear to a few per cent."""
YOUNGEST, OLDEST = 20e6, 14e9  # [yr], of fastar
AGE_STEP = 0.045  # [dex], between ages that are computed
FIRST = (800e6, 100e6, 40e6, 40e6, 25e6, 20e6, 20e6, 20e6)
"""Age [yr] from which each [M/H] is fastar's."""
PURE = 0.25
"""Share of that age up to which BC03 is left as it is."""
LUMINOSITY = 4 * np.pi * (10 * PARSEC) ** 2 / SOLAR_LUMINOSITY
"""From fastar's flux at 10 pc [erg / (s cm2 Å)] to [L_sun / Å]."""
JOIN = 100.0  # [Å] over which levels are compared where two sources meet


def from_fastar(ages, mh):
    """Wavelengths [Å] and spectra of fastar, and its surviving mass.

    Parameters
    ----------
    ages : (n_age,) array [yr]
    mh : (n_z,) array [dex]

    Returns
    -------
    sources : list of (wave, spectra (n_z, n_age, n_wave)) of MILES and BOSZ [L_sun / Å / M_sun]
    surviving : (n_z, n_age) array, mass in living stars, without remnants
    """
    from fastar import IntegratedSSPSynthesizer
    from fastar.imf import kroupa

    sources = []
    for label in (None, "phot"):
        code = IntegratedSSPSynthesizer(imf_function=kroupa, model_label=label)
        spectra = [[np.asarray(code.synthesize(age / 1e9, z)) for age in ages] for z in mh]
        sources.append((np.asarray(code.wave, float), LUMINOSITY * np.array(spectra, float)))
    surviving = [[float(code.stellar_mass(age / 1e9, z)) for age in ages] for z in mh]
    return sources, np.array(surviving)


def pixel_means(wave, spectra, new_wave):
    """Spectra (..., n_wave) at ``new_wave``: interpolated where that is fine, else pixel means."""
    edges = np.concatenate([[new_wave[0]], 0.5 * (new_wave[1:] + new_wave[:-1]), [new_wave[-1]]])
    area = 0.5 * (spectra[..., 1:] + spectra[..., :-1]) * np.diff(wave)
    total = np.concatenate([np.zeros_like(area[..., :1]), np.cumsum(area, axis=-1)], axis=-1)
    flat = total.reshape(-1, len(wave)), spectra.reshape(-1, len(wave))
    means = np.array([np.diff(np.interp(edges, wave, row)) for row in flat[0]]) / np.diff(edges)
    points = np.array([np.interp(new_wave, wave, row) for row in flat[1]])
    fine = np.gradient(new_wave) < 1.5 * np.median(np.diff(wave))
    return np.where(fine, points, means).reshape(*spectra.shape[:-1], len(new_wave))


def joined(wave, inner, outer, limits):
    """``inner`` within ``limits`` [Å], beyond them ``outer``, scaled to the level of ``inner``."""
    inside = (wave > limits[0]) & (wave < limits[1])
    spectra = np.where(inside, inner, outer)
    for end, outside in (
        (inside & (wave < limits[0] + JOIN), wave <= limits[0]),
        (inside & (wave > limits[1] - JOIN), wave >= limits[1]),
    ):
        if outside.any():
            ratio = inner[..., end].mean(axis=-1) / outer[..., end].mean(axis=-1)
            spectra[..., outside] *= ratio[..., None]
    return spectra


def between(base, values, mh):
    """Values (n_z, ...) of the BC03 grid at other [M/H], linear in [M/H], held at the ends."""
    place = np.interp(mh, base.mh, np.arange(len(base.mh)))
    low = np.minimum(place.astype(int), len(base.mh) - 2)
    part = (place - low).reshape(-1, *[1] * (values.ndim - 1))
    return (1 - part) * values[low].astype(float) + part * values[low + 1]


def in_age(ages, values, new_ages):
    """Values (n_z, n_age, ...) at other ages: their logarithm is linear in log age."""
    place = np.interp(np.log(new_ages), np.log(ages), np.arange(len(ages)))
    low = np.minimum(place.astype(int), len(ages) - 2)
    part = (place - low)[:, None]
    log = np.log(values)
    return np.exp((1 - part) * log[:, low] + part * log[:, low + 1])


def completed(age, own, computed):
    """BC03 led over to fastar.

    Parameters
    ----------
    age : (n_age,) array [yr]
    own : (n_z, n_age, ...) array, BC03 at all ages
    computed : (n_z, n_old, ...) array, fastar at the oldest of them
    """
    n_young = len(age) - computed.shape[1]
    whole = own.copy()
    for plane, other, begin in zip(whole, computed, FIRST, strict=True):
        first = max(n_young, int(np.searchsorted(age, begin)))
        part = 1 + np.log(age[:first] / age[first]) / -np.log(PURE)
        part = np.clip(part, 0.0, 1.0).reshape(-1, *[1] * (plane.ndim - 1))
        plane[:first] *= (other[first - n_young] / plane[first]) ** part
        plane[first:] = other[first - n_young :]
    return whole


def assemble(sources, surviving, mh):
    """SSPGrid from what ``from_fastar`` gives at the ages of ``ages_of``."""
    base = bc03.load()
    kept = base.age <= 1.001 * OLDEST
    age, wave = base.age[kept], base.wave
    own = between(base, base.luminosity[:, kept], mh)
    old = age[age >= YOUNGEST]
    sources = [(w, in_age(ages_of(), spectra, old)) for w, spectra in sources]
    miles, boszs = (pixel_means(w, spectra, wave) for w, spectra in sources)
    limits = [(w[0] + 5, w[-1] - 5) for w, _ in sources]
    spectra = joined(wave, miles, joined(wave, boszs, own[:, -len(old) :], limits[1]), limits[0])
    return SSPGrid(
        wave=wave,
        age=age,
        metallicity=Z_SUN * 10 ** np.asarray(mh),
        luminosity=completed(age, own, spectra),
        surviving_mass=completed(
            age,
            between(base, base.surviving_mass[:, kept], mh),
            in_age(ages_of(), surviving[..., None], old)[..., 0],
        ),
        z_sun=Z_SUN,
        resolution_fwhm=2.51,
        provenance={
            "engine": "basti",
            "models": "BaSTI-IAC isochrones, solar-scaled, Hidalgo et al. 2018 ApJ 856 125",
            "library": "MILES 3545-7405 A (FWHM 2.51 A), BOSZ 2005-3545 and beyond 7405 A, "
            "as learnt by fastar; bolometric corrections of Worthey & Lee 2011 ApJS 193 1",
            "imf": "Kroupa 2001, 0.1-100 M_sun",
            "source": "computed with fastar-astro 0.1.2, scripts/build/basti_grid.py",
            "completed": f"younger than {', '.join(f'{x / 1e6:.0f}' for x in FIRST)} Myr "
            "(by [M/H]) from BC03, led over, and as it is under a quarter of that; "
            "under 2005 A from BC03",
            "licence": "MIT (fastar-astro), GPL-3.0 where from BC03; see NOTICE",
        },
    )


def ages_of():
    """Ages of BC03 at which fastar is asked [yr]: first, last, and some between."""
    age = bc03.load().age
    age = age[(age >= YOUNGEST) & (age <= 1.001 * OLDEST)]
    asked = [age[0]]
    for one in age:
        if np.log10(one / asked[-1]) >= AGE_STEP:
            asked.append(one)
    return np.unique([*asked, age[-1]])


def reference(bands):
    """What the tests compare the grid with: fastar's own numbers, on nodes of the grid and halfway
    between them.

    Returns
    -------
    content : dict of arrays
        ``age`` (n_age,) [yr], ``mh`` (n_z,), ``surviving_mass`` (n_z, n_age); ``magnitude``
        (n_z, n_age, n_bands) of BOSZ, -2.5 log10 of L_sun / Å / M_sun; ``wave`` (n,) [Å] and
        ``spectrum`` (n_z, n_age, n) of MILES
    """
    own = ages_of()
    age = own[np.searchsorted(own, CHECKED_AGES)]
    ((wave, miles), (wave_bosz, boszs)), surviving = from_fastar(age, np.array(CHECKED_MH))
    flux = [[[mean_flux(wave_bosz, x, b) for b in bands] for x in plane] for plane in boszs]
    shown = (wave > 4700) & (wave < 7100)
    return {
        "age": age,
        "mh": np.array(CHECKED_MH),
        "surviving_mass": surviving,
        "magnitude": -2.5 * np.log10(flux),
        "wave": wave[shown],
        "spectrum": miles[..., shown].astype(np.float32),
    }


def mean_flux(wave, spectrum, band):
    """Photon-weighted mean f_λ in a band, by trapezoids on both samplings at once."""
    nodes = np.union1d(wave, band.wave)
    nodes = nodes[(nodes >= band.wave[0]) & (nodes <= band.wave[-1])]
    weight = nodes * np.interp(nodes, band.wave, band.throughput)
    return np.trapezoid(np.interp(nodes, wave, spectrum) * weight, nodes) / np.trapezoid(
        weight, nodes
    )


def main():
    mh = np.array(MH)
    sources, surviving = from_fastar(ages_of(), mh)
    write_grid(assemble(sources, surviving, mh), OUTPUT)
    np.savez_compressed(REFERENCE, **reference(load_instrument().bands))


if __name__ == "__main__":
    main()
