"""Histories: mass in bins against direct integration of the rates."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad

from phangs_sfh.galaxy import ages, star_formation
from phangs_sfh.problems.histories import population, priors

GYR = 1e9
TOLERANCE = 1e-6  # of all mass formed


def _binned(younger, edges):
    at_bins = np.searchsorted(edges, ages.EDGES_YR)
    np.testing.assert_allclose(edges[at_bins], ages.EDGES_YR)
    return np.diff(younger[:, at_bins], axis=1)[0]


def _integrated(rate, onset, breaks=()):
    """Mass fractions of the bins from ``rate`` (of lookback time [yr])."""
    masses = []
    for low, high in zip(ages.EDGES_YR[:-1], ages.EDGES_YR[1:], strict=True):
        low, high = min(low, onset), min(high, onset)
        nodes = [low, *sorted(b for b in breaks if low < b < high), high]
        pieces = itertools.pairwise(nodes)
        masses.append(
            sum(quad(rate, a, b, epsabs=0, epsrel=1e-10, limit=400)[0] for a, b in pieces)
        )
    return np.array(masses) / np.sum(masses)


def _one(**values):
    return {name: np.array([value], dtype=float) for name, value in values.items()}


def _lognormal_rate(onset, timescale, width):
    def rate(age):
        t = max(onset - age, 1.0)
        return np.exp(-0.5 * (np.log(t / timescale) / width) ** 2) / t

    return rate


@pytest.mark.parametrize("timescale, width", [(5 * GYR, 0.5), (0.4 * GYR, 0.2), (30 * GYR, 1.3)])
def test_delayed_lognormal(model, timescale, width):
    edges, onset = model.cell_edges, 12.5 * GYR
    younger = star_formation.delayed_lognormal(
        edges, **_one(onset=onset, log_timescale=np.log(timescale), width=width)
    )
    peak = onset - timescale
    truth = _integrated(_lognormal_rate(onset, timescale, width), onset, (peak, peak - width * 1e9))
    np.testing.assert_allclose(_binned(younger, edges), truth, atol=TOLERANCE)


@pytest.mark.parametrize("tau", [0.1 * GYR, 3 * GYR, 20 * GYR])
def test_delayed_tau(model, tau):
    edges, onset = model.cell_edges, 13.0 * GYR
    younger = star_formation.delayed_tau(edges, **_one(onset=onset, timescale=tau))
    truth = _integrated(
        lambda age: (onset - age) * np.exp(-(onset - age) / tau), onset, (onset - 5 * tau,)
    )
    np.testing.assert_allclose(_binned(younger, edges), truth, atol=TOLERANCE)


@pytest.mark.parametrize("falling, rising", [(0.3, 0.3), (3.0, 1.0), (30.0, 30.0), (30.0, 0.3)])
@pytest.mark.parametrize("peak", [0.1 * GYR, 2.1 * GYR, 9.0 * GYR])
def test_double_power_law(model, falling, rising, peak):
    edges, onset = model.cell_edges, 13.0 * GYR
    younger = star_formation.double_power_law(
        edges, **_one(onset=onset, peak=peak, falling=falling, rising=rising)
    )

    def rate(age):
        log_x = np.log(max(onset - age, 1e-6) / peak)
        return np.exp(-np.logaddexp(falling * log_x, -rising * log_x))

    breaks = [onset - factor * peak for factor in (0.8, 0.9, 1.0, 1.1, 1.25)]
    truth = _integrated(rate, onset, breaks)
    np.testing.assert_allclose(_binned(younger, edges), truth, atol=TOLERANCE)


def test_constant_and_bursts(model):
    edges = model.cell_edges
    younger = star_formation.constant(edges, np.array([7.7 * GYR]))
    truth = _integrated(lambda age: 1.0, 7.7 * GYR)
    np.testing.assert_allclose(_binned(younger, edges), truth, atol=TOLERANCE)
    start, duration = 41e6, 17e6
    younger = star_formation.burst(edges, np.array([start]), np.array([duration]))
    bounds = np.clip(ages.EDGES_YR, start - duration, start)
    np.testing.assert_allclose(_binned(younger, edges), np.diff(bounds) / duration, atol=TOLERANCE)


@pytest.mark.parametrize("when", [12e6, 0.3 * GYR, 3.3 * GYR])
def test_quenched(model, when):
    """Mass formed before quenching is kept as it was, and nothing forms after."""
    edges, onset, timescale, width = model.cell_edges, 12.5 * GYR, 6 * GYR, 0.6
    value = _one(onset=onset, timescale=timescale, width=width, quenching=when)
    binned = _binned(population._quenched(value, None, edges), edges)
    rate = _lognormal_rate(onset, timescale, width)
    truth = _integrated(lambda age: rate(age) if age > when else 0.0, onset, (when, 6.5 * GYR))
    np.testing.assert_allclose(binned, truth, atol=TOLERANCE)


def test_piecewise_constant(model, rng):
    fractions = rng.dirichlet(np.ones(ages.N_BINS), size=3)
    younger = star_formation.piecewise_constant(model.cell_edges, ages.EDGES_YR, fractions)
    np.testing.assert_allclose(_binned(younger[:1], model.cell_edges), fractions[0], atol=TOLERANCE)
    # Within a bin the rate is constant.
    inside = (model.cell_edges >= 4e9) & (model.cell_edges <= 8e9)
    rate = np.diff(younger[:, inside], axis=1) / np.diff(model.cell_edges[inside])
    np.testing.assert_allclose(rate, rate[:, :1].repeat(rate.shape[1], axis=1), rtol=1e-9)


@pytest.mark.parametrize("family", priors.FAMILIES)
@pytest.mark.parametrize("prior", priors.NAMES)
def test_mass_is_conserved(model, rng, family, prior):
    """Every family, bursts included: all mass is in the 16 bins, and none is negative."""
    settings = priors.load_prior(prior)
    settings["star_formation"]["families"] = {family: 1.0}
    stars, *_ = population.draw_galaxies(settings, rng, 300, model)
    labels_sfh = model.labels(stars, np.ones((300, 5)))["sfh"]
    assert stars.mass.min() >= -1e-12
    np.testing.assert_allclose(stars.mass.sum(axis=1), 1.0, atol=TOLERANCE)
    np.testing.assert_allclose(labels_sfh.sum(axis=1), 1.0, atol=TOLERANCE)


def test_continuity_scatter_is_student_t(model, rng):
    """Log ratios of neighbouring rates have the quartiles of Student's t (Leja et al. 2019)."""
    n, scale = 4000, 0.3
    value = _one(onset=1e10, continuity_scale=scale)
    value = {name: np.repeat(content, n) for name, content in value.items()}
    younger = population._continuity(value, rng, model.cell_edges)
    at_bins = np.searchsorted(model.cell_edges, ages.EDGES_YR)
    rate = np.diff(younger[:, at_bins], axis=1) / np.diff(ages.EDGES_YR)
    steps = np.diff(np.log10(rate), axis=1)[:, :4]
    expected = 0.8165 * scale  # upper quartile of t with 2 degrees of freedom
    np.testing.assert_allclose(np.quantile(steps, [0.25, 0.75]), [-expected, expected], rtol=0.06)
