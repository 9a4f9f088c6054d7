"""Line-spread function and line-of-sight velocities."""

import numpy as np
import scipy.fft
from scipy import sparse
from scipy.special import ndtr

from phangs_sfh.instrument.constants import FWHM_PER_SIGMA, SPEED_OF_LIGHT

LOG_MARGIN = 0.005  # beyond the grid, relative to its red end: room for 5 σ at 300 km/s

# A Gaussian narrower than this is not resolved by any sampling used here.
SMALLEST_SIGMA = 0.05  # [Å]


def log_grid(wave):
    """Wavelengths uniform in ln λ that cover ``wave`` [Å] with a margin, and the step in km/s.

    At least two to a pixel of ``wave``; their number is a fast one for FFTs, 2^k or 3·2^k.
    """
    margin = LOG_MARGIN * wave[-1]
    first, last = np.log(wave[0] - margin), np.log(wave[-1] + margin)
    needed = 2 * (last - first) * wave[0] / (wave[1] - wave[0])
    fast = np.outer([2, 3], 2 ** np.arange(4, 24)).ravel()
    log_wave = np.linspace(first, last, fast[fast >= needed].min())
    return np.exp(log_wave), SPEED_OF_LIGHT * (log_wave[1] - log_wave[0])


def match_lsf(spectra, wave, instrument, library_fwhm, new_wave):
    """Bring spectra from the library's resolution to the instrument's, sampled at ``new_wave``.

    The spectra are taken as piecewise linear and convolved with a Gaussian whose width varies with
    wavelength, analytically, so that kernels narrower than a pixel are exact too. Where the
    instrument resolves more than the library (MUSE beyond 6900 Å, by 1 per cent) they stay as
    they are.

    Parameters
    ----------
    spectra : (..., n_wave) array, ``wave`` uniform [Å]
    library_fwhm : float [Å]
    new_wave : (n_new,) array [Å]

    Returns
    -------
    matched : (..., n_new) array
    """
    step = (wave[-1] - wave[0]) / (len(wave) - 1)
    fwhm = instrument.lsf_fwhm(new_wave)
    sigma = np.sqrt(np.maximum(fwhm**2 - library_fwhm**2, 0.0)) / FWHM_PER_SIGMA
    sigma = np.maximum(sigma, SMALLEST_SIGMA)
    reach = int(np.ceil(5 * sigma.max() / step)) + 1
    centre = np.round((new_wave - wave[0]) / step).astype(int)
    column = centre[:, None] + np.arange(-reach, reach + 1)[None, :]
    offset = new_wave[:, None] - (wave[0] + step * column)

    def twice_integrated(x):
        scaled = x / sigma[:, None]
        density = np.exp(-0.5 * scaled**2) / np.sqrt(2 * np.pi)
        return x * ndtr(scaled) + sigma[:, None] * density

    weight = (
        twice_integrated(offset - step)
        - 2 * twice_integrated(offset)
        + twice_integrated(offset + step)
    ) / step
    row = np.repeat(np.arange(len(new_wave)), column.shape[1])
    column = np.clip(column, 0, len(wave) - 1)
    matrix = sparse.csr_array(
        (weight.ravel(), (row, column.ravel())), shape=(len(new_wave), len(wave))
    )
    flat = spectra.reshape(-1, len(wave))
    return (matrix @ flat.T).T.reshape(*spectra.shape[:-1], len(new_wave))


def broaden(spectra, velocity_step, sigma_v, velocity=None):
    """Convolve each spectrum with its Gaussian line-of-sight velocity distribution.

    The Gaussian is applied as its analytic Fourier transform (as pPXF does, Cappellari 2017), which
    is exact for dispersions and velocities below a pixel too. What leaves one end comes in at the
    other: both need a margin (``log_grid``).

    Parameters
    ----------
    spectra : (n, n_log) array, uniform in ln λ
    velocity_step : float [km/s]
    sigma_v : (n,) array [km/s]
    velocity : (n,) array [km/s], optional; positive is redder

    Returns
    -------
    broadened : (n, n_log) array of the same dtype
    """
    n_pixels = spectra.shape[-1]
    frequency = 2 * np.pi * scipy.fft.rfftfreq(n_pixels, d=velocity_step)
    kernel = np.exp(-0.5 * (sigma_v[:, None] * frequency[None, :]) ** 2).astype(spectra.dtype)
    if velocity is not None and np.any(velocity):
        kernel = kernel * np.exp(-1j * velocity[:, None] * frequency).astype(np.complex64)
    return scipy.fft.irfft(scipy.fft.rfft(spectra) * kernel, n=n_pixels)


def resampling_matrix(from_wave, to_wave):
    """Cubic (four-point Lagrange) interpolation in pixel index, as a sparse matrix.

    The LSF as measured includes the detector's pixels, so the broadened spectrum is sampled and not
    averaged over pixels again.

    Returns
    -------
    matrix : (n_from, n_to) sparse array; ``spectra @ matrix`` resamples
    """
    index = np.interp(to_wave, from_wave, np.arange(len(from_wave)))
    left = np.clip(np.floor(index).astype(int), 1, len(from_wave) - 3)
    x = index - left
    weights = [
        -x * (x - 1) * (x - 2) / 6,
        (x + 1) * (x - 1) * (x - 2) / 2,
        -(x + 1) * x * (x - 2) / 2,
        (x + 1) * x * (x - 1) / 6,
    ]
    rows = np.concatenate([left + k for k in (-1, 0, 1, 2)])
    columns = np.tile(np.arange(len(to_wave)), 4)
    shape = (len(from_wave), len(to_wave))
    return sparse.csr_array((np.concatenate(weights).astype(np.float32), (rows, columns)), shape)
