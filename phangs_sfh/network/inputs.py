"""Normalisation inside the graph: any flux unit in, finite features out.

Missing pixels and bands (error <= 0, or flux or error not finite) are found here, and their values
are replaced before anything else is computed: they cannot change an answer.
"""

import keras
import numpy as np
from keras import ops

TINY = 1e-30
RATIO_LIMIT = 30.0
LOG_ERROR_LIMITS = (-9.0, 5.0)
CONTINUUM_PIXELS = 65  # about 80 Å: wider than any stellar feature, narrower than dust's slope
N_SPECTRAL_CHANNELS = 4
N_BAND_FEATURES = 4


def usable(flux, flux_err):
    """True where a value can be used, shape of ``flux``."""
    return ops.isfinite(flux) & ops.isfinite(flux_err) & (flux_err > 0)


def _peak(flux, valid):
    return ops.max(ops.where(valid, ops.abs(flux), 0.0), axis=-1, keepdims=True)


def _robust_mean(flux, flux_err, valid):
    """Mean of valid values, [n, 1]; those with errors far above the typical one hardly count.

    Typical is the geometric mean, which neither a huge nor a tiny error can drag away. The mean is
    kept above a tenth of that error, so that negative fluxes give a finite, positive scale.
    """
    weight = ops.cast(valid, flux.dtype)
    n_valid = ops.maximum(ops.sum(weight, axis=-1, keepdims=True), 1.0)
    log_err = ops.log(ops.clip(flux_err, TINY, 1.0 / TINY))
    typical = ops.exp(ops.sum(weight * log_err, axis=-1, keepdims=True) / n_valid)
    weight = weight * ops.square(ops.minimum(1.0, typical / ops.clip(flux_err, TINY, 1.0 / TINY)))
    mean = ops.sum(weight * flux, axis=-1, keepdims=True)
    mean = mean / ops.maximum(ops.sum(weight, axis=-1, keepdims=True), TINY)
    return ops.maximum(ops.maximum(mean, 0.1 * typical), 1e-6)


