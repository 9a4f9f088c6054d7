"""Attenuation laws against their published values, and what two components do to stars."""

import numpy as np
import pytest
from populations import screen, stars

from phangs_sfh.galaxy import dust

WAVE = np.array([1500.0, 2175.0, 3000.0, 4400.0, 5500.0, 7000.0])


def test_power_law_transmission():
    relative = dust.power_law(WAVE, np.array([0.0, 0.7, 1.3]))
    np.testing.assert_allclose(relative[:, 4], 1.0, rtol=1e-6)
    np.testing.assert_allclose(relative[1], (WAVE / 5500.0) ** -0.7, rtol=1e-6)
    passed = dust.transmission(np.array([0.0, 1.0, 2.5]), relative)
    np.testing.assert_allclose(passed[0], 1.0)
    np.testing.assert_allclose(passed[1:, 4], [10**-0.4, 0.1], rtol=1e-6)


def test_calzetti_values():
    """k(λ) of Calzetti et al. 2000, equation 4, worked out by hand; k(V) is R_V = 4.05."""
    x = 1 / 0.15  # [1 / μm]
    by_hand = 2.659 * (-2.156 + 1.509 * x - 0.198 * x**2 + 0.011 * x**3) + 4.05
    relative = dust.calzetti(WAVE)
    assert relative[0] == pytest.approx(by_hand / 4.05, rel=2e-3)
    assert relative[5] == pytest.approx((2.659 * (-1.857 + 1.040 / 0.70) + 4.05) / 4.05, rel=5e-3)


def test_calzetti_has_no_step_within_the_spectra():
    wave = np.arange(4800.0, 10500.0, 1.25)
    slope = np.diff(dust.calzetti(wave)) / 1.25
    assert np.abs(np.diff(slope)).max() < 2e-5 and slope.max() < 0


def test_fixed_laws_differ_as_they_should():
    calzetti, cardelli, smc = dust.fixed_laws(WAVE)
    for law in (calzetti, cardelli, smc):
        assert law[4] == pytest.approx(1.0, abs=1e-6)
        assert np.all(law[:3] > law[4]) and law[5] < 1
    # The Milky Way has a bump at 2175 Å; the SMC is steepest in the far ultraviolet.
    assert cardelli[1] > 0.5 * (cardelli[0] + cardelli[2])
    assert cardelli[1] > calzetti[1]
    assert smc[0] > 1.3 * cardelli[0] > 1.3 * calzetti[0]
    # Cardelli, Clayton & Mathis 1989, R_V = 3.1: A(B)/A(V) = 1.33.
    assert cardelli[3] == pytest.approx(1.33, abs=0.02)


def test_old_stars_do_not_see_birth_clouds(model):
    old = stars(model, (1e9, 5e9))
    clear = model.noiseless(old, screen())
    clouds = model.noiseless(old, screen(av_young=1.5))
    for before, after in zip(clear, clouds, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-6)


def test_young_stars_see_both(model):
    """Spectra and bands of stars under 10 Myr pass both screens."""
    young = stars(model, (0, 8e6))
    wave = model.instrument.wave
    clear, clear_bands = model.noiseless(young, screen())
    dusty, bands = model.noiseless(young, screen(av=0.4, slope=0.7, av_young=1.1, slope_young=1.2))
    a_lambda = 0.4 * (wave / 5500) ** -0.7 + 1.1 * (wave / 5500) ** -1.2
    np.testing.assert_allclose(dusty / clear, 10 ** (-0.4 * a_lambda)[None, :], rtol=1e-3)
    # A band is dimmed by about the attenuation at its pivot (slices follow it across the band).
    pivot = np.array([band.pivot for band in model.instrument.bands])
    a_band = 0.4 * (pivot / 5500) ** -0.7 + 1.1 * (pivot / 5500) ** -1.2
    np.testing.assert_allclose(-2.5 * np.log10(bands / clear_bands)[0], a_band, rtol=0.03)


@pytest.mark.parametrize("number, name", list(enumerate(dust.LAWS))[1:])
def test_model_uses_the_chosen_law(model, number, name):
    old = stars(model, (1e9, 5e9))
    wave = model.instrument.wave
    clear, _ = model.noiseless(old, screen())
    dusty, _ = model.noiseless(old, screen(law=number, av=1.0, slope=9.0))
    law = dust.fixed_laws(wave)[number - 1]
    np.testing.assert_allclose(dusty / clear, 10 ** (-0.4 * law)[None, :], rtol=1e-3)
