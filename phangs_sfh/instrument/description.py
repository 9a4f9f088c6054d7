"""What was observed with: rest-frame grid, line-spread function and bands, as data.

An instrument is saved as JSON beside every library and model, so that another spectrograph or
band list is new data, not new code.
"""

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from phangs_sfh.errors import InputError

FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))


@dataclass(frozen=True)
class Band:
    """A photometric band.

    Attributes
    ----------
    name : str
    wave : (n,) array [Å], air or vacuum alike: bands are far broader than the difference
    throughput : (n,) array, total system throughput per photon
    """

    name: str
    wave: np.ndarray
    throughput: np.ndarray

    @property
    def pivot(self):
        """Pivot wavelength [Å]: sqrt(∫λT dλ / ∫T/λ dλ), Tokunaga & Vacca 2005, equation A11."""
        return np.sqrt(
            np.trapezoid(self.throughput * self.wave, self.wave)
            / np.trapezoid(self.throughput / self.wave, self.wave)
        )


@dataclass(frozen=True)
class Instrument:
    """Grid, LSF and bands.

    Attributes
    ----------
    name : str
    wave : (n_pixels,) array [Å], rest frame, air, uniform
    lsf_fwhm_coefficients : polynomial coefficients of FWHM(λ) [Å], highest power first
    bands : tuple of Band
    luminosity_band : name of the band whose light weights ages and scales ``logml``
    solar_luminosity : solar f_λ luminosity in that band [L_sun / Å]
    """

    name: str
    wave: np.ndarray
    lsf_fwhm_coefficients: tuple
    bands: tuple
    luminosity_band: str
    solar_luminosity: float

    @property
    def n_pixels(self):
        return len(self.wave)

    @property
    def n_bands(self):
        return len(self.bands)

    @property
    def band_names(self):
        return [band.name for band in self.bands]

    @property
    def pixel_edges(self):
        """Edges of the grid's pixels [Å], shape (n_pixels + 1,)."""
        step = self.wave[1] - self.wave[0]
        return np.append(self.wave - step / 2, self.wave[-1] + step / 2)

    def lsf_fwhm(self, wave):
        """FWHM of the line-spread function [Å] at ``wave`` [Å]."""
        return np.polyval(self.lsf_fwhm_coefficients, wave)

    def to_dict(self):
        step = (self.wave[-1] - self.wave[0]) / (self.n_pixels - 1)
        return {
            "name": self.name,
            "wave": {"start": self.wave[0], "step": step, "n_pixels": self.n_pixels},
            "lsf_fwhm_coefficients": list(self.lsf_fwhm_coefficients),
            "luminosity_band": self.luminosity_band,
            "solar_luminosity": self.solar_luminosity,
            "bands": [
                {"name": b.name, "wave": b.wave.tolist(), "throughput": b.throughput.tolist()}
                for b in self.bands
            ],
        }

    @classmethod
    def from_dict(cls, content):
        """Raises KeyError where a field is missing."""
        grid = content["wave"]
        bands = tuple(
            Band(b["name"], np.array(b["wave"], float), np.array(b["throughput"], float))
            for b in content["bands"]
        )
        return cls(
            name=content["name"],
            wave=grid["start"] + grid["step"] * np.arange(grid["n_pixels"]),
            lsf_fwhm_coefficients=tuple(content["lsf_fwhm_coefficients"]),
            bands=bands,
            luminosity_band=content["luminosity_band"],
            solar_luminosity=content["solar_luminosity"],
        )

    def same_as(self, other):
        """True if grid, LSF and bands agree, whatever the name."""
        mine, theirs = self.to_dict(), other.to_dict()
        mine.pop("name"), theirs.pop("name")
        return mine == theirs


def load_instrument(path=None):
    """Read an instrument description; the default is MUSE with the five PHANGS-HST bands.

    Raises
    ------
    InputError
        If the file is missing, not JSON or lacks a field.
    """
    if path is None:
        text = resources.files("phangs_sfh.data").joinpath("phangs.json").read_text()
        return Instrument.from_dict(json.loads(text))
    try:
        return Instrument.from_dict(json.loads(Path(path).read_text()))
    except FileNotFoundError:
        raise InputError(f"{path}: no such instrument file; give an existing JSON file") from None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not an instrument description ({error}); "
            "start from phangs_sfh/data/phangs.json"
        ) from None
