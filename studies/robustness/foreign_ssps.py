"""Stellar populations that the network never saw, from the user's copy of the sdss-mangadap wheel.

Template sets of the MaNGA data-analysis pipeline, read in place and not redistributed:

- MIUSCAT (Vazdekis et al. 2012): Girardi isochrones, Salpeter, 63 Myr to 17.8 Gyr.
- BPASS 2.2.1 (Stanway & Eldridge 2018): binaries, theoretical atmospheres, 63 Myr to 12.6 Gyr.
- MaStar (Maraston et al. 2020): spectra of MaNGA's own stars, Salpeter, 3 Myr to 14 Gyr in steps
  of half a dex, with interstellar absorption of the Milky Way (Na D) removed in ``mastar_noism``.
- M11-MILES (Maraston & Strömbäck 2011): Cassisi isochrones and fuel consumption, Salpeter, 0.1 to
  15 Gyr, half to twice solar. Its stars are those of BC03 here: a library that is not far away.

Each becomes a grid on the wavelengths and ages of the embedded BC03, so that the forward model
takes it. Between a set's ages log flux is interpolated linearly in log age. What a set does not
hold is filled from BC03, scaled to join smoothly: wavelengths and ages beyond its own. The
``provenance`` says what is covered, and mocks are made of that alone (``mocks``). MaStar's
files have no mass-to-light ratio: each spectrum gets that of BC03. [M/H] is each set's own.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.constants import L_sun
from astropy.io import fits

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.refraction import vacuum_to_air
from phangs_sfh.ssp import bc03
from phangs_sfh.ssp.grid import SSPGrid

INSIDE = Path("mangadap") / "data" / "spectral_templates"
Z_SUN = 0.02
"""Of all grids here, so that [M/H] of a grid is that of the set's own files."""
JOIN = 100.0  # [Å] over which levels are compared at the ends of a set's wavelengths
LEVEL = (5000.0, 6500.0)  # [Å] where spectra without a mass-to-light ratio are given one
BAND_SHARE = 0.99


@dataclass(frozen=True)
class TemplateSet:
    """How to read one set.

    Attributes
    ----------
    folder : str, inside ``INSIDE``
    name : regular expression of file names with groups ``age`` and ``z``
    age, mh : functions from the groups' text to age [yr] and [M/H] [dex]
    fwhm : float [Å], resolution across the optical; None: from the files' SRES
    vacuum : bool
    per_mass : float, to L_sun / Å per M_sun formed; None: without mass-to-light ratio
    reference : str
    """

    folder: str
    name: str
    age: object
    mh: object
    fwhm: float | None
    vacuum: bool
    per_mass: float | None
    reference: str


def _signed(text):
    return float(text.replace("m", "-").replace("p", "+"))


_MASTAR = {
    "name": r"MaStar-SSP-A(?P<age>[\d.]+)-Z(?P<z>[+-][\d.]+)\.fits\.gz",
    "age": lambda text: 1e9 * float(text),
    "mh": float,
    "fwhm": None,
    "vacuum": True,
    "per_mass": None,
}
SETS = {
    "miuscat": TemplateSet(
        folder="miuscat",
        name=r"Iun1\.30Z(?P<z>[mp][\d.]+)T(?P<age>[\d.]+)\.fits",
        age=lambda text: 1e9 * float(text),
        mh=_signed,
        fwhm=2.51,
        vacuum=False,
        per_mass=1.0,
        reference="Vazdekis et al. 2012",
    ),
    "bpass": TemplateSet(
        folder="bpass",
        name=r"bin-imf135_300-z(?P<z>\d+)-T(?P<age>-?[\d.]+)\.fits",
        age=lambda text: 10.0 ** (9 + float(text)),
        mh=lambda text: float(np.log10(float(f"0.{text}") / Z_SUN)),
        fwhm=1.0,
        vacuum=True,
        per_mass=1e-6,
        reference="Stanway & Eldridge 2018",
    ),
    "m11": TemplateSet(
        folder="m11_miles",
        name=r"M11_MILES_res2\.54_imf_ss_age_(?P<age>[\d.]+)_z_(?P<z>[\d.]+)\.fits",
        age=lambda text: 1e9 * float(text),
        mh=lambda text: float(np.log10(float(text) / Z_SUN)),
        fwhm=2.54,
        vacuum=False,
        per_mass=1.0 / L_sun.cgs.value,
        reference="Maraston & Strömbäck 2011",
    ),
    "mastar": TemplateSet(folder="mastar_ssp_v1.0", reference="Maraston et al. 2020", **_MASTAR),
    "mastar_noism": TemplateSet(
        folder="mastar_ssp_noism_v1.0", reference="Maraston et al. 2020, Rubin et al.", **_MASTAR
    ),
}


