"""Ionised gas: recombination ratios, attenuation, conservation of line flux."""

from dataclasses import replace

import numpy as np
import pytest
from populations import gas, screen, stars

from phangs_sfh.galaxy.gas import load_gas

H_ALPHA, H_BETA = 6562.8, 4861.3
STEP = 1.25  # [Å]


def _lines_alone(model, galaxy, dust, gas_drawn):
    """Spectrum of the lines: with them less without them, continuum and stars the same."""
    n = len(gas_drawn.covering)
    with_lines, bands = model.noiseless(galaxy, dust, gas_drawn)
    without = replace(gas_drawn, in_spectrum=np.zeros(n, bool))
    spectrum, same_bands = model.noiseless(galaxy, dust, without)
    np.testing.assert_array_equal(bands, same_bands)
    return with_lines.astype(float) - spectrum


def _flux(model, lines, centre, half_width=7.5):
    near = np.abs(model.instrument.wave - centre) < half_width
    return lines[:, near].sum(axis=1) * STEP


@pytest.mark.parametrize("log_u", [-3.5, -3.0, -2.0])
def test_balmer_decrement_is_case_b(model, log_u):
    """Hα / Hβ = 2.86 at 10 000 K (Osterbrock & Ferland 2006), 3.0 in cool metal-rich nebulae."""
    young = stars(model, (0, 5e6), mh=0.0)
    lines = _lines_alone(model, young, screen(), gas(log_u=log_u, sigma=5.0, mh=-0.4))
    ratio = _flux(model, lines, H_ALPHA) / _flux(model, lines, H_BETA)
    assert ratio[0] == pytest.approx(2.86, abs=0.12)


def test_attenuated_balmer_decrement(model):
    """Gas sees its own birth clouds and the diffuse screen, whatever the stars' clouds are."""
    young = stars(model, (0, 5e6))
    clear = _lines_alone(model, young, screen(), gas(sigma=5.0))
    dust = screen(av=0.5, slope=0.7, av_young=3.0, slope_young=1.3)
    dusty = _lines_alone(model, young, dust, gas(sigma=5.0, av=1.2))
    for centre in (H_ALPHA, H_BETA):
        a_line = 0.5 * (centre / 5500) ** -0.7 + 1.2 * (centre / 5500) ** -1.3
        dimmed = _flux(model, dusty, centre) / _flux(model, clear, centre)
        assert dimmed[0] == pytest.approx(10 ** (-0.4 * a_line), rel=3e-3)


def test_line_flux_is_conserved_at_any_dispersion(model):
    sigma = np.array([0.0, 15.0, 50.0, 150.0, 300.0])
    young = stars(model, (0, 5e6), n=len(sigma))
    drawn = gas(len(sigma), sigma=sigma)
    lines = _lines_alone(model, young, screen(len(sigma)), drawn)
    isolated = _flux(model, lines, H_BETA, half_width=50)
    np.testing.assert_allclose(isolated, isolated[0], rtol=1e-4)
    # All lines that lie within the grid, whole: what the tables say.
    number = int(np.argmin(np.abs(model.gas.grid.line_wave - H_BETA)))
    emitted = model.gas.emission(young.mass, drawn)[:, number]
    np.testing.assert_allclose(isolated, emitted, rtol=2e-3)


def test_line_width_is_lsf_and_dispersion(model):
    sigma = np.array([20.0, 100.0])
    young = stars(model, (0, 5e6), n=2)
    lines = _lines_alone(model, young, screen(2), gas(2, sigma=sigma))
    wave = model.instrument.wave
    near = np.abs(wave - H_BETA) < 25
    profile = lines[:, near] / lines[:, near].sum(axis=1, keepdims=True)
    centre = profile @ wave[near]
    width = np.sqrt(profile @ wave[near] ** 2 - centre**2)
    lsf = model.instrument.lsf_fwhm(H_BETA) / 2.3548
    np.testing.assert_allclose(centre, H_BETA, atol=0.1)
    np.testing.assert_allclose(width, np.hypot(lsf, sigma / 299792.458 * H_BETA), rtol=0.02)


def test_old_stars_light_no_gas(model):
    old = stars(model, (3.3e7, 5e9))
    clear = model.noiseless(old, screen())
    with_gas = model.noiseless(old, screen(), gas())
    for before, after in zip(clear, with_gas, strict=True):
        np.testing.assert_array_equal(before, after)


def test_gas_off_is_no_gas(model):
    young = stars(model, (0, 1e7))
    clear = model.noiseless(young, screen())
    off = model.noiseless(young, screen(), gas(covering=0.0))
    for before, after in zip(clear, off, strict=True):
        np.testing.assert_array_equal(before, after)


def test_bands_hold_the_lines(model):
    """F555W with gas less without is the lines' and continuum's photon-weighted mean."""
    young = stars(model, (0, 5e6))
    _, clear = model.noiseless(young, screen())
    _, with_gas = model.noiseless(young, screen(), gas())
    grid = load_gas()
    emission = model.gas.emission(young.mass, gas())[0].astype(float)
    n_lines = len(grid.line_wave)
    for number, band in enumerate(model.instrument.bands):
        fine = np.arange(band.wave[0], band.wave[-1], 0.5)
        weight = fine * np.interp(fine, band.wave, band.throughput)
        continuum = np.interp(fine, grid.wave, emission[n_lines:])
        at_line = grid.line_wave * np.interp(grid.line_wave, band.wave, band.throughput, 0, 0)
        total = np.sum(continuum * weight) * 0.5 + emission[:n_lines] @ at_line
        expected = total / (np.sum(weight) * 0.5)
        assert with_gas[0, number] - clear[0, number] == pytest.approx(expected, rel=5e-3)


def test_h_alpha_luminosity_of_steady_star_formation(model):
    """Case B, L(Hα) = 1.37e-12 erg times the ionising photons, holds to 3 per cent.

    The uncut solar BC03 grid gives 10^53.298 photons below 912 Å per second for 1 M_sun/yr, stars
    to 30 Myr. Kennicutt & Evans 2012, 10^41.27 erg/s for other tracks, are 0.17 dex away.
    """
    steady = stars(model, (0, 1e8))
    number = int(np.argmin(np.abs(model.gas.grid.line_wave - H_ALPHA)))
    per_mass = model.gas.emission(steady.mass, gas())[0, number]  # [L_sun / M_sun], over 100 Myr
    luminosity = float(per_mass) * 1e8 * 3.828e33  # [erg/s] for 1 M_sun / yr
    assert luminosity == pytest.approx(1.37e-12 * 10**53.298, rel=0.03)
    assert np.log10(luminosity) == pytest.approx(41.27, abs=0.2)


def test_metallicity_and_ionisation_move_the_lines(model):
    """[N II] / Hα rises with metallicity, [O III] / Hβ with the ionisation parameter."""
    young = stars(model, (0, 5e6), n=2)
    wave = model.gas.grid.line_wave

    def line(drawn, centre):
        return model.gas.emission(young.mass, drawn)[:, int(np.argmin(np.abs(wave - centre)))]

    by_metallicity = gas(2, mh=np.array([-0.7, 0.0]))
    nitrogen = line(by_metallicity, 6583.5) / line(by_metallicity, H_ALPHA)
    assert nitrogen[1] > 3 * nitrogen[0]
    by_ionisation = gas(2, log_u=np.array([-3.5, -2.0]), mh=-0.4)
    oxygen = line(by_ionisation, 5006.8) / line(by_ionisation, H_BETA)
    assert oxygen[1] > 3 * oxygen[0]
