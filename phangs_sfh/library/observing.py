"""The observation model: noiseless galaxies to what MUSE and HST would have seen of them.

Drawn in ``tf.data`` on whole batches, afresh in every epoch, from stateless random numbers: the
same seed gives the same observation. The error that is handed on is the honest standard deviation
of each pixel's noise; calibration errors, velocity errors and correlations are not in it, as in
real data. The shape of the errors never depends on the galaxy: an error spectrum that followed the
noiseless flux would give away the answer.
"""

import json
from dataclasses import asdict, dataclass
from typing import Annotated, ClassVar

import numpy as np
import tensorflow as tf
from pydantic import ConfigDict, Field

from phangs_sfh.files.json_files import Positive, check
from phangs_sfh.instrument import emission_lines, noise
from phangs_sfh.instrument.constants import RELATIVE_PER_MAG, SPEED_OF_LIGHT

N_BAD_PIXELS = 12
N_SPIKES = 8
SPIKE_HEIGHT = 4.0  # rms, in units of the error


Share = Annotated[float, Field(ge=0, le=1)]
Range = tuple[Positive, Positive]


@dataclass(frozen=True)
class ObservingConditions:
    """Ranges that observations are drawn from. Every fraction is a probability per example.

    Attributes
    ----------
    sn : lowest and highest S/N per pixel (log-uniform), of the continuum (the
        library's spectra have median 1) over mid-range noise
    correlation : highest fraction of noise taken over from each neighbouring pixel (uniform)
    calibration : highest rms of the smooth multiplicative flux-calibration error (uniform)
    calibration_order : highest order of its Legendre polynomial, lowest is 1
    velocity_error : standard deviation [km/s], beyond the velocity that a library may hold
    masked_block, truncated, bad_pixels, masked_lines, no_spectrum : fractions of examples
    sky_residuals : fraction of examples with leftovers of sky lines beyond their errors
    band_error : lowest and highest photometric error [mag] (log-uniform, per band)
    zero_point : standard deviation of each band's zero-point error (relative flux)
    aperture : standard deviation of the factor between spectrum and bands (relative flux)
    no_band : fraction of missing bands; no_bands : fraction of examples without any
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    sn: Range = (5.0, 300.0)
    correlation: Share = 0.4
    calibration: Share = 0.05
    calibration_order: Annotated[int, Field(ge=1, le=50)] = 4
    velocity_error: Annotated[float, Field(ge=0, le=1000)] = 0.0
    masked_block: Share = 0.3
    truncated: Share = 0.2
    bad_pixels: Share = 0.3
    sky_residuals: Share = 0.3
    masked_lines: Share = 0.5
    no_spectrum: Share = 0.03
    band_error: Range = (0.01, 0.3)
    zero_point: Share = 0.02
    aperture: Share = 0.05
    no_band: Share = 0.10
    no_bands: Share = 0.15

    def __post_init__(self):
        for name in ("sn", "band_error"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} has low > high; swap them")

    @classmethod
    def fixed(cls, sn, bands=True, band_error=0.05, masked_lines=1.0):
        """Conditions for evaluation: one S/N, nothing missing but the emission-line windows.

        Parameters
        ----------
        sn : S/N per pixel
        bands : all bands present, or none
        band_error : photometric error [mag]
        masked_lines : fraction of examples whose emission-line windows are masked
        """
        return cls(
            sn=(sn, sn), masked_block=0.0, truncated=0.0, bad_pixels=0.0, no_spectrum=0.0,
            sky_residuals=0.0,
            masked_lines=masked_lines, band_error=(band_error, band_error), no_band=0.0,
            no_bands=0.0 if bands else 1.0,
        )  # fmt: skip

    def to_dict(self):
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, content):
        """Inverse of ``to_dict``; absent fields keep their defaults. Raises InputError for unknown
        fields and values that make no sense."""
        return check(content, cls, "observing conditions", "correct the prior's 'observing'")

    def to_json(self):
        return json.dumps(self.to_dict())


class Draws:
    """Independent stateless random numbers from one seed: each draw splits off its own."""

    def __init__(self, seed, n):
        self._seed = tf.cast(seed, tf.int32)
        self._count = 0
        self.n = n

    def _next(self):
        self._count += 1
        return tf.random.experimental.stateless_fold_in(self._seed, self._count)

    def normal(self, *shape):
        return tf.random.stateless_normal([self.n, *shape], self._next())

    def uniform(self, *shape, low=0.0, high=1.0):
        return tf.random.stateless_uniform([self.n, *shape], self._next(), low, high)

    def log_uniform(self, limits, *shape):
        low, high = np.log(limits[0]), np.log(limits[1])
        return tf.exp(low + (high - low) * self.uniform(*shape))

    def chance(self, probability, *shape):
        return self.uniform(*shape) < probability


def observe(noiseless, instrument, conditions, seed):
    """Draw one observation of each object.

    Parameters
    ----------
    noiseless : dict of tensors by kind of input: ``spectrum`` [n, n_pixels], f_λ, and ``bands``
        [n, n_bands], fluxes in the same unit; or one of them, which then is never missing
    instrument : Instrument
    conditions : ObservingConditions
    seed : [2] integer tensor

    Returns
    -------
    inputs : dict of ``flux``, ``flux_err`` [n, n_pixels], ``band_flux``, ``band_flux_err``
        [n, n_bands], float32; error 0 = missing. At least one band or pixel of each object is there
    """
    noiseless = {kind: tf.cast(values, tf.float32) for kind, values in noiseless.items()}
    draws = Draws(seed, tf.shape(next(iter(noiseless.values())))[0])
    seen, present = {}, {}
    if "spectrum" in noiseless:
        seen |= _observe_spectrum(noiseless["spectrum"], instrument, conditions, draws)
    if "bands" in noiseless:
        seen |= _observe_bands(noiseless["bands"], conditions, draws)
    no_spectrum = draws.chance(conditions.no_spectrum if len(noiseless) > 1 else 0.0, 1)
    if "bands" in noiseless:
        alone = no_spectrum if "spectrum" in noiseless else ~no_spectrum
        present["band_flux"] = _bands_there(instrument.n_bands, conditions, draws, alone)
    if "spectrum" in noiseless:
        present["flux"] = _pixels(instrument.wave, conditions, draws) & ~no_spectrum
    zero = tf.zeros([], tf.float32)
    return {
        name: tf.where(present[name.removesuffix("_err")], values, zero)
        for name, values in seen.items()
    }


def _bands_there(n_bands, conditions, draws, alone):
    """True where a band is observed, [n, n_bands]; where ``alone`` [n, 1], one always is."""
    lost = draws.chance(conditions.no_band, n_bands) | (
        draws.chance(conditions.no_bands, 1) & ~alone
    )
    chosen = draws.uniform(n_bands)
    kept = chosen >= tf.reduce_max(chosen, axis=1, keepdims=True)
    return ~lost | (alone & kept)


def _observe_spectrum(spectrum, instrument, conditions, draws):
    """Shifted, miscalibrated and noisy ``flux``, and ``flux_err``; each [n, n_pixels]."""
    wave, n_pixels = instrument.wave, instrument.n_pixels
    step = wave[1] - wave[0]
    # Quadratic interpolation: a linear one would also smooth, by up to 0.3 pixel.
    velocity = conditions.velocity_error * draws.normal(1)
    shift = velocity * tf.constant(wave / (SPEED_OF_LIGHT * step), tf.float32)
    left = tf.concat([spectrum[:, :1], spectrum[:, :-1]], axis=1)
    right = tf.concat([spectrum[:, 1:], spectrum[:, -1:]], axis=1)
    flux = spectrum + shift * (0.5 * shift * (left - 2.0 * spectrum + right) - 0.5 * (right - left))

    order = conditions.calibration_order
    basis = tf.constant(noise.calibration_basis(n_pixels, order), tf.float32)
    weights = draws.normal(order) / np.sqrt(order)
    rms = draws.uniform(1, high=max(conditions.calibration, 1e-9))
    flux *= 1.0 + tf.matmul(rms * weights, basis)

    x = tf.constant(np.linspace(-1.0, 1.0, n_pixels), tf.float32)
    tilt = tf.exp(noise.TILT * draws.normal(1) * x)
    shape = tf.constant(instrument.noise.at(wave), tf.float32)
    error = tilt * shape / draws.log_uniform(conditions.sn, 1)
    white = draws.normal(n_pixels + 2)
    taken = draws.uniform(1, high=max(conditions.correlation, 1e-9))
    drawn = noise.correlated(white, taken) + _sky_residuals(n_pixels, conditions, draws)
    return {"flux": flux + error * drawn, "flux_err": error}


def _sky_residuals(n_pixels, conditions, draws):
    """Leftovers of badly subtracted sky lines in units of the error, [n, n_pixels].

    Three pixels wide, at random places: the sky's lines fall anywhere in a rest-frame spectrum.
    """
    height = SPIKE_HEIGHT * draws.normal(N_SPIKES)
    height = tf.where(draws.chance(conditions.sky_residuals, 1), height, 0.0)
    index = tf.cast(draws.uniform(N_SPIKES) * n_pixels, tf.int32)
    rows = tf.broadcast_to(tf.range(draws.n)[:, None], tf.shape(index))
    peaks = tf.scatter_nd(tf.stack([rows, index], axis=-1), height, [draws.n, n_pixels])
    return peaks + 0.5 * (tf.roll(peaks, 1, axis=1) + tf.roll(peaks, -1, axis=1))


def _pixels(wave, conditions, draws):
    """True where a pixel is observed, [n, n_pixels]; a quarter of the range always remains."""
    x = tf.constant(np.linspace(0.0, 1.0, len(wave)), tf.float32)
    start, width = draws.uniform(1), draws.uniform(1, high=0.15)
    block = (x >= start) & (x < start + width) & draws.chance(conditions.masked_block, 1)

    low, high = draws.uniform(1, high=0.4), draws.uniform(1, low=0.6)
    side = draws.uniform(1)  # a third blue end lost, a third red end, a third both
    cut = ((x < low) & (side < 2 / 3)) | ((x > high) & (side > 1 / 3))
    cut &= draws.chance(conditions.truncated, 1)

    places = draws.uniform(N_BAD_PIXELS)
    index = tf.cast(places * len(wave), tf.int32)
    rows = tf.broadcast_to(tf.range(draws.n)[:, None], tf.shape(index))
    hit = draws.chance(conditions.bad_pixels, 1) & (draws.uniform(N_BAD_PIXELS) < 0.7)
    where = tf.boolean_mask(tf.stack([rows, index], axis=-1), hit)
    shape = tf.stack([draws.n, len(wave)])
    bad = tf.scatter_nd(where, tf.ones_like(where[:, 0]), shape) > 0

    lines = tf.constant(emission_lines.window_mask(wave)) & draws.chance(conditions.masked_lines, 1)
    return ~(block | cut | bad | lines)


def _observe_bands(bands, conditions, draws):
    """``band_flux`` with zero-point and aperture errors, ``band_flux_err``; [n, n_bands]."""
    n_bands = bands.shape[1]
    relative = RELATIVE_PER_MAG * draws.log_uniform(conditions.band_error, n_bands)
    factor = tf.exp(
        conditions.zero_point * draws.normal(n_bands) + conditions.aperture * draws.normal(1)
    )
    error = relative * bands
    noisy = bands * factor + error * draws.normal(n_bands)
    return {"band_flux": noisy, "band_flux_err": error}
