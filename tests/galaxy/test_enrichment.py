"""Enrichment against analytic results."""

import numpy as np
import pytest

from phangs_sfh.galaxy import enrichment
from phangs_sfh.problems.histories import population, priors

FORMED = np.linspace(0, 1, 2001)


def _column(*values):
    return [np.array([value]) for value in values]


@pytest.mark.parametrize("consumed", [0.2, 0.7, 0.98])
def test_closed_box_has_a_constant_yield(consumed):
    """Z = Z_start + y ln(1 / gas fraction) (Searle & Sargent 1972)."""
    z = enrichment.closed_box(FORMED[None], *_column(0.004, 0.03, consumed))[0]
    assert z[0] == pytest.approx(0.004) and z[-1] == pytest.approx(0.03)
    gas = 1 - consumed * FORMED
    true_yield = (0.03 - 0.004) / np.log(1 / (1 - consumed))
    np.testing.assert_allclose(z, 0.004 + true_yield * np.log(1 / gas), rtol=1e-9)
    # Mean of the stars: Z_start + y (1 + μ ln μ / (1 - μ)), e.g. Pagel 1997, equation 8.8.
    mu = 1 - consumed
    mean = 0.004 + true_yield * (1 + mu * np.log(mu) / (1 - mu))
    assert np.trapezoid(z, FORMED) == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("loading", [0.5, 3.0, 10.0])
def test_leaky_box_tends_to_equilibrium(loading):
    """dZ/dm is proportional to the distance from the equilibrium metallicity."""
    z = enrichment.leaky_box(FORMED[None], *_column(0.004, 0.03, loading))[0]
    assert z[0] == pytest.approx(0.004) and z[-1] == pytest.approx(0.03)
    equilibrium = 0.004 + 0.026 / -np.expm1(-loading)
    slope = np.gradient(z, FORMED)[1:-1] / (equilibrium - z[1:-1])
    np.testing.assert_allclose(slope, loading, rtol=1e-4)


@pytest.mark.parametrize("family", priors.ENRICHMENTS)
def test_families_go_the_way_they_say(model, rng, family):
    """Without scatter: rising, flat or falling with time, within the grid's metallicities."""
    prior = priors.load_prior("broad")
    prior["enrichment"]["families"] = {family: 1.0}
    prior["enrichment"]["z_end"] = prior["enrichment"]["z_end"]["parts"][0]
    prior["enrichment"]["scatter"] = 0.0
    stars, *_ = population.draw_galaxies(prior, rng, 400, model)
    with_time = np.diff(stars.mh[:, ::-1], axis=1)  # cells run from young to old
    if family == "flat":
        np.testing.assert_allclose(with_time, 0, atol=1e-9)
    elif family == "inverted":
        assert with_time.max() < 1e-9 and with_time.min() < -1e-3
    else:
        assert with_time.min() > -1e-9 and with_time.max() > 1e-3
    assert stars.mh.min() >= model.ssp.mh[0] and stars.mh.max() <= model.ssp.mh[-1]
    names = ("z_start", "z_end")
    low = min(prior["enrichment"][name]["low"] for name in names)
    high = max(prior["enrichment"][name]["high"] for name in names)
    z = model.ssp.z_sun * 10**stars.mh
    assert z.min() > low * (1 - 1e-6) and z.max() < high * (1 + 1e-6)


def test_scatter_is_as_said(model, rng):
    prior = priors.load_prior("broad")
    prior["enrichment"].update(families={"flat": 1.0}, scatter=0.05)
    prior["enrichment"]["z_end"] = {"distribution": "uniform", "low": 0.02, "high": 0.02}
    stars, *_ = population.draw_galaxies(prior, rng, 3000, model)
    mh = model.labels(stars, np.ones((3000, 5)))["mh"]
    np.testing.assert_allclose(mh.std(axis=0), 0.05, rtol=0.06)
    np.testing.assert_allclose(mh.mean(axis=0), 0.0, atol=0.005)
