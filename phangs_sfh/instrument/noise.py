"""How a spectrum's noise varies along it: its shape, its tilt and its smooth calibration error.

The one noise model, for the observations that networks are trained on (``library/observing.py``)
and for studies of what such observations can tell.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import ConfigDict, Field

from phangs_sfh.files.json_files import Fields

TILT = 0.15
"""Standard deviation of the noise's tilt: logarithm of its change from mid-range to an end. No two
nights and no two regions of a field have the same throughput and sky."""


NotNegative = Annotated[float, Field(ge=0, le=1e9)]
Width = Annotated[float, Field(gt=0, le=1e9)]


class NoiseFields(Fields):
    """A noise shape in JSON; what is absent is MUSE's."""

    model_config = ConfigDict(extra="forbid")

    blue_rise: tuple[NotNegative, Width, NotNegative] = (0.0, 1.0, 0.0)
    sky_lines: list[tuple[NotNegative, NotNegative, Width]] = []


@dataclass(frozen=True)
class NoiseShape:
    """Noise per pixel relative to that of mid-range; the defaults are MUSE's.

    Attributes
    ----------
    blue_rise : below which wavelength [Å] noise rises, as the square of the distance; the distance
        [Å] at which it has risen by the third number. MUSE: Bacon et al. 2010, its throughput
    sky_lines : residuals of night-sky lines: wavelength [Å], extra noise relative to the
        continuum's, width σ [Å] of each
    """

    blue_rise: tuple = (5600.0, 800.0, 0.8)
    sky_lines: tuple = (
        (5577.3, 3.0, 4.0),
        (5891.0, 1.0, 5.0),
        (6300.3, 2.0, 4.0),
        (6363.8, 1.0, 4.0),
        (6498.7, 0.6, 5.0),
        (6553.6, 0.6, 5.0),
        (6863.9, 1.2, 8.0),
        (6923.2, 1.2, 8.0),
    )

    def at(self, wave):
        """Noise at wavelengths (n_pixels,) [Å], about 1 in mid-range, (n_pixels,)."""
        start, distance, rise = self.blue_rise
        shape = 1.0 + rise * np.clip((start - wave) / distance, 0.0, None) ** 2
        for centre, height, width in self.sky_lines:
            shape = shape + height * np.exp(-0.5 * ((wave - centre) / width) ** 2)
        return shape

    def to_dict(self):
        return {
            "blue_rise": list(self.blue_rise),
            "sky_lines": [list(line) for line in self.sky_lines],
        }

    @classmethod
    def from_dict(cls, content):
        """Inverse of ``to_dict``, of fields that are as ``NoiseFields`` says."""
        shape = cls(**content)
        return cls(tuple(shape.blue_rise), tuple(tuple(line) for line in shape.sky_lines))


def calibration_basis(n_pixels, order):
    """Smooth shapes of a flux-calibration error: Legendre polynomials 1 to ``order``, rms 1.

    Returns
    -------
    basis : (order, n_pixels) array
    """
    x = np.linspace(-1.0, 1.0, n_pixels)
    basis = np.stack([np.polynomial.legendre.Legendre.basis(k)(x) for k in range(1, order + 1)])
    return basis / np.sqrt(np.mean(basis**2, axis=1, keepdims=True))


def correlated(white, taken):
    """Noise of unit variance whose neighbouring pixels correlate, as resampling makes them.

    Parameters
    ----------
    white : (..., n_pixels + 2) array or tensor, independent, of unit variance
    taken : fraction of noise taken over from each neighbour, a number or (..., 1)

    Returns
    -------
    noise : (..., n_pixels), as ``white``
    """
    mixed = white[..., 1:-1] + taken * (white[..., :-2] + white[..., 2:])
    return mixed / (1.0 + 2.0 * taken**2) ** 0.5