def load_foreign(name, folder):
    """One set as an SSP grid.

    Parameters
    ----------
    name : key of ``SETS``
    folder : path of an unpacked sdss-mangadap wheel, or of its spectral_templates

    Returns
    -------
    grid : SSPGrid on the wavelengths and ages of the embedded BC03, the set's own metallicities;
        ``provenance`` has ``covered_wave`` [Å] and ``covered_age`` [yr]

    Raises
    ------
    InputError
        If the name is unknown, or the files are not there or not as expected.
    """
    if name not in SETS:
        raise InputError(f"{name}: no such template set; there are {', '.join(SETS)}")
    described = SETS[name]
    files = _files(described, folder)
    base = bc03.load()
    wave_limits, age_limits, planes, fwhm = None, [], [], []
    metallicities = sorted({mh for mh, _ in files})
    for mh in metallicities:
        mine = sorted((age, path) for (z, age), path in files.items() if z == mh)
        ages = np.array([age for age, _ in mine])
        read = [_read(path, described) for _, path in mine]
        wave, spectra = read[0][0], np.array([spectrum for _, spectrum, _ in read])
        fwhm += [width for _, _, width in read]
        wave_limits = (wave[0], wave[-1])
        age_limits.append((ages[0], ages[-1]))
        planes.append(_plane(base, mh, ages, wave, spectra, described.per_mass is None))
    low, high = max(a for a, _ in age_limits), min(b for _, b in age_limits)
    return SSPGrid(
        wave=base.wave,
        age=base.age,
        metallicity=Z_SUN * 10 ** np.array(metallicities),
        luminosity=np.array(planes, dtype=np.float32),
        surviving_mass=np.array([_between(base, base.surviving_mass, mh) for mh in metallicities]),
        z_sun=Z_SUN,
        resolution_fwhm=float(np.median(fwhm)),
        provenance={
            "engine": name,
            "reference": described.reference,
            "source": "sdss-mangadap wheel",
            "covered_wave": [float(x) for x in wave_limits],
            "covered_age": [float(low), float(high)],
            "filled_from": "bc03",
        },
    )


def _files(described, folder):
    """Paths by ([M/H], age)."""
    root = Path(folder)
    for candidate in (root / INSIDE, root):
        if (candidate / described.folder).is_dir():
            break
    else:
        raise InputError(
            f"{folder}: no {INSIDE / described.folder} in it; "
            "unzip the wheel of sdss-mangadap==4.5.0 and name that folder"
        )
    found = {}
    for path in sorted((candidate / described.folder).iterdir()):
        match = re.fullmatch(described.name, path.name)
        if match:
            found[round(described.mh(match["z"]), 4), described.age(match["age"])] = path
    if not found:
        raise InputError(f"{candidate / described.folder}: no templates in it; unzip it again")
    return found


