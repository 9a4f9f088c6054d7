"""Sums of histories."""

import copy

import numpy as np
import pytest

from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.problems.histories import population, priors
from phangs_sfh.ssp import bc03


@pytest.fixture(scope="module")
def model():
    return ForwardModel(bc03.load(), load_instrument())


def _narrow(value):
    return {"distribution": "uniform", "low": value, "high": value}


def test_a_sum_holds_both_histories_in_the_shares_asked_for(model):
    """Old constant histories and a third as much mass again from 1 Gyr on."""
    prior = copy.deepcopy(priors.load_prior("broad"))
    prior["star_formation"].update(
        families={"constant": 1.0}, bursts={"0": 1.0}, onset=_narrow(12e9),
        sums={"number": {"2": 1.0}, "fraction": _narrow(1 / 3), "onset": _narrow(1e9)},
    )  # fmt: skip
    priors.check_prior("mine", prior)
    stars, *_ = population.draw_galaxies(prior, np.random.default_rng(2), 50, model)
    np.testing.assert_allclose(stars.mass.sum(axis=1), 1.0, rtol=1e-9)
    young = stars.mass[:, model.cell_edges[1:] < 1.0001e9].sum(axis=1)
    np.testing.assert_allclose(young, 0.25 + 0.75 / 12, rtol=1e-6)


def test_number_of_histories_follows_its_weights(model):
    prior = copy.deepcopy(priors.load_prior("broad"))
    prior["star_formation"].update(
        families={"constant": 1.0}, bursts={"0": 1.0}, onset=_narrow(12e9),
        sums={"number": {"1": 3.0, "3": 1.0}, "fraction": _narrow(0.5), "onset": _narrow(1e9)},
    )  # fmt: skip
    stars, *_ = population.draw_galaxies(prior, np.random.default_rng(2), 4000, model)
    young = stars.mass[:, model.cell_edges[1:] < 1.0001e9].sum(axis=1)
    assert np.mean(young < 0.1) == pytest.approx(0.75, abs=0.03)
    np.testing.assert_allclose(young[young > 0.1], 0.5 + 0.5 / 12, rtol=1e-6)
