"""The one noise model."""

import numpy as np
import pytest
import tensorflow as tf

from phangs_sfh.instrument import noise
from phangs_sfh.instrument.noise import NoiseShape

WAVE = 4800 + 1.25 * np.arange(1761)


def test_shape_is_one_but_for_the_blue_and_the_sky():
    plain = NoiseShape(sky_lines=()).at(WAVE)
    assert plain[WAVE >= 5600.0].max() == plain.min() == 1.0
    assert plain[0] == pytest.approx(1.0 + 0.8)  # 800 Å below 5600 Å
    line = NoiseShape((5600.0, 800.0, 0.0), ((6300.0, 2.0, 4.0),)).at(WAVE)
    assert line[np.argmin(np.abs(WAVE - 6300.0))] == pytest.approx(3.0)
    width = np.sum(line - 1.0) * 1.25 / (2.0 * np.sqrt(2.0 * np.pi))
    assert width == pytest.approx(4.0, rel=1e-6)


def test_round_trip_and_absent_fields():
    mine = NoiseShape((6000.0, 100.0, 0.5), ((6300.0, 2.0, 4.0),))
    assert NoiseShape.from_dict(mine.to_dict()) == mine
    assert NoiseShape.from_dict({}) == NoiseShape()
    assert NoiseShape.from_dict({"sky_lines": []}).blue_rise == NoiseShape().blue_rise


def test_calibration_basis_is_orthogonal_with_unit_rms():
    basis = noise.calibration_basis(2001, 4)
    np.testing.assert_allclose(basis @ basis.T / 2001, np.eye(4), atol=5e-3)


@pytest.mark.parametrize("taken", [0.0, 0.4])
def test_correlated_noise_keeps_its_variance(taken):
    white = np.random.default_rng(2).normal(size=(50, 4002))
    drawn = noise.correlated(white, taken)
    assert drawn.shape == (50, 4000)
    assert drawn.std() == pytest.approx(1.0, abs=0.01)
    neighbours = np.mean(drawn[:, 1:] * drawn[:, :-1])
    assert neighbours == pytest.approx(2 * taken / (1 + 2 * taken**2), abs=0.01)
    same = noise.correlated(tf.constant(white, tf.float32), tf.constant([[taken]], tf.float32))
    np.testing.assert_allclose(same, drawn, atol=1e-5)
