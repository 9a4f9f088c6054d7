"""Line-spread function and velocity dispersion against brute-force convolution."""

import numpy as np
import pytest
from populations import screen, stars
from scipy.interpolate import CubicSpline

from phangs_sfh.galaxy import kinematics
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.constants import FWHM_PER_SIGMA, SPEED_OF_LIGHT
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.ssp.grid import SSPGrid

C = 299792.458  # [km/s]


def _gaussian(wave, centre, sigma):
    return np.exp(-0.5 * ((wave - centre) / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)


def _width(wave, profile):
    """Standard deviation of a profile, by moments."""
    centre = np.sum(wave * profile) / np.sum(profile)
    return np.sqrt(np.sum((wave - centre) ** 2 * profile) / np.sum(profile))


@pytest.mark.parametrize("sigma_v", [0.0, 10.0, 45.0, 150.0, 300.0])
def test_broadening_against_brute_force(model, sigma_v):
    """A real spectrum, convolved in velocity by direct summation at each pixel."""
    templates = model.templates
    row = templates.rows[100 * len(templates.mh) + 4, : len(templates.log_wave)].astype(float)
    fast = kinematics.broaden(row[None], templates.velocity_step, np.array([sigma_v]))[0]
    # A spline stands for the continuous spectrum.
    continuous = CubicSpline(np.log(templates.log_wave), row)
    velocity = np.linspace(-6, 6, 601) * max(sigma_v, 1e-3)
    kernel = np.exp(-0.5 * (velocity / max(sigma_v, 1e-3)) ** 2)
    inside = slice(100, -100, 40)
    log_wave = np.log(templates.log_wave[inside])
    brute = continuous(log_wave[:, None] - velocity / C) @ kernel / kernel.sum()
    np.testing.assert_allclose(fast[inside], brute, rtol=3e-4)


def test_resampling_to_the_instruments_pixels(model):
    """A line as narrow as the LSF keeps its shape to 0.6 per cent of its peak."""
    log_wave = model.templates.log_wave
    sigma = model.instrument.lsf_fwhm(5500.0) / FWHM_PER_SIGMA
    resample = kinematics.resampling_matrix(log_wave, model.instrument.wave)
    sampled = _gaussian(log_wave, 5500.0, sigma) @ resample
    exact = _gaussian(model.instrument.wave, 5500.0, sigma)
    np.testing.assert_allclose(sampled, exact, atol=6e-3 * exact.max())


def test_broadening_does_not_wrap_or_ring(model):
    """The ends of the instrument's grid are far from the ends of the transform."""
    flat = np.linspace(1.0, 2.0, len(model.templates.log_wave))[None]
    resample = kinematics.resampling_matrix(model.templates.log_wave, model.instrument.wave)
    broad = kinematics.broaden(flat, model.templates.velocity_step, np.array([300.0])) @ resample
    np.testing.assert_allclose(broad, flat @ resample, rtol=1e-4)


@pytest.mark.parametrize("centre", [4861.0, 5500.0, 6563.0])
def test_lsf_is_matched(centre):
    """A line as the library resolves it becomes one as the instrument resolves it."""
    instrument = load_instrument()
    wave = np.arange(4700.0, 7100.0, 0.9)
    library = 2.5
    line = _gaussian(wave, centre, library / FWHM_PER_SIGMA)
    fine = np.arange(centre - 30, centre + 30, 0.1)
    matched = kinematics.match_lsf(line[None], wave, instrument, library, fine)[0]
    assert np.sum(matched) * 0.1 == pytest.approx(1.0, abs=2e-3)
    # Linear interpolation between the library's samples adds a sixth of a step squared.
    expected = np.sqrt((instrument.lsf_fwhm(centre) / FWHM_PER_SIGMA) ** 2 + 0.9**2 / 6)
    assert _width(fine, matched) == pytest.approx(expected, rel=0.01)


def test_lsf_is_not_sharpened():
    """Where the instrument resolves more than the library, spectra stay as they are.

    To 1 per cent of a line's peak: what linear interpolation between samples costs.
    """
    instrument = load_instrument()
    wave = np.arange(4700.0, 7100.0, 0.9)
    line = _gaussian(wave, 6000.0, 4.0 / FWHM_PER_SIGMA)
    matched = kinematics.match_lsf(line[None], wave, instrument, 4.0, wave[500:-500])[0]
    np.testing.assert_allclose(matched, line[500:-500], atol=0.01 * line.max())


@pytest.mark.parametrize("sigma_v", [0.0, 60.0, 200.0])
def test_width_of_a_line_through_the_whole_model(model, sigma_v):
    """Library of 2.5 Å, LSF of MUSE and dispersion add in quadrature in the observed spectrum."""
    grid, centre = model.ssp, 5500.0
    wave = np.arange(1900.0, 10500.0, 0.9)
    line = 1.0 + 5 * _gaussian(wave, centre, grid.resolution_fwhm / FWHM_PER_SIGMA)
    ages = grid.age[::4]
    shape = (2, len(ages))
    toy = SSPGrid(
        wave=wave,
        age=ages,
        metallicity=np.array([0.01, 0.02]),
        luminosity=np.broadcast_to(line, (*shape, len(wave))).astype(np.float32),
        surviving_mass=np.ones(shape),
        z_sun=0.02,
        resolution_fwhm=grid.resolution_fwhm,
    )
    toy_model = ForwardModel(toy, model.instrument)
    spectrum, _ = toy_model.noiseless(stars(toy_model, (1e9, 5e9)), screen(sigma_v=sigma_v))
    near = np.abs(model.instrument.wave - centre) < 30
    width = _width(model.instrument.wave[near], spectrum[0, near] - 1.0)
    lsf = model.instrument.lsf_fwhm(centre) / FWHM_PER_SIGMA
    assert width == pytest.approx(np.hypot(lsf, sigma_v / C * centre), rel=0.05)
    assert np.sum(spectrum[0, near] - 1.0) * 1.25 == pytest.approx(5.0, rel=5e-3)


def test_velocity_moves_lines_and_keeps_their_flux():
    wave, step = kinematics.log_grid(np.arange(4800.0, 7000.1, 1.25))
    line = np.exp(-0.5 * ((wave - 5900.0) / 3.0) ** 2)[None].repeat(3, axis=0)
    velocity = np.array([-400.0, 0.0, 250.0])
    moved = kinematics.broaden(line, step, np.zeros(3), velocity)
    centre = (moved @ np.log(wave)) / moved.sum(axis=1)
    expected = np.log(5900.0) + velocity / SPEED_OF_LIGHT
    np.testing.assert_allclose(centre, expected, atol=1e-6)
    np.testing.assert_allclose(moved.sum(axis=1), line.sum(axis=1), rtol=1e-6)
