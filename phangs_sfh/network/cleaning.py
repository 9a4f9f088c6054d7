"""Input as the network can bear it: nothing infinite, huge or vanishing, whatever came in.

keras.ops only, row by row.
"""

from keras import ops

SMALLEST = 1.2e-38  # of normal float32; processors may take anything smaller for zero
LARGEST = 3.0e38
RANGE = 1e6  # about the typical flux of a row


def clean(flux, flux_err, band_flux, band_flux_err):
    """Mark what is missing and scale every row to a typical flux of 1.

    The unit is arbitrary, so f_λ in erg/s/cm²/Å (1e-18) and in solar luminosities (1e30) must both
    survive squares in float32. The scale is the geometric mean of the absolute flux of all usable
    pixels, or bands where there is no pixel: one bad pixel of 1e30 moves it by 4 %, where a mean
    would lose the rest of the row.

    Parameters
    ----------
    flux, flux_err : (n, n_pixels) tensors
    band_flux, band_flux_err : (n, n_bands) tensors, same unit
        Missing: error not positive, anything not finite, or an error of more than a million times
        the typical flux (what some pipelines write for bad pixels).

    Returns
    -------
    inputs : dict of tensors, the network's input; 0 in value and error where missing; a row
        without any flux but zeros is all missing
    pixels, bands : boolean tensors, True where usable
    """
    pixels, log_spectrum, n_spectrum = _usable(flux, flux_err)
    bands, log_bands, n_bands = _usable(band_flux, band_flux_err)
    log_scale = ops.where(n_spectrum > 0, log_spectrum, log_bands)
    factor = ops.exp(-log_scale)
    filled = n_spectrum + n_bands > 0
    flux, flux_err, pixels = _scaled(flux, flux_err, pixels & filled, factor)
    band_flux, band_flux_err, bands = _scaled(band_flux, band_flux_err, bands & filled, factor)
    inputs = {
        "flux": flux,
        "flux_err": flux_err,
        "band_flux": band_flux,
        "band_flux_err": band_flux_err,
    }
    return inputs, pixels, bands


def _usable(value, error):
    """What is usable, mean ln |value| of it and the number of values not zero, (n, 1)."""
    size = ops.abs(value)
    usable = (size < LARGEST) & (error > SMALLEST) & (error < LARGEST)  # false for NaN
    counted = usable & (size >= SMALLEST)
    logs = ops.where(counted, ops.log(ops.where(counted, size, 1.0)), 0.0)
    number = ops.sum(ops.cast(counted, "float32"), axis=-1, keepdims=True)
    return usable, ops.sum(logs, axis=-1, keepdims=True) / ops.maximum(number, 1.0), number


def _scaled(value, error, usable, factor):
    error = error * factor
    usable = usable & (error < RANGE)
    value = ops.where(usable, ops.clip(value * factor, -RANGE, RANGE), 0.0)
    return value, ops.where(usable, ops.maximum(error, 1.0 / RANGE), 0.0), usable
