"""Metrics of errors whose answer is known beforehand."""

import numpy as np
import pytest

from phangs_sfh.evaluation import metrics


def test_scatter_of_a_normal_is_its_sigma_and_outliers_move_only_the_std():
    error = np.random.default_rng(0).normal(0.05, 0.2, 20000)
    clean = metrics.errors(error)
    assert clean["bias_mean"] == pytest.approx(0.05, abs=0.005)
    assert clean["mad_std"] == pytest.approx(0.2, rel=0.03)
    assert clean["std"] == pytest.approx(0.2, rel=0.03)
    error[:400] += 10
    spoiled = metrics.errors(error)
    assert spoiled["std"] > 1.0
    assert spoiled["mad_std"] == pytest.approx(0.2, rel=0.05)
    assert spoiled["bias_median"] == pytest.approx(0.05, abs=0.01)


def test_no_galaxies_give_none_not_nan():
    assert metrics.errors([np.nan])["std"] is None


def test_terciles_hold_a_third_each():
    index, limits = metrics.terciles(np.random.default_rng(4).exponential(size=3000))
    np.testing.assert_allclose(np.bincount(index), 1000, atol=1)
    assert limits[0] < limits[1]
