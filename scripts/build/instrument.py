"""Write phangs_sfh/data/instrument_*.json: MUSE, five HST bands or none, the Sun in F555W.

Run from the repository root with the two wheels' paths:

    pip download --no-deps pyphot==2.1.1 astro-sedpy==0.4.1
    python scripts/build/instrument.py pyphot-2.1.1-py3-none-any.whl \\
        astro_sedpy-0.4.1-py3-none-any.whl

Throughput: STScI's total system throughputs of WFC3/UVIS, chip 1, as packed by astro-sedpy (MIT
licence). It has no F438W; that one is the filter's own transmission, as packed by pyphot (MIT
licence), times the rest of the system (optics and CCD), which all filters share and which F390W
and F475W give as total over filter. Pivots agree with the WFC3 instrument handbook to 0.2 per cent.
The Sun: ``sun_reference_stis_001``, Bohlin, Dickinson & Calzetti 2001 (CALSPEC), in pyphot's wheel.
"""

import dataclasses
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
from astropy import constants, units
from astropy.io import fits

from phangs_sfh.instrument.description import Band, Instrument

BANDS = ["F275W", "F336W", "F438W", "F555W", "F814W"]
# Throughput below this fraction of the peak changes no band flux of a galaxy by 0.001 mag.
NEGLIGIBLE = 1e-3
STEP = 5  # [Å]


def read_filter(wheel, name):
    """Transmission of the filter alone: wavelengths [Å] and values."""
    text = wheel.read(f"pyphot/libs/ascii_sources/hst_wfc3_{name.lower()}.csv").decode()
    return np.array([line.split(",") for line in text.splitlines() if line[:1].isdigit()], float).T


def read_total(wheel, name):
    """Total system throughput: wavelengths [Å] in steps of 1 Å, and values."""
    text = wheel.read(f"sedpy/data/filters/wfc3_uvis_{name.lower()}.par").decode()
    rows = [line.split()[-2:] for line in text.splitlines()]
    return np.array([row for row in rows if len(row) == 2 and row[0][:1].isdigit()], float).T


def system_response(pyphot, sedpy, names):
    """Throughput of optics and CCD, total over filter, where the filters of ``names`` are open."""
    wave, response = [], []
    for name in names:
        at, transmission = read_filter(pyphot, name)
        well_open = transmission > 0.3 * transmission.max()
        wave.append(at[well_open])
        total = np.interp(at[well_open], *read_total(sedpy, name))
        response.append(total / transmission[well_open])
    wave, response = np.concatenate(wave), np.concatenate(response)
    order = np.argsort(wave)
    return wave[order], response[order]


def read_band(pyphot, sedpy, name):
    if name == "F438W":
        wave, transmission = read_filter(pyphot, name)
        response = np.interp(wave, *system_response(pyphot, sedpy, ["F390W", "F475W"]))
        fine = np.arange(np.ceil(wave[0]), wave[-1])
        throughput = np.interp(fine, wave, transmission * response)
    else:
        fine, throughput = read_total(sedpy, name)
    # Means over a few Å: as good as 1 Å for a band, and a fifth of the numbers.
    n = len(fine) // STEP * STEP
    wave, throughput = (values[:n].reshape(-1, STEP).mean(axis=1) for values in (fine, throughput))
    used = np.flatnonzero(throughput > NEGLIGIBLE * throughput.max())
    keep = slice(used[0] - 1, used[-1] + 2)
    return Band(name, wave[keep], throughput[keep].round(6))


def solar_luminosity(wheel, band):
    """Photon-weighted mean luminosity of the Sun in ``band`` [L_sun / Å]."""
    sun = fits.getdata(io.BytesIO(wheel.read("pyphot/libs/sun_reference_stis_001.fits")))
    flux = np.interp(band.wave, sun["WAVELENGTH"], sun["FLUX"])
    weight = band.throughput * band.wave
    mean = np.trapezoid(flux * weight, band.wave) / np.trapezoid(weight, band.wave)
    flux_density = mean * units.erg / units.s / units.cm**2 / units.AA
    luminosity = 4 * np.pi * constants.au**2 * flux_density
    return luminosity.to_value(constants.L_sun / units.AA)


def main(pyphot_path, sedpy_path):
    with zipfile.ZipFile(pyphot_path) as pyphot, zipfile.ZipFile(sedpy_path) as sedpy:
        bands = tuple(read_band(pyphot, sedpy, name) for name in BANDS)
        sun = solar_luminosity(pyphot, bands[BANDS.index("F555W")])
    phangs = Instrument(
        name="PHANGS-MUSE + PHANGS-HST",
        wave=4800 + 1.25 * np.arange(1761),
        lsf_fwhm_coefficients=(5.866e-8, -9.187e-4, 6.040),
        bands=bands,
        luminosity_band="F555W",
        solar_luminosity=float(f"{sun:.6g}"),
    )
    unseen = bands[BANDS.index("F555W")]
    muse = dataclasses.replace(phangs, name="MUSE", bands=(), unseen_band=unseen)
    for name, instrument in (("phangs", phangs), ("muse", muse)):
        path = Path(f"phangs_sfh/data/instrument_{name}.json")
        path.write_text(json.dumps(instrument.to_dict()) + "\n")
    at_10_pc = sun * constants.L_sun / units.AA / (4 * np.pi * (10 * units.pc) ** 2)
    pivot = bands[BANDS.index("F555W")].pivot * units.AA
    absolute = (at_10_pc * pivot**2 / constants.c).to_value(units.ABmag)
    print(f"Sun in F555W: {sun:.4e} L_sun/Å, absolute AB magnitude {absolute:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
