"""The statistics of drawn observations."""

import json

import numpy as np
import pytest
import tensorflow as tf

from phangs_sfh.errors import InputError
from phangs_sfh.instrument import emission_lines
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.library.observing import ObservingConditions, observe

QUIET = {"calibration": 0.0, "velocity_error": 0.0, "zero_point": 0.0, "aperture": 0.0}


@pytest.fixture(scope="module")
def instrument():
    return load_instrument()


def draw(instrument, conditions, n=2000, seed=(1, 2), spectrum=None):
    spectrum = np.ones((n, instrument.n_pixels), np.float32) if spectrum is None else spectrum
    bands = np.ones((n, instrument.n_bands), np.float32)
    noiseless = {"spectrum": spectrum, "bands": bands}
    seen = observe(noiseless, instrument, conditions, tf.constant(seed))
    return {name: value.numpy() for name, value in seen.items()}


def fixed(sn, **changes):
    values = ObservingConditions.fixed(sn, masked_lines=0.0).to_dict()
    return ObservingConditions.from_dict({**values, **changes})


def test_errors_are_the_standard_deviation_of_the_noise(instrument):
    seen = draw(instrument, fixed(20.0, **QUIET))
    residual = (seen["flux"] - 1) / seen["flux_err"]
    assert residual.std() == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(residual.std(axis=0), 1, atol=0.08)
    assert residual.mean() == pytest.approx(0, abs=0.01)
    bands = (seen["band_flux"] - 1) / seen["band_flux_err"]
    np.testing.assert_allclose(bands.std(axis=0), 1, atol=0.06)


def test_only_neighbouring_pixels_correlate(instrument):
    seen = draw(instrument, fixed(20.0, **QUIET))
    z = (seen["flux"] - 1) / seen["flux_err"]
    lag = [np.mean(z[:, k:] * z[:, : -k or None]) for k in (1, 2, 3)]
    assert 0.2 < lag[0] < 0.5 and 0.01 < lag[1] < 0.12
    assert lag[2] == pytest.approx(0, abs=0.005)
    white = draw(instrument, fixed(20.0, correlation=0.0, **QUIET), n=500)
    z = (white["flux"] - 1) / white["flux_err"]
    assert np.mean(z[:, 1:] * z[:, :-1]) == pytest.approx(0, abs=0.005)


def test_signal_to_noise_is_log_uniform_and_like_muse(instrument):
    seen = draw(instrument, ObservingConditions(no_spectrum=0.0, **QUIET))
    middle = np.argmin(np.abs(instrument.wave - 6000))
    error = seen["flux_err"][:, middle]
    log_sn = -np.log(error[error > 0])
    assert log_sn.min() < np.log(7) and log_sn.max() > np.log(260)
    assert log_sn.mean() == pytest.approx(np.log(5 * 300) / 2, abs=0.1)
    shape = instrument.noise.at(instrument.wave)
    assert shape[0] > 1.3  # MUSE's blue end
    assert shape[np.argmin(np.abs(instrument.wave - 5577.3))] > 3  # the sky line
    assert shape[middle] == pytest.approx(1, abs=0.01)


def test_errors_do_not_give_the_galaxy_away(instrument):
    x = np.linspace(-1, 1, instrument.n_pixels)
    lines = (1 + 0.5 * np.sin(50 * x)) * np.ones((200, 1))
    plain = draw(instrument, fixed(50.0), n=200)["flux_err"]
    other = draw(instrument, fixed(50.0), n=200, spectrum=lines.astype(np.float32))["flux_err"]
    np.testing.assert_allclose(
        other / plain, (other / plain)[:, :1] + np.zeros(plain.shape), rtol=1e-4
    )


def test_calibration_error_is_smooth_and_a_few_per_cent(instrument):
    seen = draw(instrument, fixed(1e6, **{**QUIET, "calibration": 0.04}))
    error = seen["flux"] - 1
    rms = error.std(axis=1)
    assert 0.01 < np.mean(rms) < 0.03 and rms.max() < 0.12
    assert np.abs(np.diff(error, axis=1)).max() < 5e-3  # nothing a line could be taken for


