"""Surprise: how unlike the training set an input is, on a scale that can be read.

``surprise`` is -log10 of the fraction of held-out training-like examples (noise, masks and missing
bands included) that are at least as odd: 2 is the oddest in a hundred, 3 one in a thousand. Beyond
what the held-out set can resolve it goes on in a straight line, up to ``MAX_SURPRISE``. An answer
with 3 or more is flagged ``HIGH_SURPRISE``: the network has not been trained on such an input.

Four measures of oddity, each turned into such a number on its own; the largest counts, and is
calibrated once more so that the meaning above holds for it:

latent    Mahalanobis distance in the network's latent space, among examples with the same kind of
          data (both, spectrum only, bands only)
residual  chi^2 per pixel of the spectrum about the space of noiseless training spectra (principal
          components and smooth flux-calibration errors), at its signal-to-noise; windows of strong
          emission lines left out. Sees wrong redshifts, other kinds of object, bad reductions.
noise     signal-to-noise ratio per pixel below that of nearly all training spectra
bands     the band farthest from the training set's range of band-to-spectrum ratios. Sees units
          that do not match.

The last three guard against what the latent space ignores. keras.ops only; constants come from
``posterior/training_set.py``.
"""

import numpy as np
from keras import ops

MAX_SURPRISE = 99.0
HIGH_SURPRISE = 3.0
MEASURES = ("latent", "residual", "noise", "bands")
KINDS = ("both", "spectrum", "bands")

MAX_SIGNAL_TO_NOISE = 500.0  # per pixel, for weights: no model is perfect
MIN_PIXELS = 60  # for the residual to mean anything
RIDGE = 1e-4


def piecewise_linear(x, knots, values, end_slope):
    """Continuous piecewise-linear function, flat before the first knot.

    Parameters
    ----------
    x : (n,) tensor
    knots, values : (k,) arrays, knots rising
    end_slope : float, slope beyond the last knot

    Returns
    -------
    y : (n,) tensor
    """
    knots = np.asarray(knots, np.float64)
    slopes = np.append(np.diff(values) / np.diff(knots), end_slope).astype(np.float32)
    widths = np.append(np.diff(knots), np.inf).astype(np.float32)
    beyond = ops.expand_dims(x, -1) - knots.astype(np.float32)
    return np.float32(values[0]) + ops.sum(ops.clip(beyond, 0.0, widths) * slopes, axis=-1)


def measure_latent(latent, kind, constants):
    """Mahalanobis distance per square root of dimension, (n,), by kind of data, (n, 3) one-hot."""
    distances = []
    for row in range(len(KINDS)):
        offset = latent - constants["latent_mean"][row]
        scaled = ops.matmul(offset, constants["latent_whitening"][row])
        distances.append(ops.mean(scaled * scaled, axis=-1))
    return ops.sqrt(ops.sum(ops.stack(distances, axis=-1) * kind, axis=-1))


def measure_spectrum(inputs, pixels, constants):
    """Fit the subspace of training spectra.

    Weights are inverse variances; a weak ridge keeps the fit solvable where few pixels are left.
    Written for few passes over the pixels: products of matrices are nearly free beside them.

    Returns
    -------
    level : (n,) tensor, mean flux of the fit
    log_signal_to_noise : (n,) tensor, log10 of the fit's rms S/N per pixel
    log_chi2 : (n,) tensor, ln of chi^2 per pixel
    usable : (n,) boolean tensor
    """
    basis = constants["basis"]  # (m, n_pixels), orthonormal in the mean over pixels used
    use = constants["use"][:, None]  # (n_pixels, 1)
    n_basis = basis.shape[0]
    products, unfold = _products_of(basis)
    basis = ops.convert_to_tensor(basis)
    flux, error = inputs["flux"], inputs["flux_err"]
    weight = ops.where(pixels, 1.0 / (error * error + MAX_SIGNAL_TO_NOISE**-2), 0.0)
    number = ops.matmul(ops.cast(pixels, "float32"), use)
    scale = 1.0 / ops.maximum(ops.matmul(weight, use), 1e-30)
    half = ops.matmul(weight, products) * scale
    normal = ops.matmul(half, unfold)  # (n, m * m)
    # a few pixels of large weight make it singular: the ridge stays above rounding errors
    largest = ops.maximum(ops.max(normal[:, :: n_basis + 1], axis=-1), 1.0)
    ridge = ops.reshape(RIDGE * largest, (-1, 1, 1)) * np.eye(n_basis, dtype="float32")
    normal = ops.reshape(normal, (-1, n_basis, n_basis)) + ridge
    moments = ops.matmul(weight * flux, ops.transpose(basis)) * scale
    coefficients = _solve(normal, ops.expand_dims(moments, -1))
    residual = flux - ops.matmul(coefficients[..., 0], basis)
    per_pixel = 1.0 / ops.maximum(number, 1.0)
    chi2 = ops.matmul(weight * residual * residual, use) * per_pixel
    signal = ops.sum(coefficients * ops.matmul(normal, coefficients), axis=1) / scale * per_pixel
    level = ops.matmul(coefficients[..., 0], constants["basis_mean"][:, None])
    log_sn = 0.5 * ops.log(ops.maximum(signal, 1e-12)) / np.float32(np.log(10.0))
    log_chi2 = ops.log(ops.maximum(chi2, 1e-6))
    return level[:, 0], log_sn[:, 0], log_chi2[:, 0], number[:, 0] >= MIN_PIXELS


