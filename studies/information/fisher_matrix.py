"""How well any method could do: the information in the data, by the Fisher matrix.

A galaxy and its observation are functions of latent variables u with standard normal priors
(``latent``). With J the derivatives of the data by u and C the covariance of the noise, the
posterior near the true u is about normal with the covariance (Jᵀ C⁻¹ J + 1)⁻¹ (Laplace; its
expectation is the Bayesian Cramér-Rao bound, van Trees 1968). The standard deviation of a quantity
is found by drawing u from it and computing the quantity, so that only the data are taken as linear
in u, or by the quantity's gradient.

What is taken as known, which makes the answer optimistic: the family of the history, the
enrichment, the dust law, the state of the gas and the number of bursts; the covariance of the
noise; the size of the calibration error (not its shape).
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg
from scipy.special import erf

from phangs_sfh.instrument import emission_lines
from phangs_sfh.instrument.constants import RELATIVE_PER_MAG, SIGMA_PER_MAD, SPEED_OF_LIGHT
from phangs_sfh.instrument.noise import TILT, calibration_basis

AMPLITUDE = 1.0  # standard deviation of the unknown flux scale, natural logarithm: no information
PILOT_STEP = 0.05
STEP_LIMITS = (0.01, 0.3)
N_SAMPLES = 256
SMALLEST_CALIBRATION = 1e-6


@dataclass(frozen=True)
class Night:
    """What differs between observations of the same conditions, but for the noise.

    Attributes
    ----------
    tilt : of the noise along the spectrum
    correlation : fraction of noise taken over from each neighbouring pixel
    calibration : rms of the flux-calibration error
    """

    tilt: float
    correlation: float
    calibration: float


def draw_night(conditions, rng):
    """One ``Night`` of ``observing.ObservingConditions``."""
    return Night(
        tilt=TILT * rng.standard_normal(),
        correlation=rng.uniform(0.0, conditions.correlation),
        calibration=max(rng.uniform(0.0, conditions.calibration), SMALLEST_CALIBRATION),
    )


def pixel_errors(instrument, night):
    """Standard deviation of the noise at S/N 1, (n_pixels,)."""
    tilted = np.exp(night.tilt * np.linspace(-1.0, 1.0, instrument.n_pixels))
    return tilted * instrument.noise.at(instrument.wave)


def shifted(spectrum, wave, velocity):
    """Spectra (n, n_pixels) moved by velocities (n,) [km/s], as ``observing`` does it."""
    shift = velocity[:, None] * (wave / (SPEED_OF_LIGHT * (wave[1] - wave[0])))
    left = np.concatenate([spectrum[:, :1], spectrum[:, :-1]], axis=1)
    right = np.concatenate([spectrum[:, 1:], spectrum[:, -1:]], axis=1)
    bend = left - 2.0 * spectrum + right
    return spectrum + shift * (0.5 * shift * bend - 0.5 * (right - left))


class Whitener:
    """Turns correlated noise of some of the pixels into independent noise of unit variance.

    Parameters
    ----------
    error : (n_pixels,) array, standard deviation
    correlation : float, see ``Night``
    used : (n_pixels,) bool array
    """

    def __init__(self, error, correlation, used):
        self.index = np.flatnonzero(used)
        self._error = error[self.index]
        total = 1.0 + 2.0 * correlation**2
        by_lag = np.array([1.0, 2.0 * correlation / total, correlation**2 / total])
        band = np.zeros((3, len(self.index)))
        band[0] = 1.0
        for k in (1, 2):
            lag = self.index[k:] - self.index[:-k]
            band[k, : len(lag)] = np.where(lag <= 2, by_lag[np.minimum(lag, 2)], 0.0)
        self._root = linalg.cholesky_banded(band, lower=True)

    def __call__(self, data):
        """Whiten ``data`` (n, n_pixels); returns (n, n_used)."""
        scaled = (data[:, self.index] / self._error).T
        return linalg.solve_banded((2, 0), self._root, scaled, check_finite=False).T


@dataclass(frozen=True)
class Information:
    """Fisher matrices of one galaxy's latent variables, galaxy first, then observation.

    Attributes
    ----------
    galaxy : latent.LatentGalaxy
    names : list of str, latent variables that matter
    index : (n_own,) int array, places of the galaxy's own ones in ``galaxy.latent``
    spectrum, spectrum_masked : (n, n) arrays at S/N 1, all pixels, or without the emission-line
        windows
    bands : (n, n) array
    gradient : (6, n) array, derivatives of ``latent.QUANTITIES``
    truth : (6,) array, their values
    burst_fraction : share of the mass in bursts
    """

    galaxy: object
    names: list
    index: np.ndarray
    spectrum: np.ndarray
    spectrum_masked: np.ndarray
    bands: np.ndarray
    gradient: np.ndarray
    truth: np.ndarray
    burst_fraction: float

    def covariance(self, sn, bands=True, masked=False, known=()):
        """Covariance of the latent variables given data.

        Parameters
        ----------
        sn : float, S/N per pixel; 0 for bands alone
        bands : bool, bands are there
        masked : bool, emission-line windows are masked
        known : str or tuple of str, beginnings of names of latent variables taken as known

        Returns
        -------
        covariance : (n, n) array; zero where known
        """
        fisher = sn**2 * (self.spectrum_masked if masked else self.spectrum)
        fisher = fisher + bands * self.bands + np.eye(len(self.names))
        free = np.array([not name.startswith(known) for name in self.names])
        covariance = np.zeros_like(fisher)
        covariance[np.ix_(free, free)] = linalg.inv(fisher[np.ix_(free, free)])
        return covariance


def measure(latent_model, galaxy, conditions, night):
    """Fisher matrices of one galaxy.

    Parameters
    ----------
    latent_model : latent.LatentModel
    galaxy : latent.LatentGalaxy
    conditions : observing.ObservingConditions; S/N and missing data in it do not matter
    night : Night

    Returns
    -------
    information : Information
    """
    instrument = latent_model.forward.instrument
    wave, error = instrument.wave, pixel_errors(instrument, night)
    seen = np.ones(len(wave), dtype=bool)
    whiten = Whitener(error, night.correlation, seen)
    latent = galaxy.latent[None]
    spectrum, bands, truth = (v[0] for v in latent_model.noiseless(latent, galaxy.choices))
    band_error = RELATIVE_PER_MAG * np.sqrt(np.prod(conditions.band_error)) * bands
    derivatives = _derivatives(latent_model, galaxy, whiten, band_error)
    own, by_spectrum, by_bands, gradient = derivatives
    nuisance = _nuisances(spectrum, bands, wave, conditions, night)
    by_spectrum = np.concatenate([by_spectrum, nuisance[1]])
    by_bands = np.concatenate([by_bands, nuisance[2]]) / band_error
    white = whiten(by_spectrum)
    unmasked = Whitener(error, night.correlation, ~emission_lines.window_mask(wave))
    white_masked = unmasked(by_spectrum)
    gradient = np.concatenate([gradient, np.zeros((len(nuisance[0]), gradient.shape[1]))])
    return Information(
        galaxy=galaxy,
        names=[galaxy.names[k] for k in own] + nuisance[0],
        index=own,
        spectrum=white @ white.T,
        spectrum_masked=white_masked @ white_masked.T,
        bands=by_bands @ by_bands.T,
        gradient=gradient.T,
        truth=truth,
        burst_fraction=latent_model.burst_fraction(galaxy),
    )


def _derivatives(latent_model, galaxy, whiten, band_error):
    """Central differences, with steps that change the data by about one standard deviation at
    S/N 50: far above the forward model's rounding (1e-6), well below its curvature.

    Returns
    -------
    own : indices of the latent variables that change anything
    spectrum, bands, quantities : arrays with one row each
    """
    n_latent = len(galaxy.latent)
    pilot = np.vstack([galaxy.latent, galaxy.latent + PILOT_STEP * np.eye(n_latent)])
    spectrum, bands, quantities = latent_model.noiseless(pilot, galaxy.choices)
    change = np.linalg.norm(50 * whiten(spectrum[1:] - spectrum[0]), axis=1)
    change = np.hypot(change, np.linalg.norm((bands[1:] - bands[0]) / band_error, axis=1))
    # A thousandth of a standard deviation is rounding.
    moved = np.abs(quantities[1:, [0, 1, 2, 3, 5]] - quantities[0, [0, 1, 2, 3, 5]]).max(axis=1)
    own = np.flatnonzero((change > 1e-3) | (moved > 1e-7))
    step = np.clip(PILOT_STEP / np.maximum(change[own], 1e-9), *STEP_LIMITS)
    moves = np.zeros((len(own), n_latent))
    moves[np.arange(len(own)), own] = step
    both = np.vstack([galaxy.latent + moves, galaxy.latent - moves])
    data = latent_model.noiseless(both, galaxy.choices)
    central = [(v[: len(own)] - v[len(own) :]) / (2 * step[:, None]) for v in data]
    return own, *central


def _nuisances(spectrum, bands, wave, conditions, night):
    """Derivatives by the latent variables of the observation: names, spectrum, bands."""
    order, n_bands = conditions.calibration_order, len(bands)
    basis = calibration_basis(len(wave), order) * night.calibration / np.sqrt(order)
    one = np.ones(1)
    shift = shifted(spectrum[None], wave, one) - shifted(spectrum[None], wave, -one)
    names = ["amplitude", "velocity", "aperture"]
    by_spectrum = [AMPLITUDE * spectrum, 0.5 * conditions.velocity_error * shift[0], 0 * spectrum]
    by_bands = [AMPLITUDE * bands, 0 * bands, conditions.aperture * bands]
    names += [f"calibration {k}" for k in range(1, order + 1)]
    names += [f"zero_point {k}" for k in range(1, n_bands + 1)]
    by_spectrum = np.vstack([by_spectrum, basis * spectrum, np.zeros((n_bands, len(wave)))])
    by_bands = np.vstack(
        [by_bands, np.zeros((order, n_bands)), conditions.zero_point * np.diag(bands)]
    )
    return names, by_spectrum, by_bands


def linear_deviation(information, covariance):
    """Standard deviations of the six quantities by their gradients, (6,)."""
    return np.sqrt(np.einsum("qi,ij,qj->q", information.gradient, covariance, information.gradient))


def sampled_deviation(latent_model, information, covariance, rng, n=N_SAMPLES):
    """Standard deviations of the six quantities, (6,), from draws of the latent variables.

    ``logml``, which needs the whole forward model, is taken as linear.
    """
    n_own = len(information.index)
    root = _root(covariance[:n_own, :n_own])
    draws = rng.standard_normal((n // 2, n_own)) @ root.T
    latent = np.tile(information.galaxy.latent, (2 * len(draws), 1))
    latent[:, information.index] += np.vstack([draws, -draws])
    deviation = latent_model.quantities(latent, information.galaxy.choices).std(axis=0)
    return np.where(np.isfinite(deviation), deviation, linear_deviation(information, covariance))


def _root(covariance):
    """A matrix whose product with its transpose is ``covariance``, which may be singular."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def scatter(deviation):
    """Scatter of the errors of a sample whose posteriors have these standard deviations.

    Parameters
    ----------
    deviation : (n,) array, positive

    Returns
    -------
    summary : dict with ``std``, their rms; ``mad_std``, the robust scatter (1.4826 median absolute
        error) of a mixture of normals of these widths; ``median``, the width of the middle galaxy
    """
    deviation = np.maximum(np.asarray(deviation, dtype=float), 1e-12)
    low, high = 0.0, 10.0 * deviation.max()
    for _ in range(60):
        middle = 0.5 * (low + high)
        inside = erf(middle / (np.sqrt(2.0) * deviation)).mean()
        low, high = (middle, high) if inside < 0.5 else (low, middle)
    return {
        "std": float(np.sqrt(np.mean(deviation**2))),
        "mad_std": float(SIGMA_PER_MAD * middle),
        "median": float(np.median(deviation)),
    }
