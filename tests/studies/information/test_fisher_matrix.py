"""The information limit: right on cases whose answer is known."""

import numpy as np
import pytest
from scipy import stats

from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.instrument.noise import calibration_basis
from phangs_sfh.library import observing
from phangs_sfh.problems.histories.population import draw_galaxies
from phangs_sfh.ssp.engines import load_ssp
from studies.information import fisher_matrix, limits, posterior_sampling
from studies.information.latent import (
    LatentGalaxy,
    LatentGenerator,
    LatentModel,
    draw_latent,
    known_prior,
)

N_LINEAR = 4


@pytest.fixture(scope="module")
def model():
    return ForwardModel(load_ssp(), load_instrument())


@pytest.fixture
def rng():
    return np.random.default_rng(8)


class Linear:
    """A forward model that is linear: its posterior is known exactly."""

    def __init__(self, instrument):
        self.forward = type("Model", (), {"instrument": instrument})
        x = np.linspace(0, 1, instrument.n_pixels)
        self.slopes = 0.02 * np.array([np.sin((3 + 2 * k) * np.pi * x) for k in range(N_LINEAR)])
        self.band_slopes = 0.05 * np.eye(N_LINEAR, instrument.n_bands)
        self.weights = np.arange(6 * N_LINEAR).reshape(6, N_LINEAR) / 10.0

    def noiseless(self, latent, choices):
        return 1 + latent @ self.slopes, 1 + latent @ self.band_slopes, self.quantities(latent)

    def quantities(self, latent, choices=None):
        return latent @ self.weights.T

    def burst_fraction(self, galaxy):
        return 0.0


@pytest.fixture
def linear(model, monkeypatch):
    names = [f"slope {k}" for k in range(N_LINEAR)]
    monkeypatch.setattr(LatentGalaxy, "names", names)
    return Linear(model.instrument)


def conditions(sn, **changes):
    values = observing.ObservingConditions.fixed(sn, masked_lines=0.0).to_dict()
    return observing.ObservingConditions.from_dict({**values, **changes})


NIGHT = fisher_matrix.Night(tilt=0.1, correlation=0.3, calibration=1e-6)


def quantities_of(latent_model, galaxies):
    """Quantities of many galaxies, those of the same choices at once."""
    groups = {}
    for galaxy in galaxies:
        groups.setdefault(galaxy.choices, []).append(galaxy.latent)
    return np.concatenate(
        [latent_model.quantities(np.array(rows), choices) for choices, rows in groups.items()]
    )


@pytest.mark.parametrize("name", ["paper", "broad"])
def test_latent_galaxies_are_those_of_the_prior(model, name):
    rng = np.random.default_rng(9)
    prior = known_prior(name)
    ours = quantities_of(LatentModel(model, prior), draw_latent(prior, rng, 1500))
    stars, screen, _, _ = draw_galaxies(prior, rng, 3000, model)
    labels = model.labels(stars, np.ones((3000, model.instrument.n_bands)))
    for k, quantity in enumerate(("mw_logage", "lw_logage", "mw_mh", "lw_mh")):
        assert stats.ks_2samp(ours[:, k], labels[quantity]).pvalue > 1e-3, quantity
    assert stats.ks_2samp(ours[:, 5], screen.av).pvalue > 1e-3


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("dust.slope", "slope"),
        ("kinematics.sigma_v", "sigma_v"),
        ("dust.av", "av"),
        ("burst_fraction 1", "mass"),
        ("scatter 14", "mh"),
        ("gas.log_u", "log_u"),
    ],
)
def test_a_latent_variable_moves_what_its_name_says(model, rng, name, changed):
    prior = known_prior("paper")
    galaxy = draw_latent(prior, rng, 1)[0]
    latent = np.tile(galaxy.latent, (2, 1))
    latent[1, galaxy.names.index(name)] += 0.5
    generator = LatentGenerator(latent, galaxy.choices)
    parts = draw_galaxies(prior, generator, 2, model)[:3]
    assert generator.used == latent.shape[1]
    moved = {
        field
        for part in parts
        for field, values in vars(part).items()
        if not np.array_equal(values[0], values[1])
    }
    assert moved - {"mh"} == {changed} - {"mh"}  # the metallicity follows the mass formed
    assert changed in moved


def test_whitened_noise_is_white(model):
    n = 4000
    wave = model.instrument.wave
    seen = observing.observe(
        {"spectrum": np.ones((n, len(wave)), np.float32), "bands": np.ones((n, 5), np.float32)},
        model.instrument,
        conditions(20.0, calibration=0.0, velocity_error=0.0),
        (3, 4),
    )
    noise, error = (seen["flux"].numpy() - 1)[:, :60], seen["flux_err"].numpy()
    scaled = noise / error[:, :60]
    strength = [np.mean(scaled[:, 1:] * scaled[:, :-1]), np.mean(scaled[:, 2:] * scaled[:, :-2])]
    # The conditions draw the correlation uniformly up to 0.4.
    t = np.linspace(0, 0.4, 1001)
    expected = [np.mean(2 * t / (1 + 2 * t**2)), np.mean(t**2 / (1 + 2 * t**2))]
    np.testing.assert_allclose(strength, expected, atol=0.01)

    rng = np.random.default_rng(1)
    white = rng.standard_normal((n, 62))
    correlated = (white[:, 1:-1] + 0.3 * (white[:, :-2] + white[:, 2:])) / np.sqrt(1.18)
    used = np.ones(60, bool)
    used[[5, 20, 21]] = False
    whitened = fisher_matrix.Whitener(np.full(60, 2.0), 0.3, used)(2 * correlated)
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(57), atol=0.1)