@keras.saving.register_keras_serializable(package="phangs_sfh")
class Normalise(keras.layers.Layer):
    """Raw inputs to features. The scale is the mean flux of the spectrum, else of the bands.

    Call with a dict of ``flux``, ``flux_err`` [n, n_pixels], ``band_flux``, ``band_flux_err``
    [n, n_bands]; returns ``spectrum`` [n, n_pixels, 4], ``pixel_valid`` [n, n_pixels] (0 or 1),
    ``bands`` [n, n_bands, 4], ``band_valid`` [n, n_bands].

    The mean spectrum and its scatter of the training set, weights that are not trained, centre the
    features: set them with ``set_reference``.
    """

    def build(self, input_shape):
        n_pixels, n_bands = input_shape["flux"][-1], input_shape["band_flux"][-1]
        self.reference = self._constant("reference", n_pixels, 1.0)
        self.scatter = self._constant("scatter", n_pixels, 0.2)
        self.contrast = self._constant("contrast", n_pixels, 0.0)
        self.contrast_scatter = self._constant("contrast_scatter", n_pixels, 0.03)
        self.band_reference = self._constant("band_reference", n_bands, 3.5)
        self.band_scatter = self._constant("band_scatter", n_bands, 1.0)

    def _constant(self, name, length, value):
        initial = keras.initializers.Constant(value)
        return self.add_weight(name=name, shape=(length,), initializer=initial, trainable=False)

    def set_reference(self, spectrum, bands):
        """Take means and scatters from noiseless galaxies (arrays [m, n_pixels], [m, n_bands])."""
        spectrum = np.asarray(spectrum, np.float32)
        spectrum = spectrum / spectrum.mean(axis=1, keepdims=True)
        valid = np.ones_like(spectrum)
        contrast = spectrum - ops.convert_to_numpy(_local_mean(spectrum, valid))
        bands = np.arcsinh(np.asarray(bands, np.float32) / 0.02)
        self.reference.assign(spectrum.mean(axis=0))
        self.scatter.assign(np.maximum(spectrum.std(axis=0), 0.02))
        self.contrast.assign(contrast.mean(axis=0))
        self.contrast_scatter.assign(np.maximum(contrast.std(axis=0), 0.005))
        self.band_reference.assign(bands.mean(axis=0))
        self.band_scatter.assign(np.maximum(bands.std(axis=0), 0.05))

    def call(self, inputs):
        flux, flux_err = inputs["flux"], inputs["flux_err"]
        band_flux, band_err = inputs["band_flux"], inputs["band_flux_err"]
        pixel_ok, band_ok = usable(flux, flux_err), usable(band_flux, band_err)
        # First by the peak: sums of fluxes of any unit then neither overflow nor vanish.
        peak = ops.maximum(_peak(flux, pixel_ok), 0.0)
        peak = ops.where(peak > 0, peak, _peak(band_flux, band_ok))
        peak = ops.where(peak > TINY, peak, TINY)
        flux, flux_err = (ops.where(pixel_ok, a, peak) / peak for a in (flux, flux_err))
        band_flux, band_err = (ops.where(band_ok, a, peak) / peak for a in (band_flux, band_err))

        any_pixel = ops.any(pixel_ok, axis=-1, keepdims=True)
        scale = ops.where(
            any_pixel,
            _robust_mean(flux, flux_err, pixel_ok),
            _robust_mean(band_flux, band_err, band_ok),
        )
        pixel_valid = ops.cast(pixel_ok, flux.dtype)
        band_valid = ops.cast(band_ok, flux.dtype)
        return {
            "spectrum": self._spectrum(flux / scale, flux_err / scale, pixel_valid),
            "pixel_valid": pixel_valid,
            "bands": self._bands(band_flux / scale, band_err / scale, band_valid),
            "band_valid": band_valid,
        }

    def _spectrum(self, flux, flux_err, valid):
        flux = ops.clip(flux, -RATIO_LIMIT, RATIO_LIMIT)
        shape = (flux - self.reference) / self.scatter
        lines = (flux - _local_mean(flux, valid) - self.contrast) / self.contrast_scatter
        channels = [
            valid * ops.clip(shape, -RATIO_LIMIT, RATIO_LIMIT),
            valid * ops.clip(lines, -RATIO_LIMIT, RATIO_LIMIT),
            valid * _log_error(flux_err, -3.5, 1.5),
            valid,
        ]
        return ops.stack(channels, axis=-1)

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
        return {
            "spectrum": (n, n_pixels, N_SPECTRAL_CHANNELS),
            "pixel_valid": (n, n_pixels),
            "bands": (n, n_bands, N_BAND_FEATURES),
            "band_valid": (n, n_bands),
        }


def _log_error(error, centre, spread):
    clipped = ops.clip(error, TINY, 1.0 / TINY)
    return (ops.clip(ops.log(clipped), *LOG_ERROR_LIMITS) - centre) / spread


def _local_mean(flux, valid):
    """Running mean of the valid pixels, [n, n_pixels]: a pseudo-continuum.

    Sums over 65 pixels as one matrix product on blocks of 64 and their neighbours, which is several
    times faster than pooling.
    """
    n_pixels, half = flux.shape[-1], CONTINUUM_PIXELS // 2
    block = 2 * half
    n_blocks = -(-n_pixels // block)
    offset = np.arange(3 * block)[:, None] - block - np.arange(block)[None, :]
    window = (np.abs(offset) <= half).astype("float32")
    both = ops.stack([flux * valid, valid], axis=1)
    both = ops.pad(both, [[0, 0], [0, 0], [block, (n_blocks + 1) * block - n_pixels]])
    blocks = ops.reshape(both, (-1, 2, n_blocks + 2, block))
    triples = ops.concatenate([blocks[:, :, :-2], blocks[:, :, 1:-1], blocks[:, :, 2:]], axis=-1)
    sums = ops.matmul(triples, ops.cast(window, flux.dtype))
    sums = ops.reshape(sums, (-1, 2, n_blocks * block))[..., :n_pixels]
    return sums[:, 0] / ops.maximum(sums[:, 1], 0.065)