def _products_of(basis):
    """Products of all pairs of basis functions, and what makes the normal matrix of them.

    The matrix is symmetric: half of it is summed, then unfolded, by a product, which is twice as
    fast as gathering. Written with the graph's operations: TensorFlow works them out once when a
    model is loaded, and they need no room in its file.

    Parameters
    ----------
    basis : (m, n_pixels) array

    Returns
    -------
    products : (n_pixels, m (m + 1) / 2) tensor; unfold : (m (m + 1) / 2, m²) tensor
    """
    n_basis = len(basis)
    row, column = (index.astype(np.int32) for index in np.tril_indices(n_basis))
    both = ops.one_hot(row * n_basis + column, n_basis**2)
    unfold = ops.maximum(both, ops.one_hot(column * n_basis + row, n_basis**2))
    products = ops.take(basis, row, axis=0) * ops.take(basis, column, axis=0)
    return ops.transpose(products), unfold


def _solve(matrix, vector):
    """Solve positive definite systems by Cholesky factors; keras has no solver that does."""
    lower = ops.cholesky(matrix)
    half = ops.solve_triangular(lower, vector, lower=True)
    return ops.solve_triangular(ops.swapaxes(lower, -1, -2), half, lower=False)


def measure_bands(inputs, bands, level, has_spectrum, constants):
    """Largest deviation, in sigma, of ln(band flux / spectrum's level), (n,).

    Without a spectrum the bands are compared with each other. A flux below its error counts as
    its error, an upper limit.
    """
    flux = ops.maximum(inputs["band_flux"], inputs["band_flux_err"])
    present = ops.cast(bands, "float32")
    logs = ops.log(ops.where(bands, ops.maximum(flux, 1e-6), 1.0)) - constants["band_mean"]
    number = ops.maximum(ops.sum(present, axis=-1), 1.0)
    own = ops.sum(logs * present, axis=-1) / number
    reference = ops.where(has_spectrum, ops.log(ops.maximum(level, 1e-2)), own)
    sigmas = (logs - ops.expand_dims(reference, -1)) / constants["band_std"]
    return ops.max(ops.abs(sigmas) * present, axis=-1)


def measure(latent, inputs, present, constants):
    """Raw distances in the order of ``MEASURES``; larger is odder.

    Parameters
    ----------
    latent : (n, d) tensor
    inputs, present : from ``cleaning.clean``
    constants : dict of arrays, see ``training_set.measure_constants``

    Returns
    -------
    distances : (n, 4) tensor; -1e3 where a measure does not apply
    """
    has_spectrum, has_bands = has_kinds(present)
    kind = ops.stack([has_spectrum & has_bands, has_spectrum & ~has_bands, ~has_spectrum], axis=-1)
    none = -1e3 * ops.ones_like(latent[:, 0])
    residual = noise = band_distance = none
    level, usable = none, ops.zeros_like(has_spectrum)
    if "spectrum" in present:
        level, log_sn, log_chi2, usable = measure_spectrum(inputs, present["spectrum"], constants)
        expected = piecewise_linear(log_sn, constants["sn_knots"], constants["chi2_median"], 0.0)
        spread = piecewise_linear(log_sn, constants["sn_knots"], constants["chi2_spread"], 0.0)
        residual = ops.where(usable, (log_chi2 - expected) / spread, none)
        noise = ops.where(usable, -log_sn, none)
    if "bands" in present:
        distance = measure_bands(inputs, present["bands"], level, usable, constants)
        band_distance = ops.where(has_bands, distance, none)
    latent_distance = measure_latent(latent, ops.cast(kind, "float32"), constants)
    return ops.stack([latent_distance, residual, noise, band_distance], axis=-1)


def has_kinds(present):
    """Whether each row has a spectrum, and any band: boolean tensors (n,)."""
    some = next(iter(present.values()))
    none = ops.zeros_like(some[:, 0])
    kinds = ("spectrum", "bands")
    return tuple(ops.any(present[k], axis=-1) if k in present else none for k in kinds)


def surprise(distances, constants):
    """Calibrated surprise, (n,), of distances (n, 4) from ``measure``."""
    each = [
        piecewise_linear(distances[:, i], *(constants[f"{name}_{part}"] for part in _TABLE))
        for i, name in enumerate(MEASURES)
    ]
    largest = ops.max(ops.stack(each, axis=-1), axis=-1)
    value = piecewise_linear(largest, *(constants[f"joint_{part}"] for part in _TABLE))
    value = ops.where(ops.isfinite(value), value, MAX_SURPRISE)
    return ops.clip(value, 0.0, MAX_SURPRISE)


_TABLE = ("knots", "values", "end_slope")
