"""The exact posterior of one observation by Markov chains, to check Fisher matrix and network.

The chains (emcee, Foreman-Mackey et al. 2013; extra ``benchmark``) run over the galaxy's latent
variables, the velocity error and the size of the calibration error. Flux scale, shape of the
calibration error, zero points and aperture factor, in which the data are linear, are integrated
out analytically. Choices and the noise's covariance are known, as in ``fisher_matrix``.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from phangs_sfh.instrument import noise
from phangs_sfh.instrument.constants import RELATIVE_PER_MAG
from studies.information import fisher_matrix

MOVE_SHARES = (0.55, 0.4, 0.05)  # differential evolution, towards the Laplace normal, snooker
KEPT = (0.5, 0.97)  # of a coordinate in a move towards the normal, drawn log-uniform in 1 - kept
START_SPREAD = 1.0  # of the Laplace normal; chains that start drawn together widen for long


@dataclass(frozen=True)
class Observation:
    """One observation of one galaxy.

    Attributes
    ----------
    flux, flux_err : (n_pixels,) arrays
    band_flux, band_flux_err : (n_bands,) arrays in the same unit
    night : information.Night; its ``calibration`` is the true one and not told to the chains
    truth : (6,) array, ``latent.QUANTITIES``
    """

    flux: np.ndarray
    flux_err: np.ndarray
    band_flux: np.ndarray
    band_flux_err: np.ndarray
    night: fisher_matrix.Night
    truth: np.ndarray


def draw_observation(latent_model, galaxy, conditions, night, rng):
    """Observe a galaxy as ``library.observing.observe`` does, all pixels and bands present.

    Parameters
    ----------
    latent_model : latent.LatentModel
    galaxy : latent.LatentGalaxy
    conditions : observing.ObservingConditions of one S/N
    night : information.Night
    rng : numpy Generator
    """
    wave = latent_model.forward.instrument.wave
    latent = galaxy.latent[None]
    spectrum, bands, quantities = (v[0] for v in latent_model.noiseless(latent, galaxy.choices))
    order, n_bands = conditions.calibration_order, len(bands)
    velocity = conditions.velocity_error * rng.standard_normal(1)
    flux = fisher_matrix.shifted(spectrum[None], wave, velocity)[0]
    weights = night.calibration * rng.standard_normal(order) / np.sqrt(order)
    flux = flux * (1.0 + weights @ noise.calibration_basis(len(wave), order))
    error = fisher_matrix.pixel_errors(latent_model.forward.instrument, night) / conditions.sn[0]
    white = rng.standard_normal(len(wave) + 2)
    flux = flux + error * noise.correlated(white, night.correlation)
    band_error = RELATIVE_PER_MAG * conditions.band_error[0] * bands
    off = conditions.zero_point * rng.standard_normal(n_bands)
    factor = np.exp(off + conditions.aperture * rng.standard_normal())
    band_flux = bands * factor + band_error * rng.standard_normal(n_bands)
    return Observation(flux, error, band_flux, band_error, night, quantities)


class Posterior:
    """Logarithm of the posterior density of a galaxy's latent variables.

    Variables are the galaxy's own ones in ``index`` and two more: velocity error and size of the
    calibration error, all with standard normal priors.

    Parameters
    ----------
    latent_model : latent.LatentModel
    galaxy : latent.LatentGalaxy; variables that do not matter stay at its values
    index : (n_own,) int array
    observation : Observation
    conditions : observing.ObservingConditions
    """

    def __init__(self, latent_model, galaxy, index, observation, conditions):
        self.latent_model, self.galaxy, self.index = latent_model, galaxy, index
        self.observation, self.conditions = observation, conditions
        self.wave = latent_model.forward.instrument.wave
        seen = np.ones(len(self.wave), dtype=bool)
        correlation = observation.night.correlation
        self._whiten = fisher_matrix.Whitener(observation.flux_err, correlation, seen)
        self._flux = self._whiten(observation.flux[None])[0]
        order = conditions.calibration_order
        basis = noise.calibration_basis(len(self.wave), order)
        self._basis = np.vstack([np.ones(len(self.wave)), basis])
        pairs = self._basis[:, None, :] * self._basis[None, :, :]
        self._pairs = pairs.reshape(-1, len(self.wave)).T
        self.n_variables = len(index) + 2

    def latent(self, variables):
        """The galaxy's latent variables, (n, n_latent), of ``variables`` (n, n_variables)."""
        latent = np.tile(self.galaxy.latent, (len(variables), 1))
        latent[:, self.index] = variables[:, : len(self.index)]
        return latent

    def __call__(self, variables):
        """Log density (n,) and quantities (n, 6) of ``variables`` (n, n_variables)."""
        data = self.latent_model.noiseless(self.latent(variables), self.galaxy.choices)
        spectrum, bands, quantities = data
        velocity = self.conditions.velocity_error * variables[:, -2]
        size = self.conditions.calibration * special.ndtr(variables[:, -1])
        moved = self._whiten(fisher_matrix.shifted(spectrum.astype(float), self.wave, velocity))
        log_density = self._marginal(moved, bands, np.maximum(size, 1e-5))
        log_density -= 0.5 * np.sum(variables**2, axis=1)
        return np.where(np.isfinite(log_density), log_density, -np.inf), quantities

    def _marginal(self, spectrum, bands, size):
        """Likelihood with everything linear integrated out, (n,).

        The data are a sum of columns with normal coefficients: flux scale (near 1) and, for the
        spectrum, the calibration polynomials. A smooth polynomial commutes with whitening, which
        reaches over some pixels.
        """
        band, band_flux, log_determinant = self._white_bands(bands)
        residual = self._flux - spectrum
        band_residual = band_flux - band
        order = self._basis.shape[0]
        matrix = ((spectrum**2) @ self._pairs).reshape(-1, order, order)
        vector = (spectrum * residual) @ self._basis.T
        matrix[:, 0, 0] += np.sum(band**2, axis=1)
        vector[:, 0] += np.sum(band * band_residual, axis=1)
        prior = np.full((len(size), order), 1.0 / fisher_matrix.AMPLITUDE**2)
        prior[:, 1:] = ((order - 1) / size**2)[:, None]
        matrix[:, np.arange(order), np.arange(order)] += prior
        best = np.linalg.solve(matrix, vector[..., None])[..., 0]
        chi_squared = np.sum(residual**2, axis=1) + np.sum(band_residual**2, axis=1)
        chi_squared -= np.sum(vector * best, axis=1)
        log_determinant = log_determinant + np.linalg.slogdet(matrix)[1]
        log_determinant -= np.log(prior).sum(axis=1)
        return -0.5 * (chi_squared + log_determinant)

    def _white_bands(self, bands):
        """Whitened model bands and data (n, n_bands); log determinant of their covariance (n,)."""
        seen, conditions = self.observation, self.conditions
        bands = bands.astype(float)
        # Zero points and aperture scale the flux that was measured, whatever the model's scale.
        level = seen.band_flux
        covariance = np.diag(seen.band_flux_err**2 + (conditions.zero_point * level) ** 2)
        covariance = covariance + conditions.aperture**2 * np.outer(level, level)
        root = np.linalg.inv(np.linalg.cholesky(covariance))
        white = bands @ root.T
        return white, np.broadcast_to(root @ level, white.shape), 0.0


