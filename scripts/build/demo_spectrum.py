"""Cut the demo's spectrum from the MUSE cube in the mpdaf wheel, and measure its redshift.

Run from the repository root with the wheel's path:

    pip download --no-deps mpdaf==3.6
    python scripts/build/demo_spectrum.py mpdaf-3.6-*.whl

The cube (``mpdaf/data/sdetect/minicube.fits``, BSD-3-Clause, 8 by 8 arcsec) shows the brightest
galaxy of the cool-core cluster Abell 478: one exposure of 900 s, ESO programme 094.A-0859(A).

The errors of the cube leave out the covariance of its spaxels and residuals of the sky, so they are
scaled to the scatter of the data about a stellar model, in steps of 250 Å. The emission lines of
this galaxy are wide and not from star formation: all pixels within 900 km/s of one are masked.
"""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from astropy import units
from astropy.io import fits
from astropy.table import QTable
from scipy.ndimage import gaussian_filter1d

from phangs_sfh.instrument.emission_lines import FAINT_LINES, LINES, window_mask
from phangs_sfh.instrument.constants import SIGMA_PER_MAD, SPEED_OF_LIGHT
from phangs_sfh.ssp.engines import load_ssp

MEMBER = "mpdaf/data/sdetect/minicube.fits"
OUTPUT = Path("phangs_sfh/data/demo_spectrum.fits")
RADIUS = 8  # spaxels of 0.2 arcsec
LONGEST = 7700.0  # Å, just beyond the red end of the network's grid at this redshift
FIT_RANGE = (5225.0, 7580.0)  # Å, observed
NOISE_STEP = 250.0  # Å
POLYNOMIAL_DEGREE = 15
VELOCITY_STEP = 30.0  # km/s, of the models' logarithmic grid

MASKED_LINES = LINES | {"He I 6678": FAINT_LINES["He I 6678"]}
LINE_HALF_WIDTH = 900.0  # km/s
# Sky lines, and telluric O2 (B and A band) and H2O: observed, Å.
SKY = [(5571, 5585), (5886, 5900), (6295, 6305), (6860, 6930), (7160, 7340), (7590, 7720)]


def read_aperture(wheel_path):
    """Sum a round aperture about the brightest spaxel.

    Returns wave [Å, air], flux and its formal error [1e-20 erg/s/cm2/Å], and True where bad.
    """
    with zipfile.ZipFile(wheel_path) as wheel, fits.open(io.BytesIO(wheel.read(MEMBER))) as cube:
        header = cube["DATA"].header
        data, variance = cube["DATA"].data.astype(float), cube["STAT"].data.astype(float)
        bad = (cube["DQ"].data > 0) | ~np.isfinite(data) | ~(variance > 0)
    wave = header["CRVAL3"] + header["CD3_3"] * (np.arange(len(data)) + 1 - header["CRPIX3"])
    white = np.nanmedian(data, axis=0)
    y, x = np.unravel_index(white.argmax(), white.shape)
    rows, columns = np.indices(white.shape)
    inside = np.hypot(rows - y, columns - x) <= RADIUS
    print(f"centre: spaxel x={x}, y={y}; {inside.sum()} spaxels")
    flux = np.nansum(data[:, inside], axis=1)
    error = np.sqrt(np.nansum(variance[:, inside], axis=1))
    keep = wave < LONGEST
    return wave[keep], flux[keep], error[keep], bad[:, inside].any(axis=1)[keep]


def contaminated(wave, redshift):
    """True at sky, telluric, emission and sodium lines."""
    hit = window_mask(wave / (1 + redshift), MASKED_LINES, velocity=LINE_HALF_WIDTH)
    for low, high in SKY:
        hit |= (wave > low) & (wave < high)
    return hit


def old_populations():
    """SSPs of 2 to 11 Gyr, [M/H] >= -0.4, on a logarithmic grid: ln(wave), list of spectra."""
    grid = load_ssp()
    log_wave = np.arange(np.log(4400.0), np.log(7700.0), VELOCITY_STEP / SPEED_OF_LIGHT)
    spectra = [
        np.interp(log_wave, np.log(grid.wave), grid.luminosity[z, np.abs(grid.age - age).argmin()])
        for z in np.flatnonzero(grid.mh > -0.5)
        for age in (2e9, 5e9, 11e9)
    ]
    return log_wave, spectra


