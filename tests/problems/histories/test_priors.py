"""Priors as data: what is drawn, and what is refused."""

import copy
import json

import numpy as np
import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.problems.histories import priors


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.mark.parametrize("name", priors.NAMES)
def test_named_priors_draw_within_their_ranges(name, rng):
    prior = priors.load_prior(name)
    for section, parameters in priors.PARAMETERS.items():
        for parameter in parameters:
            settings = prior[section][parameter]
            drawn = priors.draw(settings, rng, 2000)
            parts = settings.get("parts", [settings])
            low = min(0.0 if p["distribution"] == "exponential" else p["low"] for p in parts)
            high = max(part["high"] for part in parts)
            field = f"{section}.{parameter}"
            assert np.all(np.isfinite(drawn)), field
            assert drawn.min() >= low - 1e-12 * abs(low), field
            assert drawn.max() <= high + 1e-12 * abs(high), field


def test_distributions_have_their_shape(rng):
    n = 20_000
    flat = priors.draw({"distribution": "uniform", "low": 2, "high": 6}, rng, n)
    assert np.quantile(flat, [0.25, 0.75]) == pytest.approx([3, 5], abs=0.06)
    in_log = priors.draw({"distribution": "log_uniform", "low": 1e-4, "high": 1.0}, rng, n)
    assert np.quantile(np.log10(in_log), [0.25, 0.75]) == pytest.approx([-3, -1], abs=0.06)
    falling = priors.draw({"distribution": "exponential", "scale": 0.6, "high": 1.2}, rng, n)
    cut = 1 - np.exp(-2.0)
    assert np.median(falling) == pytest.approx(-0.6 * np.log(1 - 0.5 * cut), abs=0.01)


def test_choices_follow_their_weights(rng):
    drawn = priors.choose({"b": 3.0, "c": 1.0}, ["a", "b", "c"], rng, 20_000)
    share = np.bincount(drawn, minlength=3) / 20_000
    assert share == pytest.approx([0, 0.75, 0.25], abs=0.012)


def _changed(section, field, value):
    prior = copy.deepcopy(priors.load_prior("broad"))
    if value is None:
        del prior[section][field]
    else:
        prior[section][field] = value
    return json.dumps(prior)


def _uncertain(**changes):
    """The prior with changes in the option 'uncertain' of its assumptions."""
    prior = copy.deepcopy(priors.load_prior("broad"))
    prior["assumptions"]["options"]["uncertain"] |= changes
    return json.dumps(prior)


UNIFORM = {"distribution": "uniform", "low": 0.0, "high": 1.0}