def test_velocity_error_shifts_lines_by_its_velocity(instrument):
    wave = instrument.wave
    line = 1 - 0.5 * np.exp(-0.5 * ((wave - 6000) / 4) ** 2)
    spectrum = np.tile(line.astype(np.float32), (1000, 1))
    seen = draw(instrument, fixed(1e6, **{**QUIET, "velocity_error": 15.0}), 1000, (1, 2), spectrum)
    near = np.abs(wave - 6000) < 30
    wave, depth = wave[near], 1 - seen["flux"][:, near]
    velocity = ((depth * wave).sum(axis=1) / depth.sum(axis=1) / 6000 - 1) * 299792.458
    assert velocity.std() == pytest.approx(15, rel=0.08)
    width = np.sqrt((depth * (wave - 6000) ** 2).sum(axis=1) / depth.sum(axis=1))
    assert width.mean() == pytest.approx(4, rel=0.02)  # shifted, not smoothed


def test_missing_fractions(instrument):
    seen = draw(instrument, ObservingConditions(), n=6000)
    pixels, bands = seen["flux_err"] > 0, seen["band_flux_err"] > 0
    no_spectrum = ~pixels.any(axis=1)
    assert no_spectrum.mean() == pytest.approx(0.03, abs=0.008)
    assert (~bands.any(axis=1)).mean() == pytest.approx(0.15 * 0.97, abs=0.015)
    some = bands[bands.any(axis=1) & ~no_spectrum]
    assert 1 - some.mean() == pytest.approx(0.10, abs=0.01)
    assert (pixels.any(axis=1) | bands.any(axis=1)).all()  # never both
    windows = emission_lines.window_mask(instrument.wave)
    masked = ~pixels[~no_spectrum][:, windows].any(axis=1)
    assert masked.mean() == pytest.approx(0.5, abs=0.03)
    share = pixels[~no_spectrum].mean(axis=1)
    assert share.min() > 0.1 and (share == 1).mean() > 0.1


def test_same_seed_same_observation_and_other_seed_another(instrument):
    one, two = (draw(instrument, ObservingConditions(), 50, (3, 4)) for _ in range(2))
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])
    other = draw(instrument, ObservingConditions(), 50, (3, 5))
    assert not np.array_equal(one["flux"], other["flux"])


def test_fixed_conditions_leave_nothing_out(instrument):
    seen = draw(instrument, ObservingConditions.fixed(50.0), n=100)
    windows = emission_lines.window_mask(instrument.wave)
    assert (seen["flux_err"][:, ~windows] > 0).all() and (seen["flux_err"][:, windows] == 0).all()
    assert (seen["band_flux_err"] > 0).all()
    without = draw(instrument, ObservingConditions.fixed(50.0, bands=False), n=100)
    assert (without["band_flux_err"] == 0).all()


def test_json_round_trip():
    conditions = ObservingConditions.fixed(20.0)
    assert ObservingConditions.from_dict(json.loads(conditions.to_json())) == conditions
    with pytest.raises(InputError, match="seeing"):
        ObservingConditions.from_dict({"seeing": 0.8})


def test_sky_residuals_are_rare_narrow_and_not_in_the_errors(instrument):
    seen = draw(instrument, fixed(20.0, correlation=0.0, sky_residuals=0.5, **QUIET))
    z = (seen["flux"] - 1) / seen["flux_err"]
    hit = np.abs(z).max(axis=1) > 6  # white noise alone reaches 6 once in 10^8 pixels
    assert 0.35 < hit.mean() <= 0.5
    outliers = np.abs(z) > 4.5
    assert outliers[hit].sum(axis=1).max() <= 3 * 8
    rows, columns = np.nonzero((np.abs(z) > 12)[:, 1:-1])
    peak, beside = z[rows, columns + 1], z[rows, columns]
    assert np.median(beside / peak) == pytest.approx(0.5, abs=0.1)
    np.testing.assert_array_equal(
        seen["flux_err"],
        draw(instrument, fixed(20.0, correlation=0.0, **QUIET))["flux_err"],
    )