def fit(wave, flux, error, good, redshifts):
    """Least squares of one SSP times a polynomial, over SSP, velocity dispersion and redshift.

    Returns the lowest χ² at each redshift, and the best model with its redshift and dispersion.
    """
    low, high = FIT_RANGE
    used = good & (wave > low) & (wave < high)
    scaled_wave = 2 * (wave - low) / (high - low) - 1
    powers = np.polynomial.legendre.legvander(scaled_wave, POLYNOMIAL_DEGREE)
    log_wave, spectra = old_populations()
    chi2 = np.full(len(redshifts), np.inf)
    best = None
    for spectrum in spectra:
        for sigma in np.arange(160.0, 401.0, 20.0):
            smooth = gaussian_filter1d(spectrum, sigma / VELOCITY_STEP)
            for i, redshift in enumerate(redshifts):
                model = np.interp(np.log(wave / (1 + redshift)), log_wave, smooth)[:, None] * powers
                scaled = model[used] / error[used, None]
                coefficients = np.linalg.lstsq(scaled, flux[used] / error[used], rcond=None)[0]
                value = np.sum((flux[used] / error[used] - scaled @ coefficients) ** 2)
                if value < chi2.min():
                    best = model @ coefficients, redshift, sigma
                chi2[i] = min(chi2[i], value)
    return chi2, *best


def noise_factor(wave, flux, error, model, good):
    """Scatter about the model in units of the formal error, smooth in wavelength."""
    edges = np.arange(FIT_RANGE[0], FIT_RANGE[1] + NOISE_STEP / 2, NOISE_STEP)
    centres, factors = 0.5 * (edges[1:] + edges[:-1]), []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        here = good & (wave >= low) & (wave < high)
        factors.append(SIGMA_PER_MAD * np.median(np.abs((flux - model)[here] / error[here])))
    print("error factors:", [f"{c:.0f} Å {f:.2f}" for c, f in zip(centres, factors, strict=True)])
    return np.interp(wave, centres, factors)


def parabola(x, y):
    """Minimum of y(x) and the distance from it at which y is one higher."""
    i = np.clip(y.argmin(), 2, len(y) - 3)
    a, b, _ = np.polyfit(x[i - 2 : i + 3] - x[i], y[i - 2 : i + 3], 2)
    return x[i] - b / (2 * a), 1 / np.sqrt(a)


def main(wheel_path):
    wave, flux, formal, bad = read_aperture(wheel_path)
    error, redshift = formal, 0.086
    for step in (4e-4, 1e-4, 1e-4):
        good = ~bad & ~contaminated(wave, redshift)
        redshifts = redshift + step * np.arange(-6, 7)
        chi2, model, redshift, sigma = fit(wave, flux, error, good, redshifts)
        error = formal * noise_factor(wave, flux, formal, model, good)
    redshift, uncertainty = parabola(redshifts, chi2)
    used = good & (wave > FIT_RANGE[0]) & (wave < FIT_RANGE[1])
    signal_to_noise = np.median((flux / error)[used])
    print(f"z = {redshift:.5f} ± {uncertainty:.5f}, sigma about {sigma:.0f} km/s,", end=" ")
    print(f"reduced chi2 {chi2.min() / used.sum():.2f}, median S/N {signal_to_noise:.1f} per pixel")
    unit = 1e-20 * units.erg / units.s / units.cm**2 / units.AA
    table = QTable()
    table["name"] = ["Abell 478 BCG"]
    table["redshift"] = [round(float(redshift), 4)]
    table["wave"] = wave[None] * units.AA
    table["flux"] = flux[None].astype(np.float32) * unit
    table["flux_err"] = error[None].astype(np.float32) * unit
    table["mask"] = (bad | contaminated(wave, redshift))[None]
    table.meta = {
        "WAVEMED": "air",
        "OBJECT": "Abell 478, brightest cluster galaxy, central 1.6 arcsec in radius",
        "SOURCE": f"MUSE, ESO programme 094.A-0859(A), {MEMBER} in mpdaf 3.6",
        "LICENSE": "BSD-3-Clause (mpdaf)",
        "EXTINCT": "not corrected for Galactic dust, which is considerable here",
        "BUILTBY": "scripts/build/demo_spectrum.py",
    }
    table.write(OUTPUT, overwrite=True)
    print(f"{OUTPUT}: {OUTPUT.stat().st_size / 1024:.0f} kB, {table['mask'].mean():.0%} masked")


if __name__ == "__main__":
    main(sys.argv[1])