BAD = {
    "not JSON": ("{", "not JSON"),
    "a list": ("[1]", "holds no fields"),
    "endless": (_changed("dust", "slope", {**UNIFORM, "high": 10**400}), "64 bits"),
    "missing parameter": (_changed("dust", "slope", None), "dust.slope"),
    "missing section": ('{"dust": {}}', "star_formation.onset"),
    "unknown distribution": (
        _changed("dust", "slope", {"distribution": "normal", "low": 0, "high": 1}),
        "dust.slope",
    ),
    "text for a number": (_changed("gas", "log_u", {**UNIFORM, "low": "low"}), "gas.log_u"),
    "low above high": (_changed("dust", "slope", {**UNIFORM, "low": 2.0}), "dust.slope"),
    "logarithm of zero": (
        _changed("star_formation", "tau", {**UNIFORM, "distribution": "log_uniform"}),
        "star_formation.tau",
    ),
    "not finite": (
        _changed("dust", "slope", {**UNIFORM, "high": float("nan")}),
        "nan is no number",
    ),
    "zero scale": (
        _changed("dust", "av", {"distribution": "exponential", "scale": 0.0, "high": 4.0}),
        "dust.av",
    ),
    "fraction above one": (
        _changed("star_formation", "burst_fraction", {**UNIFORM, "high": 1.5}),
        "star_formation.burst_fraction",
    ),
    "beyond the gas tables": (_changed("gas", "log_u", {**UNIFORM, "low": -6.0}), "gas.log_u"),
    "negative dispersion": (
        _changed("kinematics", "sigma_v", {**UNIFORM, "low": -5.0}),
        "kinematics.sigma_v",
    ),
    "negative weight": (_changed("dust", "laws", {"smc": -1.0}), "dust.laws"),
    "no weight": (_changed("gas", "states", {"on": 0.0}), "gas.states"),
    "text for a weight": (_changed("gas", "states", {"on": "much"}), "gas.states"),
    "unknown family": (
        _changed("star_formation", "families", {"exponential": 1.0}),
        "star_formation.families",
    ),
    "scatter of text": (_changed("enrichment", "scatter", "little"), "enrichment.scatter"),
    "huge library error": (_uncertain(stellar_library={"age": 3.0}), "stellar_library.age"),
    "unknown library error": (_uncertain(stellar_library={"colour": 0.1}), "stellar_library"),
    "no engine": (_uncertain(ssp=None), "assumptions.options.uncertain.ssp"),
    "negative weight of an option": (_uncertain(weight=-1.0), "assumptions.options"),
    "wrong share": (
        _uncertain(other_library={"engine": "basti", "share": [1, 0]}),
        "assumptions.options.uncertain: other_library.share",
    ),
    "no such default": (_changed("assumptions", "default", "mine"), "assumptions.default"),
    "options of text": (_changed("assumptions", "options", "bc03"), "assumptions.options"),
}


@pytest.mark.parametrize("content, field", BAD.values(), ids=BAD.keys())
def test_bad_files_are_refused_in_one_line(tmp_path, content, field):
    path = tmp_path / "mine.json"
    path.write_text(content)
    with pytest.raises(InputError) as refusal:
        priors.load_prior(str(path))
    message = str(refusal.value)
    assert "mine.json" in message and field in message and "\n" not in message


def test_a_users_prior_file_is_read(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(_changed("kinematics", "sigma_v", {**UNIFORM, "high": 120.0}))
    assert priors.load_prior(str(path))["kinematics"]["sigma_v"]["high"] == 120.0


def test_binary_and_unknown_priors_are_refused(tmp_path):
    path = tmp_path / "mine.json"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(InputError, match="not JSON"):
        priors.load_prior(str(path))
    with pytest.raises(InputError, match="no such prior or file; priors are broad, paper"):
        priors.load_prior("narrow")


EARLY = {"distribution": "uniform", "low": 9e9, "high": 13e9, "weight": 3.0}
LATE = {"distribution": "log_uniform", "low": 1e8, "high": 1e9, "weight": 1.0}


def test_mixture_draws_from_its_parts_by_weight(rng):
    onset = {"distribution": "mixture", "parts": [EARLY, LATE]}
    drawn = priors.draw(onset, rng, 20_000)
    assert np.mean(drawn > 9e9) == pytest.approx(0.75, abs=0.012)
    assert np.median(drawn[drawn < 1e9]) == pytest.approx(10**8.5, rel=0.05)
    priors.check_prior("mine", json.loads(_changed("star_formation", "onset", onset)))
    for parts in ([], [EARLY | {"low": 1e10, "high": 1e9}], [{**EARLY, "weight": -1.0}]):
        with pytest.raises(InputError, match="mine: star_formation.onset"):
            wrong = {"distribution": "mixture", "parts": parts}
            priors.check_prior("mine", json.loads(_changed("star_formation", "onset", wrong)))


def test_sums_are_checked():
    sums = {"number": {"2": 1.0}, "fraction": {**LATE, "low": 0.1, "high": 1.0}, "onset": LATE}
    priors.check_prior("mine", json.loads(_changed("star_formation", "sums", sums)))
    for change in ({"number": {"4": 1.0}}, {"number": {}}, {"onset": None}, {"fraction": EARLY}):
        with pytest.raises(InputError, match="mine: star_formation"):
            priors.check_prior(
                "mine", json.loads(_changed("star_formation", "sums", sums | change))
            )
