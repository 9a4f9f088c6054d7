"""Normalisation inside the graph: any flux unit in, finite features out.

On a CPU every pass over the pixels of a batch costs as much as a matrix product of 64 columns, so
there are few: what need not be known pixel by pixel is computed from sums over blocks of eight.
"""

import keras
import numpy as np
from keras import ops

TINY = 1e-30
RATIO_LIMIT = 30.0
LOG_ERROR_LIMITS = (-9.0, 5.0)
BLOCK = 8  # pixels, 10 Å
N_BAND_FEATURES = 4


def in_blocks(values, multiple=BLOCK):
    """Zeros appended to a multiple of ``multiple`` pixels, then sums over blocks of eight.

    Parameters
    ----------
    values : [n, n_pixels]

    Returns
    -------
    sums : [n, blocks]
    """
    n_pixels = values.shape[-1]
    padded = -(-n_pixels // multiple) * multiple
    values = ops.pad(values, [[0, 0], [0, padded - n_pixels]])
    # a product with ones, sooner than a sum over so short an axis
    sums = ops.matmul(ops.reshape(values, (-1, BLOCK)), np.ones((BLOCK, 1), np.float32))
    return ops.reshape(sums, (-1, padded // BLOCK))


@keras.saving.register_keras_serializable(package="phangs_sfh")
class Normalise(keras.layers.Layer):
    """Cleaned inputs to features. The scale is the mean flux of the spectrum, else of the bands.

    Call with a dict of ``flux``, ``flux_err`` [n, n_pixels], ``band_flux``, ``band_flux_err``
    [n, n_bands], finite and 0 where missing (as ``cleaning.Clean`` gives them); returns

    ``deviation`` [n, n_pixels]: from the mean spectrum of the training set, 0 where missing;
    ``log_error``, ``coverage`` [n, blocks]: of the error, centred, 0 where missing, and the share
    of usable pixels in each block of eight, up to a whole number of patches;
    ``bands`` [n, n_bands, 4], ``band_valid`` [n, n_bands] (0 or 1).

    Means and scatters of the training set are weights that are not trained: ``set_reference``.
    """

    def __init__(self, patch, **kwargs):
        super().__init__(**kwargs)
        self.patch = patch

    def build(self, input_shape):
        n_pixels, n_bands = input_shape["flux"][-1], input_shape["band_flux"][-1]
        self.reference = self._constant("reference", n_pixels, 1.0)
        self.band_reference = self._constant("band_reference", n_bands, 3.5)
        self.band_scatter = self._constant("band_scatter", n_bands, 1.0)

    def _constant(self, name, length, value):
        initial = keras.initializers.Constant(value)
        return self.add_weight(name=name, shape=(length,), initializer=initial, trainable=False)

    def set_reference(self, spectrum, bands):
        """Take means and scatters from noiseless galaxies (arrays [m, n_pixels], [m, n_bands]).

        Returns
        -------
        deviation : [m, n_pixels] array, what these galaxies are without noise
        """
        spectrum = np.asarray(spectrum, np.float32)
        spectrum = spectrum / spectrum.mean(axis=1, keepdims=True)
        bands = np.arcsinh(np.asarray(bands, np.float32) / 0.02)
        self.reference.assign(spectrum.mean(axis=0))
        self.band_reference.assign(bands.mean(axis=0))
        self.band_scatter.assign(np.maximum(bands.std(axis=0), 0.05))
        return spectrum - spectrum.mean(axis=0)

    def call(self, inputs):
        flux, flux_err = inputs["flux"], inputs["flux_err"]
        band_flux, band_err = inputs["band_flux"], inputs["band_flux_err"]
        valid = ops.cast(flux_err > 0, flux.dtype)
        band_valid = ops.cast(band_err > 0, flux.dtype)
        blocks = [in_blocks(values, self.patch) for values in (flux, flux_err, valid)]
        mean, log_err, present = _block_means(*blocks)
        scale, typical = _robust_mean(mean, log_err, blocks[2])
        own = ops.sum(band_flux, axis=-1, keepdims=True)
        own = own / ops.maximum(ops.sum(band_valid, axis=-1, keepdims=True), 1.0)
        has_spectrum = ops.max(present, axis=-1, keepdims=True) > 0
        scale = ops.maximum(ops.where(has_spectrum, scale, own), 0.1 * typical)
        scale = ops.maximum(scale, 1e-6)
        deviation = ops.clip(flux * (1.0 / scale) - self.reference, -RATIO_LIMIT, RATIO_LIMIT)
        relative = ops.clip(log_err - ops.log(scale), *LOG_ERROR_LIMITS)
        return {
            "deviation": valid * deviation,
            "log_error": present * (relative + 3.5) / 1.5,
            "coverage": blocks[2] / BLOCK,
            "bands": self._bands(band_flux / scale, band_err / scale, band_valid),
            "band_valid": band_valid,
        }

    def _bands(self, flux, flux_err, valid):
        stretched = (ops.arcsinh(flux / 0.02) - self.band_reference) / self.band_scatter
        relative = flux_err / ops.maximum(ops.abs(flux), TINY)
        features = [
            valid * ops.clip(stretched, -RATIO_LIMIT, RATIO_LIMIT),
            valid * _log_error(flux_err, -3.5, 1.5),
            valid * _log_error(relative, -3.0, 1.0),
            valid,
        ]
        return ops.stack(features, axis=-1)

    def compute_output_shape(self, input_shape):
        n, n_pixels = input_shape["flux"]
        n_bands = input_shape["band_flux"][-1]
        n_blocks = -(-n_pixels // self.patch) * self.patch // BLOCK
        return {
            "deviation": (n, n_pixels),
            "log_error": (n, n_blocks),
            "coverage": (n, n_blocks),
            "bands": (n, n_bands, N_BAND_FEATURES),
            "band_valid": (n, n_bands),
        }

    def get_config(self):
        return {**super().get_config(), "patch": self.patch}


def _block_means(flux, flux_err, number):
    """Mean flux, ln of the mean error, and 1 where there is a pixel; from sums, [n, blocks]."""
    share = 1.0 / ops.maximum(number, 1.0)
    log_err = ops.log(ops.clip(flux_err * share, TINY, 1.0 / TINY))
    present = ops.cast(number > 0, flux.dtype)
    return flux * share, present * log_err, present


def _robust_mean(mean, log_err, number):
    """Mean flux, [n, 1]; blocks with errors far above the typical one hardly count.

    Typical is the geometric mean, which neither a huge nor a tiny error can drag away.

    Returns
    -------
    mean, typical error : [n, 1]
    """
    n_present = ops.sum(ops.cast(number > 0, mean.dtype), axis=-1, keepdims=True)
    typical = ops.sum(log_err, axis=-1, keepdims=True) / ops.maximum(n_present, 1.0)
    weight = number * ops.exp(-2.0 * ops.relu(log_err - typical))
    total = ops.maximum(ops.sum(weight, axis=-1, keepdims=True), TINY)
    return ops.sum(weight * mean, axis=-1, keepdims=True) / total, ops.exp(typical)


def _log_error(error, centre, spread):
    clipped = ops.clip(error, TINY, 1.0 / TINY)
    return (ops.clip(ops.log(clipped), *LOG_ERROR_LIMITS) - centre) / spread
