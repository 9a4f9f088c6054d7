"""What was observed with: rest-frame grid, line-spread function, noise and bands, as data.

An instrument is saved as JSON beside every library and model, so that another spectrograph or
band list is new data, not new code.
"""

from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import numpy as np
from pydantic import Field

from phangs_sfh.errors import InputError
from phangs_sfh.files.json_files import Fields, Finite, Name, Positive, check, read_json
from phangs_sfh.instrument.noise import NoiseFields, NoiseShape

DEFAULT = "phangs"
FEWEST_PIXELS, MOST_PIXELS = 16, 1_000_000


class BandFields(Fields):
    """A band in JSON."""

    name: Name
    wave: list[Positive] = Field(min_length=2)
    throughput: list[Finite]


class GridFields(Fields):
    """The wavelengths [Å] in JSON."""

    start: Positive
    step: Positive
    n_pixels: int = Field(ge=FEWEST_PIXELS, le=MOST_PIXELS)


class InstrumentFields(Fields):
    """An instrument in JSON; ``noise`` has a definition of its own."""

    name: Name
    wave: GridFields
    lsf_fwhm_coefficients: list[Finite] = Field(min_length=1, max_length=20)
    bands: list[BandFields]
    luminosity_band: Name
    solar_luminosity: Positive
    noise: NoiseFields = NoiseFields()
    unseen_band: BandFields | None = None


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

    def to_dict(self):
        return {
            "name": self.name,
            "wave": self.wave.tolist(),
            "throughput": self.throughput.tolist(),
        }

    @classmethod
    def from_dict(cls, content):
        """Inverse of ``to_dict``. Raises ValueError if it makes no sense."""
        name = content["name"]
        wave, throughput = (np.array(content[key], float) for key in ("wave", "throughput"))
        if wave.shape != throughput.shape:
            raise ValueError(f"band {name} needs as many throughputs as wavelengths")
        if not (np.diff(wave) > 0).all():
            raise ValueError(f"band {name} needs wavelengths that ascend")
        if not (throughput >= 0).all() or not throughput.any():
            raise ValueError(f"band {name} needs throughputs that are not negative")
        return cls(name, wave, throughput)


@dataclass(frozen=True)
class Instrument:
    """Grid, LSF, noise and bands.

    Attributes
    ----------
    name : str
    wave : (n_pixels,) array [Å], rest frame, air, uniform
    lsf_fwhm_coefficients : polynomial coefficients of FWHM(λ) [Å], highest power first
    bands : tuple of Band, those that are observed; may be empty
    luminosity_band : name of the band whose light weights ages and scales ``logml``
    solar_luminosity : solar f_λ luminosity in that band [L_sun / Å]
    noise : NoiseShape
    unseen_band : Band, the luminosity band where it is not observed; otherwise None
    """

    name: str
    wave: np.ndarray
    lsf_fwhm_coefficients: tuple
    bands: tuple
    luminosity_band: Name
    solar_luminosity: float
    noise: NoiseShape = field(default_factory=NoiseShape)
    unseen_band: Band | None = None

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
    def modelled_bands(self):
        """Bands whose light is computed: the observed ones, then the luminosity band if unseen."""
        return self.bands if self.unseen_band is None else (*self.bands, self.unseen_band)

    @property
    def luminosity_index(self):
        """Place of the luminosity band among ``modelled_bands``."""
        return [band.name for band in self.modelled_bands].index(self.luminosity_band)

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
        content = {
            "name": self.name,
            "wave": {"start": self.wave[0], "step": step, "n_pixels": self.n_pixels},
            "lsf_fwhm_coefficients": list(self.lsf_fwhm_coefficients),
            "luminosity_band": self.luminosity_band,
            "solar_luminosity": self.solar_luminosity,
            "noise": self.noise.to_dict(),
            "bands": [band.to_dict() for band in self.bands],
        }
        if self.unseen_band is not None:
            content["unseen_band"] = self.unseen_band.to_dict()
        return content

    @classmethod
    def from_dict(cls, content):
        """Inverse of ``to_dict``, of fields that are as ``InstrumentFields`` says; ``noise`` may be
        absent and is then MUSE's.

        Raises
        ------
        ValueError
            Where they make no sense together; ``read_instrument`` makes one line of it.
        """
        unseen = content.get("unseen_band")
        made = cls(
            name=str(content["name"]),
            wave=_grid(content["wave"]),
            lsf_fwhm_coefficients=tuple(float(c) for c in content["lsf_fwhm_coefficients"]),
            bands=tuple(Band.from_dict(band) for band in content["bands"]),
            luminosity_band=content["luminosity_band"],
            solar_luminosity=float(content["solar_luminosity"]),
            noise=NoiseShape.from_dict(content.get("noise", {})),
            unseen_band=None if unseen is None else Band.from_dict(unseen),
        )
        names = [band.name for band in made.modelled_bands]
        if len(set(names)) < len(names):
            raise ValueError("bands need names that differ")
        if made.luminosity_band not in names:
            raise ValueError(f"luminosity_band {made.luminosity_band} is none of the bands")
        if unseen is not None and unseen["name"] != made.luminosity_band:
            raise ValueError("unseen_band is not the luminosity_band")
        with np.errstate(all="ignore"):
            widths = made.lsf_fwhm(made.wave)
        if not ((widths > 0) & (widths < made.wave)).all():
            raise ValueError("lsf_fwhm_coefficients give widths that are not positive")
        return made

    def same_as(self, other):
        """True if what fits one fits the other: grid, LSF and bands, whatever name and noise."""
        mine, theirs = self.to_dict(), other.to_dict()
        for content in (mine, theirs):
            del content["name"], content["noise"]
        return mine == theirs


def _grid(content):
    """Wavelengths [Å] of a grid given by start, step and number of pixels."""
    return content["start"] + content["step"] * np.arange(content["n_pixels"])


def read_instrument(content, source, remedy):
    """An instrument out of what a file says of it.

    Parameters
    ----------
    content : dict
    source : file and field that it is from, to begin a refusal with
    remedy : what to do about it, to end the refusal with

    Raises
    ------
    InputError
        If a field is missing or makes no sense.
    """
    check(content, InstrumentFields, source, remedy)
    try:
        return Instrument.from_dict(content)
    except ValueError as error:
        raise InputError(f"{source} is damaged ({error}); {remedy}") from None


def instrument_names():
    """Names of the instruments that come with the package, sorted."""
    files = resources.files("phangs_sfh.data").iterdir()
    found = [file.name for file in files if file.name.startswith("instrument_")]
    return sorted(name.removeprefix("instrument_").removesuffix(".json") for name in found)


def load_instrument(name=None):
    """A named instrument, or one from a JSON file.

    Parameters
    ----------
    name : name or path; the default is MUSE with the five PHANGS-HST bands. An Instrument is
        returned as it is

    Raises
    ------
    InputError
        If there is no such instrument or file, or a field is missing or makes no sense.
    """
    if isinstance(name, Instrument):
        return name
    names = instrument_names()
    name = DEFAULT if name is None else str(name)
    if name in names:
        path = resources.files("phangs_sfh.data").joinpath(f"instrument_{name}.json")
    else:
        path = Path(name)
    remedy = "start from a named instrument"
    try:
        content = read_json(path, dict, remedy)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise InputError(
            f"{name}: no such instrument or file; instruments are {', '.join(names)}"
        ) from None
    return read_instrument(content, f"{name}: instrument", remedy)