def test_observations_are_those_of_training(model):
    seed, wave = (7, 8), model.instrument.wave
    spectrum = 1 + 0.2 * np.sin(wave[None] / 20.0)
    settings = conditions(1e6)
    noiseless = {"spectrum": spectrum.astype(np.float32), "bands": np.ones((1, 5), np.float32)}
    seen = observing.observe(noiseless, model.instrument, settings, seed)
    draws = observing.Draws(seed, 1)
    velocity = settings.velocity_error * draws.normal(1).numpy()[0]
    weights = draws.normal(settings.calibration_order).numpy()[0] / 2.0
    rms = draws.uniform(1, high=settings.calibration).numpy()[0]
    basis = calibration_basis(len(wave), settings.calibration_order)
    expected = fisher_matrix.shifted(spectrum, wave, velocity)[0] * (1 + rms * weights @ basis)
    np.testing.assert_allclose(seen["flux"].numpy()[0], expected, atol=2e-5)


def test_fisher_matrix_of_a_linear_model_is_exact(linear):
    galaxy = LatentGalaxy(np.zeros(N_LINEAR), (0,))
    settings = conditions(50.0, zero_point=1e-9, aperture=1e-9, velocity_error=1e-9)
    found = fisher_matrix.measure(linear, galaxy, settings, NIGHT)
    wave = linear.forward.instrument.wave
    design = np.vstack([linear.slopes, np.ones(len(wave))])  # the flux scale is free
    error = fisher_matrix.pixel_errors(linear.forward.instrument, NIGHT) / 50.0
    by_lag = np.array([1.0, 0.6 / 1.18, 0.09 / 1.18])
    lag = np.abs(np.subtract.outer(np.arange(len(wave)), np.arange(len(wave))))
    noise = np.where(lag < 3, by_lag[np.minimum(lag, 2)], 0.0) * np.outer(error, error)
    bands = np.vstack([linear.band_slopes, np.ones(5)]) / (0.05 * np.log(10) / 2.5)
    fisher = design @ np.linalg.solve(noise, design.T) + bands @ bands.T + np.eye(N_LINEAR + 1)
    covariance = np.linalg.inv(fisher)[:N_LINEAR, :N_LINEAR]
    expected = np.sqrt(np.diag(linear.weights @ covariance @ linear.weights.T))
    answer = fisher_matrix.linear_deviation(found, found.covariance(50.0))
    np.testing.assert_allclose(answer, expected, rtol=1e-3)
    rng = np.random.default_rng(3)
    sampled = fisher_matrix.sampled_deviation(linear, found, found.covariance(50.0), rng, n=20000)
    np.testing.assert_allclose(sampled, expected, rtol=0.05)


def test_chains_agree_with_the_fisher_matrix_where_it_is_exact(linear, rng):
    pytest.importorskip("emcee")
    galaxy = LatentGalaxy(np.zeros(N_LINEAR), (0,))
    settings = conditions(50.0)
    night = fisher_matrix.Night(tilt=0.1, correlation=0.3, calibration=0.03)
    found = fisher_matrix.measure(linear, galaxy, settings, night)
    seen = posterior_sampling.draw_observation(linear, galaxy, settings, night, rng)
    posterior = posterior_sampling.Posterior(linear, galaxy, found.index, seen, settings)
    chains = posterior_sampling.sample(posterior, found, 50.0, 64, 300, 5)
    expected = fisher_matrix.linear_deviation(found, found.covariance(50.0))
    assert chains.independent.min() > 300
    np.testing.assert_allclose(chains.deviation(), expected, rtol=0.15)
    assert np.all(np.abs(chains.middle() - seen.truth) < 4 * expected)


def test_more_data_and_more_knowledge_narrow_a_real_galaxy(model, rng):
    prior = known_prior("broad")
    settings = conditions(50.0)
    _, matrices = limits.fisher_matrices(model, prior, settings, 4, 2)
    reference = limits.deviations(matrices, 50)
    assert np.all(reference > 0)
    assert np.all(limits.deviations(matrices, 100) <= reference)
    assert np.all(limits.deviations(matrices, 50, known=("dust.slope",)) <= reference * (1 + 1e-9))
    assert np.all(limits.deviations(matrices, 50, bands=False) >= reference)
    assert np.all(limits.deviations(matrices, 50, masked=True) >= reference * (1 - 1e-9))


def test_scatter_of_a_mixture(rng):
    same = fisher_matrix.scatter(np.full(50, 0.2))
    assert same["std"] == pytest.approx(0.2)
    assert same["mad_std"] == pytest.approx(0.2, rel=1e-3)
    widths = np.array([0.05, 0.3])
    mixed = fisher_matrix.scatter(widths)
    errors = rng.choice(widths, 200_000) * rng.standard_normal(200_000)
    assert mixed["std"] == pytest.approx(errors.std(), rel=0.01)
    assert mixed["mad_std"] == pytest.approx(1.4826 * np.median(np.abs(errors)), rel=0.01)
