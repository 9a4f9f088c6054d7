"""The one in-memory format of simple stellar populations (SSPs) that every engine fills.

On disk it is FITS. Luminosities are kept as rounded logarithms, each age as the difference from the
age before: neighbouring ages are so alike that Rice compression then shrinks them twelvefold, and
the error of every pixel is known (half a step of the rounding).
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from astropy.io import fits

from phangs_sfh.errors import InputError
from phangs_sfh.files.reading import header_number, open_fits
from phangs_sfh.files.whole import whole_file

FORMAT_VERSION = 1
LOG_STEP = 2e-5
"""Rounding step of log10 luminosity in files [dex]: every pixel is true to 0.0023 per cent."""


@dataclass(frozen=True)
class SSPGrid:
    """Spectra of simple stellar populations.

    Attributes
    ----------
    wave : (n_wave,) array [Å], air, increasing, rest frame
    age : (n_age,) array [yr], increasing, positive
    metallicity : (n_z,) array, mass fraction Z, increasing
    luminosity : (n_z, n_age, n_wave) array [L_sun / Å per M_sun formed]
    surviving_mass : (n_z, n_age) array, mass in living stars, without remnants, per mass formed
    z_sun : float, the Z of [M/H] = 0
    resolution_fwhm : float [Å], FWHM of the library's line-spread function across the optical
    provenance : dict of str, the engine, references, licence and options
    """

    wave: np.ndarray
    age: np.ndarray
    metallicity: np.ndarray
    luminosity: np.ndarray
    surviving_mass: np.ndarray
    z_sun: float
    resolution_fwhm: float
    provenance: dict = field(default_factory=dict)

    def __post_init__(self):
        shape = (len(self.metallicity), len(self.age), len(self.wave))
        if self.luminosity.shape != shape:
            raise ValueError(f"luminosity has shape {self.luminosity.shape}, expected {shape}")
        if self.surviving_mass.shape != shape[:2]:
            raise ValueError(f"surviving_mass has shape {self.surviving_mass.shape}")
        for name in ("wave", "age", "metallicity"):
            values = getattr(self, name)
            if not (np.all(values > 0) and np.all(np.diff(values) > 0)):
                raise ValueError(f"{name} must be positive and increasing")

    @property
    def mh(self):
        """[M/H] = log10(Z / Z_sun) of the grid's metallicities [dex], shape (n_z,)."""
        return np.log10(self.metallicity / self.z_sun)


def write_grid(grid, path):
    """Write ``grid`` as FITS, whole or not at all."""
    steps = np.round(np.log10(np.maximum(grid.luminosity, 1e-30)) / LOG_STEP).astype(np.int32)
    differences = np.diff(steps, axis=1, prepend=np.int32(0))
    header = fits.Header()
    header["FORMAT"] = (FORMAT_VERSION, "version of the phangs-sfh SSP grid format")
    header["LOGSTEP"] = (LOG_STEP, "[dex] step of log10 L(sun)/Angstrom per M(sun)")
    header["ZSUN"] = (grid.z_sun, "mass fraction Z of [M/H] = 0")
    header["RESFWHM"] = (grid.resolution_fwhm, "[Angstrom] FWHM of the optical spectra")
    header["PROVENAN"] = (json.dumps(grid.provenance), "JSON")
    spectra = fits.CompImageHDU(
        differences,
        name="DLOGLUM",
        compression_type="RICE_1",
        tile_shape=(1, 1, len(grid.wave)),
    )
    spectra.header["COMMENT"] = "log10 L = LOGSTEP * cumulative sum over the age axis"
    hdus = [
        fits.PrimaryHDU(header=header),
        spectra,
        fits.ImageHDU(grid.surviving_mass.astype(np.float32), name="MSTAR"),
        fits.ImageHDU(grid.wave, name="WAVE"),
        fits.ImageHDU(grid.age, name="AGE"),
        fits.ImageHDU(grid.metallicity, name="METALS"),
    ]
    with whole_file(path) as temporary:
        fits.HDUList(hdus).writeto(temporary, checksum=True)


def read_grid(path):
    """Read a grid written by ``write_grid``.

    Returns
    -------
    grid : SSPGrid, luminosity as float32

    Raises
    ------
    InputError
        If the file is missing, not FITS, or not in this format and version.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such SSP grid; give an existing FITS file")
    with open_fits(path, "give an SSP grid, as make-ssp writes it") as hdus:
        header = hdus[0].header
        if header.get("FORMAT") != FORMAT_VERSION:
            raise InputError(
                f"{path}: FORMAT is {header.get('FORMAT')}, expected {FORMAT_VERSION}; "
                "write the grid with phangs_sfh.ssp.grid.write_grid"
            )
        wave, age, metallicity, surviving_mass = (
            hdus[name].data.astype(float) for name in ("WAVE", "AGE", "METALS", "MSTAR")
        )
        steps = np.cumsum(hdus["DLOGLUM"].data, axis=1, dtype=np.int32)
        luminosity = (10.0 ** (header_number(path, header, "LOGSTEP") * steps)).astype(np.float32)
        if not (np.isfinite(luminosity).all() and np.isfinite(surviving_mass).all()):
            raise InputError(f"{path}: holds numbers that are not finite; make the grid again")
        return SSPGrid(
            wave, age, metallicity, luminosity, surviving_mass,
            z_sun=header_number(path, header, "ZSUN"),
            resolution_fwhm=header_number(path, header, "RESFWHM"),
            provenance=json.loads(header["PROVENAN"]),
        )  # fmt: skip
