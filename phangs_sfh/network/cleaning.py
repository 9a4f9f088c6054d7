"""Input as the network can bear it: nothing infinite, huge or vanishing, whatever came in.

keras.ops only, row by row, with as few passes over the pixels as can be: at batch 1024 each costs
as much as a matrix product.
"""

from functools import cache

import keras
import numpy as np
from keras import ops

from phangs_sfh.problems.inputs import KINDS

SMALLEST = 1.2e-38  # of normal float32; processors may take anything smaller for zero
LARGEST = 3.0e38
LOG_LARGEST = float(np.log(LARGEST))
RANGE = 1e6  # about the typical flux of a row
LARGEST_ERROR = 100.0  # of a pixel, in units of the typical flux: beyond, it is no data
LIMITS = {"spectrum": (RANGE, LARGEST_ERROR, True), "bands": (1e3 * RANGE, 1e3 * RANGE, False)}
"""By kind of input: largest value and error about the typical flux, and whether 0 is no data."""

PIXELS_PER_SAMPLE = 7


@cache
def _sampled_pixels(n_pixels):
    """One pixel of each run of seven, at random places so that no regular mask hits all."""
    starts = np.arange(0, n_pixels - PIXELS_PER_SAMPLE + 1, PIXELS_PER_SAMPLE)
    # Weyl's sequence: the golden ratio's multiples modulo 1
    shifts = np.mod(np.arange(len(starts)) * 0.6180339887498949, 1.0) * PIXELS_PER_SAMPLE
    return (starts + shifts.astype(int)).astype(np.int32)


def clean(inputs):
    """Mark what is missing and scale every row to a typical flux of 1.

    The unit is arbitrary, so f_λ in erg/s/cm²/Å (1e-18) and in solar luminosities (1e30) must both
    survive squares in float32. The scale is the geometric mean of the absolute flux, over a seventh
    of the pixels, or over the bands where there is no pixel: one bad pixel of 1e30 hardly moves it,
    where a mean would lose the rest of the row.

    Parameters
    ----------
    inputs : dict of tensors, ``flux``, ``flux_err`` (n, n_pixels), ``band_flux``, ``band_flux_err``
        (n, n_bands), same unit, or one of the pairs
        Missing: error not positive, anything not finite, a pixel whose value is exactly 0 or more
        than a million times the typical flux, or its error more than a hundred times (some
        pipelines write such for bad pixels). Missing
        as a whole: a spectrum or a set of bands with nothing but zeros, or a spectrum of a few
        pixels with none among the sampled ones.

    Returns
    -------
    cleaned : dict of tensors, the network's input; 0 in value and error where missing
    present : dict of boolean tensors by kind of input, True where usable
    """
    pairs = {kind.kind: (inputs[kind.value], inputs[kind.error]) for kind in kinds_of(inputs)}
    levels = {}
    if "spectrum" in pairs:
        flux, error = pairs["spectrum"]
        sample = _sampled_pixels(flux.shape[-1])
        levels["spectrum"] = _level(ops.take(flux, sample, axis=1), ops.take(error, sample, axis=1))
    if "bands" in pairs:
        levels["bands"] = _level(*pairs["bands"])
    shift = 0.0
    if len(levels) == 2:  # bands in another unit shall look odd, not be lost
        (log_pixels, has_pixels), (log_bands, _) = levels["spectrum"], levels["bands"]
        shift = ops.where(has_pixels, ops.clip(log_bands - log_pixels, -13.8, 13.8), 0.0)
    cleaned, present = {}, {}
    for kind in kinds_of(inputs):
        level, seen = levels[kind.kind]
        if kind.kind == "bands":
            level = level - shift
        cleaned[kind.value], cleaned[kind.error], present[kind.kind] = _scaled(
            *pairs[kind.kind], level, seen, *LIMITS[kind.kind]
        )
    return cleaned, present


def kinds_of(inputs):
    """Kinds of input that are among some tensors by name, in the network's order (list)."""
    return [kind for kind in KINDS.values() if kind.value in inputs]


def in_order(inputs):
    """Values of a dict of tensors in the network's order (list)."""
    return [inputs[name] for kind in kinds_of(inputs) for name in (kind.value, kind.error)]


def _level(value, error):
    """Mean ln |value| over usable values that are not 0, and whether there are any; (n, 1)."""
    size = ops.abs(value)  # comparisons are false for NaN
    counted = (size >= SMALLEST) & (size < LARGEST) & (error >= SMALLEST) & (error < LARGEST)
    logs = ops.where(counted, ops.log(ops.where(counted, size, 1.0)), 0.0)
    number = ops.sum(ops.cast(counted, "float32"), axis=-1, keepdims=True)
    mean = ops.sum(logs, axis=-1, keepdims=True) / ops.maximum(number, 1.0)
    return mean, number > 0.0


def _scaled(value, error, log_scale, present, value_range, error_range, zero_is_missing):
    """Values and errors in units of the scale, zeros where missing, and where they are usable."""
    largest, largest_error = (
        ops.where(present, ops.exp(ops.minimum(log_scale + log_range, LOG_LARGEST)), -1.0)
        for log_range in (np.float32(np.log(value_range)), np.float32(np.log(error_range)))
    )
    factor = ops.exp(-log_scale)
    usable = (ops.abs(value) < largest) & (error >= SMALLEST) & (error < largest_error)
    scaled = value * factor
    if zero_is_missing:
        usable = usable & (scaled != 0.0)
    value = ops.where(usable, scaled, 0.0)
    error = ops.where(usable, ops.maximum(error * factor, 1.0 / RANGE), 0.0)
    return value, error, usable


@keras.saving.register_keras_serializable(package="phangs_sfh")
class Clean(keras.layers.Layer):
    """``clean`` as the network's first layer: a dict of the inputs to a list ``in_order``."""

    def call(self, inputs):
        return in_order(clean(inputs)[0])

    def compute_output_shape(self, input_shape):
        return in_order(input_shape)
