import numpy as np

from phangs_sfh.instrument import emission_lines
from phangs_sfh.instrument.description import load_instrument


def test_every_line_is_masked_to_at_least_400_km_s():
    for centre in emission_lines.LINES.values():
        wave = centre * (1 + np.linspace(-400, 400, 81) / 299792.458)
        assert emission_lines.window_mask(wave).all()


def test_windows_agree_with_their_definition():
    wave = load_instrument().wave
    distance = np.abs(wave[:, None] - np.array(list(emission_lines.LINES.values()))).min(axis=1)
    np.testing.assert_array_equal(
        emission_lines.window_mask(wave), distance <= emission_lines.HALF_WIDTH
    )
    assert (emission_lines.WINDOWS[1:, 0] > emission_lines.WINDOWS[:-1, 1]).all()


def test_most_of_the_grid_and_the_magnesium_and_iron_lines_stay():
    wave = load_instrument().wave
    assert 0.85 < 1 - emission_lines.window_mask(wave).mean() < 0.95
    assert not emission_lines.window_mask([5167.3, 5172.7, 5183.6, 5270.0, 5335.0]).any()


def test_other_lines_and_widths():
    wave = np.arange(4800.0, 7000.0)
    one = {"Halpha": emission_lines.LINES["Halpha"]}
    near = np.abs(wave - 6562.8)
    np.testing.assert_array_equal(emission_lines.window_mask(wave, one), near <= 10.0)
    np.testing.assert_array_equal(emission_lines.window_mask(wave, one, 25.5), near <= 25.5)
    velocity = np.abs(wave / 6562.8 - 1) * 299792.458
    found = emission_lines.window_mask(wave, one, velocity=900.0)
    np.testing.assert_array_equal(found, velocity <= 900.0)
    both = emission_lines.window_mask(wave, emission_lines.LINES | emission_lines.FAINT_LINES)
    assert (both & ~emission_lines.window_mask(wave)).sum() > 100
    assert not set(emission_lines.LINES) & set(emission_lines.FAINT_LINES)