def _read(path, described):
    """Air wavelengths [Å], luminosity and median FWHM [Å] of one file."""
    try:
        with fits.open(path) as hdus:
            header, flux = hdus[0].header, hdus[0].data.astype(float)
            wave = header["CRVAL1"] + header["CDELT1"] * np.arange(len(flux))
            if header.get("CTYPE1") == "WAVE-LOG":
                wave = 10.0**wave
            width = described.fwhm
            if width is None:
                optical = (wave > 4800) & (wave < 7000)
                width = float(np.median((wave / hdus["SRES"].data)[optical]))
    except (OSError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not a template ({error}); unzip the wheel again") from None
    if described.vacuum:
        wave = vacuum_to_air(wave)
    return wave, flux * (described.per_mass or 1.0), width


def _plane(base, mh, ages, wave, spectra, without_mass):
    """One metallicity on BC03's ages and wavelengths, (n_age, n_wave)."""
    own = _between(base, base.luminosity, mh)  # BC03 at this [M/H]
    inside = (base.wave > wave[0] + 5) & (base.wave < wave[-1] - 5)
    on_grid = _resample(wave, spectra, base.wave[inside])
    at_ages = _in_age(ages, on_grid, base.age)
    level = (base.wave[inside] > LEVEL[0]) & (base.wave[inside] < LEVEL[1])
    if without_mass:
        ratio = own[:, inside][:, level].mean(axis=1) / at_ages[:, level].mean(axis=1)
        at_ages *= ratio[:, None]
    # Beyond its ages BC03 goes on, at the level the set has at its youngest and oldest.
    scale = at_ages[:, level].mean(axis=1) / own[:, inside][:, level].mean(axis=1)
    young, old = base.age < 0.999 * ages[0], base.age > 1.001 * ages[-1]
    first, last = np.flatnonzero(~young)[0], np.flatnonzero(~old)[-1]
    plane = _filled(base.wave, inside, own, at_ages)
    plane[young] = own[young] * scale[first]
    plane[old] = plane[last] * own[old] / own[last]
    return plane


def _filled(wave, inside, own, at_ages):
    """``at_ages`` inside, BC03 outside, scaled to the same level at either end."""
    plane = own.copy()
    first, last = wave[inside][[0, -1]]
    blue = (wave[inside] < first + JOIN, wave < first)
    red = (wave[inside] > last - JOIN, wave > last)
    for end, outside in (blue, red):
        ratio = at_ages[:, end].mean(axis=1) / own[:, inside][:, end].mean(axis=1)
        plane[:, outside] *= ratio[:, None]
    plane[:, inside] = at_ages
    return plane


def _resample(wave, spectra, new_wave):
    """Cubic interpolation where the new grid is fine, means over its pixels where it is coarse."""
    from scipy.interpolate import CubicSpline

    spline = CubicSpline(wave, spectra, axis=1)
    fine = np.gradient(new_wave) < 2.0 * np.median(np.diff(wave))
    edges = np.concatenate([[new_wave[0]], 0.5 * (new_wave[1:] + new_wave[:-1]), [new_wave[-1]]])
    means = np.diff(spline.antiderivative()(edges), axis=1) / np.diff(edges)
    return np.where(fine, spline(new_wave), means)


def _in_age(ages, spectra, new_ages):
    """Linear in log flux and log age; held beyond the ends."""
    place = np.interp(np.log(new_ages), np.log(ages), np.arange(len(ages)))
    low = np.minimum(place.astype(int), len(ages) - 2)
    part = (place - low)[:, None]
    log = np.log(np.maximum(spectra, 1e-6 * np.median(spectra, axis=1, keepdims=True)))
    return np.exp((1 - part) * log[low] + part * log[low + 1])


def _between(base, values, mh):
    """A grid's values (n_z, ...) at one [M/H], linear in [M/H]."""
    place = np.interp(mh, base.mh, np.arange(len(base.mh)))
    low = min(int(place), len(base.mh) - 2)
    return (1 - (place - low)) * values[low].astype(float) + (place - low) * values[low + 1]


def covered_bands(grid, instrument):
    """Which bands a grid's own wavelengths hold, to 99 % of their photons: (n_bands,) bool array.

    A grid whose provenance does not say what is covered covers all.
    """
    low, high = grid.provenance.get("covered_wave", [0.0, np.inf])
    held = []
    for band in instrument.bands:
        photons = band.throughput * band.wave
        inside = (band.wave >= low) & (band.wave <= high)
        share = np.trapezoid(photons * inside, band.wave) / np.trapezoid(photons, band.wave)
        held.append(share >= BAND_SHARE)
    return np.array(held)
