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
    [n, n_bands], or one of the pairs, finite and 0 where missing (as ``cleaning.Clean`` gives
    them); returns of the spectrum, if there is one,

    ``deviation`` [n, n_pixels]: from the mean spectrum of the training set, 0 where missing;
    ``log_error``, ``coverage`` [n, blocks]: of the error, centred, 0 where missing, and the share
    of usable pixels in each block of eight, up to a whole number of patches;

    and of the bands ``bands`` [n, n_bands, 4], ``band_valid`` [n, n_bands] (0 or 1).

    Means and scatters of the training set are weights that are not trained: ``set_typical``.
    """

    def __init__(self, patch, **kwargs):
        super().__init__(**kwargs)
        self.patch = patch

    def build(self, input_shape):
        if "flux" in input_shape:
            self.reference = self._constant("reference", input_shape["flux"][-1], 1.0)
        if "band_flux" in input_shape:
            n_bands = input_shape["band_flux"][-1]
            self.band_reference = self._constant("band_reference", n_bands, 3.5)
            self.band_scatter = self._constant("band_scatter", n_bands, 1.0)

    def _constant(self, name, length, value):
        initial = keras.initializers.Constant(value)
        return self.add_weight(name=name, shape=(length,), initializer=initial, trainable=False)

    def set_typical(self, examples):
        """Take means and scatters from noiseless objects.

        Parameters
        ----------
        examples : dict of arrays ``spectrum`` [m, n_pixels], ``bands`` [m, n_bands]

        Returns
        -------
        deviation : [m, n_pixels] array, what their spectra are without noise; None without any
        """
        if "bands" in examples:
            bands = np.arcsinh(np.asarray(examples["bands"], np.float32) / 0.02)
            self.band_reference.assign(bands.mean(axis=0))
            self.band_scatter.assign(np.maximum(bands.std(axis=0), 0.05))
        if "spectrum" not in examples:
            return None
        spectrum = np.asarray(examples["spectrum"], np.float32)
        spectrum = spectrum / spectrum.mean(axis=1, keepdims=True)
        self.reference.assign(spectrum.mean(axis=0))
        return spectrum - spectrum.mean(axis=0)

    def call(self, inputs):
        features, scale = {}, None
        if "flux" in inputs:
            features, scale = self._spectrum(inputs["flux"], inputs["flux_err"], inputs)
        if "band_flux" in inputs:
            band_flux, band_err = inputs["band_flux"], inputs["band_flux_err"]
            valid = _valid(band_err)
            if scale is None:
                scale = ops.maximum(_mean_band(band_flux, valid), 1e-6)
            features["bands"] = self._bands(band_flux / scale, band_err / scale, valid)
            features["band_valid"] = valid
        return features

    def _spectrum(self, flux, flux_err, inputs):
        """Features of the spectrum, and the scale of each row [n, 1]."""
        valid = _valid(flux_err)
        blocks = [in_blocks(values, self.patch) for values in (flux, flux_err, valid)]
        mean, log_err, present = _block_means(*blocks)
        scale, typical = _robust_mean(mean, log_err, blocks[2])
        if "band_flux" in inputs:
            own = _mean_band(inputs["band_flux"], _valid(inputs["band_flux_err"]))
            has_spectrum = ops.max(present, axis=-1, keepdims=True) > 0
            scale = ops.where(has_spectrum, scale, own)
        scale = ops.maximum(ops.maximum(scale, 0.1 * typical), 1e-6)
        deviation = ops.clip(flux * (1.0 / scale) - self.reference, -RATIO_LIMIT, RATIO_LIMIT)
        relative = ops.clip(log_err - ops.log(scale), *LOG_ERROR_LIMITS)
        features = {
            "deviation": valid * deviation,
            "log_error": present * (relative + 3.5) / 1.5,
            "coverage": blocks[2] / BLOCK,
        }
        return features, scale

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
        shapes = {}
        if "flux" in input_shape:
            n, n_pixels = input_shape["flux"]
            n_blocks = -(-n_pixels // self.patch) * self.patch // BLOCK
            shapes |= {"deviation": (n, n_pixels)}
            shapes |= {name: (n, n_blocks) for name in ("log_error", "coverage")}
        if "band_flux" in input_shape:
            n, n_bands = input_shape["band_flux"]
            shapes |= {"bands": (n, n_bands, N_BAND_FEATURES), "band_valid": (n, n_bands)}
        return shapes

    def get_config(self):
        return {**super().get_config(), "patch": self.patch}


def _valid(error):
    return ops.cast(error > 0, error.dtype)


def _mean_band(flux, valid):
    """Mean flux of the bands there are, [n, 1]."""
    number = ops.maximum(ops.sum(valid, axis=-1, keepdims=True), 1.0)
    return ops.sum(flux, axis=-1, keepdims=True) / number


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
