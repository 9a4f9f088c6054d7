"""Write phangs_sfh/data/phangs.json: MUSE grid and LSF, five HST bands, the Sun in F555W.

Run from the repository root with the ``pyphot`` wheel's path:

    pip download --no-deps pyphot==2.1.1
    python scripts/build_instrument.py pyphot-2.1.1-py3-none-any.whl

Filter curves: STScI's WFC3/UVIS total throughputs as packed by pyphot (MIT licence).
The Sun: ``sun_reference_stis_001``, Bohlin, Dickinson & Calzetti 2001 (CALSPEC), same wheel.
"""

import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
from astropy import constants, units
from astropy.io import fits

from phangs_sfh.instrument import Band, Instrument

BANDS = ["F275W", "F336W", "F438W", "F555W", "F814W"]
# Throughput below this fraction of the peak changes no band flux of a galaxy by 0.001 mag.
NEGLIGIBLE = 1e-3


def read_band(wheel, name):
    text = wheel.read(f"pyphot/libs/ascii_sources/hst_wfc3_{name.lower()}.csv").decode()
    rows = [line.split(",") for line in text.splitlines() if line[:1].isdigit()]
    wave, throughput = np.array(rows, dtype=float).T
    used = np.flatnonzero(throughput > NEGLIGIBLE * throughput.max())
    keep = slice(used[0] - 1, used[-1] + 2)
    return Band(name, wave[keep].round(3), throughput[keep].round(6))


def solar_luminosity(wheel, band):
    """Photon-weighted mean luminosity of the Sun in ``band`` [L_sun / Å]."""
    sun = fits.getdata(io.BytesIO(wheel.read("pyphot/libs/sun_reference_stis_001.fits")))
    flux = np.interp(band.wave, sun["WAVELENGTH"], sun["FLUX"])
    weight = band.throughput * band.wave
    mean = np.trapezoid(flux * weight, band.wave) / np.trapezoid(weight, band.wave)
    flux_density = mean * units.erg / units.s / units.cm**2 / units.AA
    luminosity = 4 * np.pi * constants.au**2 * flux_density
    return luminosity.to_value(constants.L_sun / units.AA)


def main(wheel_path):
    with zipfile.ZipFile(wheel_path) as wheel:
        bands = tuple(read_band(wheel, name) for name in BANDS)
        sun = solar_luminosity(wheel, bands[BANDS.index("F555W")])
    instrument = Instrument(
        name="PHANGS-MUSE + PHANGS-HST",
        wave=4800 + 1.25 * np.arange(1761),
        lsf_fwhm_coefficients=(5.866e-8, -9.187e-4, 6.040),
        bands=bands,
        luminosity_band="F555W",
        solar_luminosity=float(f"{sun:.6g}"),
    )
    Path("phangs_sfh/data/phangs.json").write_text(json.dumps(instrument.to_dict()) + "\n")
    at_10_pc = sun * constants.L_sun / units.AA / (4 * np.pi * (10 * units.pc) ** 2)
    pivot = bands[BANDS.index("F555W")].pivot * units.AA
    absolute = (at_10_pc * pivot**2 / constants.c).to_value(units.ABmag)
    print(f"Sun in F555W: {sun:.4e} L_sun/Å, absolute AB magnitude {absolute:.3f}")


if __name__ == "__main__":
    main(sys.argv[1])