@dataclass(frozen=True)
class Chains:
    """Samples of a posterior.

    Attributes
    ----------
    quantities : (n_steps, n_walkers, 6) array, ``latent.QUANTITIES``, second half of the run
    acceptance : mean share of moves accepted
    independent : (6,) array, number of independent samples: samples / autocorrelation time
    """

    quantities: np.ndarray
    acceptance: float
    independent: np.ndarray

    def deviation(self):
        """Standard deviations (6,)."""
        return self.quantities.reshape(-1, self.quantities.shape[-1]).std(axis=0)

    def half_width(self):
        """Half of the 68 % interval, (6,)."""
        flat = self.quantities.reshape(-1, self.quantities.shape[-1])
        low, high = np.percentile(flat, [16, 84], axis=0)
        return 0.5 * (high - low)

    def middle(self):
        """Medians (6,)."""
        return np.median(self.quantities.reshape(-1, self.quantities.shape[-1]), axis=0)


def sample(posterior, fisher, sn, n_walkers, n_steps, seed):
    """Run the chains, in coordinates in which the Laplace normal has unit covariance.

    They start from draws of that normal about the truth.

    Parameters
    ----------
    posterior : Posterior
    fisher : information.Information of the same galaxy
    sn : float
    n_walkers : int, even, at least twice the number of variables
    n_steps : int; the first half is thrown away
    seed : int

    Returns
    -------
    chains : Chains
    """
    import emcee

    n_own, n_all = len(posterior.index), posterior.n_variables
    covariance = np.eye(n_all)
    velocity = fisher.names.index("velocity")
    order = [*range(n_own), velocity]
    covariance[:-1, :-1] = fisher.covariance(sn)[np.ix_(order, order)]
    root = np.linalg.cholesky(covariance + 1e-12 * np.eye(n_all))
    start = np.zeros(n_all)
    start[:n_own] = posterior.galaxy.latent[posterior.index]
    rng = np.random.default_rng(seed)

    def log_density(white):
        values, quantities = posterior(start + white @ root.T)
        return list(zip(values, quantities, strict=True))

    sampler = emcee.EnsembleSampler(
        n_walkers,
        n_all,
        log_density,
        vectorize=True,
        moves=list(zip(_moves(emcee), MOVE_SHARES, strict=True)),
        blobs_dtype=[("quantities", float, (6,))],
    )
    sampler.random_state = np.random.RandomState(seed).get_state()
    sampler.run_mcmc(START_SPREAD * rng.standard_normal((n_walkers, n_all)), n_steps)
    quantities = sampler.get_blobs(discard=n_steps // 2)["quantities"]
    times = [emcee.autocorr.integrated_time(quantities[..., k], quiet=True)[0] for k in range(6)]
    return Chains(
        quantities=quantities,
        acceptance=float(np.mean(sampler.acceptance_fraction)),
        independent=quantities.shape[0] * quantities.shape[1] / np.array(times),
    )


def _moves(emcee):
    """Differential evolution, a move that leaves the standard normal as it is in some of the
    coordinates (preconditioned Crank-Nicolson, Cotter et al. 2013), and the snooker."""

    def towards_normal(coordinates, rng):
        n, n_all = coordinates.shape
        low, high = np.log(1 - np.array(KEPT))
        kept = 1 - np.exp(rng.uniform(low, high, (n, 1)))
        chosen = rng.uniform(size=(n, n_all)) < rng.uniform(2 / n_all, 0.6, (n, 1))
        fresh = np.sqrt(1 - kept**2) * rng.standard_normal((n, n_all))
        moved = np.where(chosen, kept * coordinates + fresh, coordinates)
        return moved, 0.5 * (np.sum(moved**2, axis=1) - np.sum(coordinates**2, axis=1))

    return (
        emcee.moves.DEMove(),
        emcee.moves.MHMove(towards_normal),
        emcee.moves.DESnookerMove(),
    )
