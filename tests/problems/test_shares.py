"""The bijector of shares: TFP's own where that holds, and right where single precision ends."""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from phangs_sfh.problems.distributions import Shares

tfb = tfp.bijectors


def test_shares_are_iterated_sigmoids_but_for_a_shift():
    x = np.random.default_rng(0).normal(0, 2, (50, 15))
    left = np.log(np.arange(15, 0, -1.0))
    reference = tfb.Chain([tfb.IteratedSigmoidCentered(), tfb.Shift(left)])
    ours, y = Shares(), reference.forward(x)
    np.testing.assert_allclose(ours.forward(x), y, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(ours.inverse(y), x, rtol=1e-5, atol=1e-6)
    expected = reference.forward_log_det_jacobian(x, event_ndims=1)
    found = ours.forward_log_det_jacobian(x, event_ndims=1)
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    assert ours.forward_event_shape([15]) == [16] and ours.inverse_event_shape([16]) == [15]


def test_single_precision_brings_extreme_shares_there_and_back():
    x = tf.constant(np.random.default_rng(1).normal(-3, 6, (500, 15)), tf.float32)
    shares = tf.identity(Shares().forward(x))  # a new tensor: nothing cached
    assert np.min(shares) > 0
    np.testing.assert_allclose(np.sum(shares, axis=-1), 1, atol=1e-6)
    back = Shares().inverse(shares)
    np.testing.assert_allclose(back, x, rtol=1e-4, atol=1e-4)
