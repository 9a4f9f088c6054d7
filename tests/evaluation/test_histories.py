"""Measures of histories whose answer is known beforehand."""

import numpy as np
import pytest

from phangs_sfh.evaluation import metrics
from phangs_sfh.evaluation.histories import history, young
from phangs_sfh.galaxy import ages
from phangs_sfh.problems.histories import LABELS


def test_total_variation_is_the_mass_in_wrong_bins():
    true = np.zeros((3, 16))
    true[:, 10] = 1.0
    median = np.zeros((3, 16))
    median[0, 10] = 0.2  # all in the right bin, not normalised
    median[1, 3] = 1.0  # all in a wrong bin
    median[2, [10, 11]] = 0.75, 0.25
    np.testing.assert_allclose(history.total_variation(true, median), [0, 1, 0.25], atol=1e-12)


def test_young_fraction_cuts_the_bin_that_holds_10_myr():
    constant = np.diff(ages.EDGES_YR) / ages.MAX_AGE_YR
    assert young.young_fraction(constant) == pytest.approx(10e6 / ages.MAX_AGE_YR, rel=1e-12)


def test_metallicity_errors_of_empty_bins_do_not_count_where_mass_is_asked_for():
    rng = np.random.default_rng(1)
    sfh = np.full((400, 16), 1e-5)
    sfh[:200, 12], sfh[200:, 13] = 1.0, 1.0
    truth = {"sfh": sfh, "mh": np.zeros((400, 16))}
    mh = rng.normal(0, 1.0, (400, 16))
    mh[:200, 12] = 0.1
    answer = {"sfh_p50": sfh * 10**0.3, "mh_p50": mh}
    bins = metrics.bin_errors(LABELS, truth, answer, {"sfh": sfh})
    bins |= history.metallicity_errors(sfh, truth["mh"], mh)
    assert bins["mh_with_mass"][12]["n"] == 200
    assert bins["mh_with_mass"][12]["bias_median"] == pytest.approx(0.1)
    assert bins["mh_with_mass"][2]["n"] == 0
    assert bins["mh"][12]["std"] > 0.5
    assert bins["mh_mass_weighted_rms"][12] == pytest.approx(0.1, abs=0.01)
    assert bins["log_sfh"][4]["bias_median"] == pytest.approx(0.3)


def test_one_per_cent_of_young_stars_is_told_from_a_tenth_by_a_good_estimate_only():
    rng = np.random.default_rng(2)
    true = 10 ** rng.uniform(-5, -0.5, 8000)
    good = young.young_stars(true, true * 10 ** rng.normal(0, 0.2, 8000))
    blind = young.young_stars(true, rng.permutation(true))
    assert good["separation"] > 0.99
    assert blind["separation"] == pytest.approx(0.5, abs=0.05)
    assert good["classes"]["0.01"]["p50"] == pytest.approx(-2, abs=0.1)
    at_one = {entry["threshold"]: entry for entry in good["thresholds"]}[1e-2]
    assert at_one["purity"] > 0.9 and at_one["found"] > 0.9
    assert at_one["completeness"] < at_one["found"]


def test_completeness_falls_when_faint_fractions_are_answered_with_none():
    true = 10 ** np.random.default_rng(3).uniform(-4.5, -0.5, 4000)
    summary = young.young_stars(true, np.where(true > 1e-3, true, 1e-5))
    rows = {entry["threshold"]: entry for entry in summary["thresholds"]}
    assert rows[1e-4]["completeness"] == 0.0
    assert rows[1e-3]["completeness"] == 1.0
    assert rows[1e-4]["purity"] == 1.0
