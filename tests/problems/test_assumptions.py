"""Assumptions: galaxies of each, signatures of each, and refusals."""

import copy
import json

import numpy as np
import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.library.make_library import make_library
from phangs_sfh.problems.assumptions import RECORD, Assumptions
from phangs_sfh.problems.histories import priors
from phangs_sfh.problems.histories.simulator import Simulator

STARS = Assumptions("stars", ("uncertain", "bc03"), "uncertain")


def test_signatures_are_named_by_the_option():
    assert STARS.signature("uncertain", "posterior") == "posterior"
    assert STARS.signature("bc03", "serving_default") == "stars_bc03"
    assert STARS.signature("bc03", "posterior") == "stars_bc03_posterior"


def test_number_of_an_option_or_the_default():
    assert (STARS.number("bc03", "x"), STARS.number(None, "x")) == (1, 0)
    with pytest.raises(InputError, match="mine: --assume stars=mist is not known; it knows unc"):
        STARS.number("mist", "mine")


@pytest.fixture(scope="module")
def chunk():
    simulator = Simulator(load_instrument(), priors.load_prior("broad"))
    return next(simulator.galaxies(np.random.default_rng(2), 700)), simulator.assumptions


def test_every_chunk_holds_galaxies_of_all_by_weight(chunk):
    drawn, assumptions = chunk
    shares = np.bincount(drawn[RECORD], minlength=3) / 700
    options = priors.load_prior("broad")["assumptions"]["options"]
    assert shares == pytest.approx([options[n]["weight"] for n in assumptions.options], abs=0.06)
    assert all(len(values) == 700 for values in drawn.values())


def test_an_engine_named_by_the_user_has_no_assumptions():
    prior = priors.load_prior("broad")
    assert priors.assumptions(prior, "bc03") is None
    assert priors.assumptions(priors.load_prior("paper")) is None
    drawn = next(Simulator(load_instrument(), prior, "bc03").galaxies(np.random.default_rng(2), 5))
    assert RECORD not in drawn


def test_galaxies_know_the_stars_they_are_made_of():
    """One option alone: the same galaxies as with that engine and no assumptions."""
    prior = copy.deepcopy(priors.load_prior("broad"))
    options = prior["assumptions"]["options"]
    for name, option in options.items():
        option["weight"] = float(name == "basti")
    mixed = next(Simulator(load_instrument(), prior).galaxies(np.random.default_rng(3), 40))
    assert np.all(mixed[RECORD] == list(options).index("basti"))
    rng = np.random.default_rng(3)
    priors.choose({0: 0.0, 1: 0.0, 2: 1.0}, range(3), rng, 40)
    alone = next(Simulator(load_instrument(), prior, "basti").galaxies(rng, 40))
    np.testing.assert_allclose(mixed["spectrum"], alone["spectrum"], rtol=1e-5)


def test_library_says_what_is_assumed(tmp_path):
    library = make_library(tmp_path / "some", 40, seed=1, workers=1)
    content = json.loads((tmp_path / "some" / "library.json").read_text())
    assert content["assumptions"]["default"] == "uncertain"
    assert library.described.assumptions.options == ("uncertain", "bc03", "basti")
    assert library.z_sun_of["basti"] == pytest.approx(0.0153)
    assert library.z_sun == library.z_sun_of["uncertain"] == 0.02
