"""A_V's target: no edge at 0, and back to magnitudes."""

import numpy as np
from keras import ops

from phangs_sfh.problems.histories.labels import AV


def test_av_survives_its_stretching_and_stays_positive():
    av = np.array([1e-3, 0.02, 0.3, 1.0, 4.0, 20.0], np.float32)
    target = ops.convert_to_numpy(AV.to_target(av))
    assert np.all(np.diff(target) > 0)
    np.testing.assert_allclose(AV.from_target(target), av, rtol=1e-4)
    assert np.isfinite(ops.convert_to_numpy(AV.to_target(np.zeros(1, np.float32)))).all()
    assert ops.convert_to_numpy(AV.from_target(np.float32([-40.0])))[0] >= 0


def test_an_exponential_prior_has_no_edge_in_the_target():
    av = np.random.default_rng(0).exponential(0.6, 200_000)
    target = ops.convert_to_numpy(AV.to_target(av))
    share, _ = np.histogram(target, np.arange(-5.0, 1.1, 0.5))
    assert np.all(np.diff(share[1:]) > 0)  # falls smoothly towards A_V = 0
    assert np.mean(target < -5.0) < 0.01
