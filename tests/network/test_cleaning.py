"""Whatever comes in, the network sees numbers near 1 and zeros where nothing is known."""

import numpy as np
import pytest
from keras import ops

from phangs_sfh.network.cleaning import RANGE, clean


def cleaned(flux, error, bands=None, band_error=None):
    n = len(flux)
    bands = np.ones((n, 5)) if bands is None else bands
    band_error = np.zeros((n, 5)) if band_error is None else band_error
    tensors = [np.asarray(x, "float32") for x in (flux, error, bands, band_error)]
    names = ("flux", "flux_err", "band_flux", "band_flux_err")
    tensors = {name: ops.convert_to_tensor(x) for name, x in zip(names, tensors, strict=True)}
    inputs, usable = clean(tensors)
    pixels, present = usable["spectrum"], usable["bands"]
    arrays = {name: ops.convert_to_numpy(value) for name, value in inputs.items()}
    return arrays, ops.convert_to_numpy(pixels), ops.convert_to_numpy(present)


@pytest.fixture
def spectrum():
    return 1.0 + 0.5 * np.sin(np.arange(1761) / 50.0)[None]


@pytest.mark.parametrize("unit", [1e-34, 1e-20, 1e-3, 1e20, 1e36])
def test_unit_is_removed_and_signal_to_noise_kept(spectrum, unit):
    inputs, pixels, _ = cleaned(spectrum * unit, 0.02 * spectrum * unit)
    assert pixels.all()
    assert 0.5 < np.median(inputs["flux"]) < 2
    assert np.allclose(inputs["flux"] / inputs["flux_err"], 50, rtol=1e-4)


def test_bands_keep_their_ratio_to_the_spectrum(spectrum):
    bands = np.array([[0.3, 0.5, 1.0, 2.0, 4.0]])
    inputs, _, present = cleaned(spectrum * 1e-18, spectrum * 1e-20, bands * 1e-18, bands * 1e-20)
    assert present.all()
    level = inputs["flux"].mean() / spectrum.mean()
    assert np.allclose(inputs["band_flux"] / level, bands, rtol=1e-4)


def test_bands_in_another_unit_stay_and_stay_odd(spectrum):
    bands = np.array([[0.3, 0.5, 1.0, 2.0, 4.0]])
    inputs, _, present = cleaned(spectrum, spectrum / 50, bands * 1e20, bands * 1e18)
    assert present.all() and np.all(inputs["band_flux"] > 1e5)
    assert np.allclose(inputs["band_flux"] / inputs["band_flux_err"], 100, rtol=1e-4)


def test_photometry_alone_is_scaled_by_itself():
    bands = np.array([[0.3, 0.5, 1.0, 2.0, 4.0]])
    zeros = np.zeros((1, 1761))
    inputs, pixels, present = cleaned(zeros, zeros, bands * 1e-18, bands * 1e-20)
    assert not pixels.any() and present.all()
    assert np.isclose(np.exp(np.log(inputs["band_flux"]).mean()), 1.0, rtol=1e-4)


def test_what_is_missing_is_zero_in_value_and_error(spectrum):
    flux, error = spectrum.copy(), 0.02 * spectrum
    error[0, 0:6] = [0, -1, np.nan, np.inf, -np.inf, 1e33]
    flux[0, 6:10] = [np.nan, np.inf, -np.inf, 1e33]
    inputs, pixels, _ = cleaned(flux, error)
    assert not pixels[0, :10].any() and pixels[0, 10:].all()
    assert np.all(inputs["flux"][0, :10] == 0) and np.all(inputs["flux_err"][0, :10] == 0)


@pytest.mark.parametrize("mask", [slice(None, None, 2), slice(0, 1600), slice(1, None, 7)])
def test_masks_of_any_pattern_leave_the_rest_usable(spectrum, mask):
    error = 0.02 * spectrum
    error[:, mask] = 0
    inputs, pixels, _ = cleaned(spectrum * 1e-18, error * 1e-18)
    assert np.array_equal(pixels, error > 0)
    assert 0.1 < np.abs(inputs["flux"][pixels]).mean() < 10


def test_bad_values_do_not_move_the_scale(spectrum):
    plain, _, _ = cleaned(spectrum, 0.02 * spectrum)
    flux = spectrum.copy()
    flux[:, ::50] = 1e30
    spoilt, pixels, _ = cleaned(flux, 0.02 * spectrum)
    good = flux[0] < 10
    assert not pixels[:, ~good].any()
    # a fiftieth of the pixels at 1e30: the geometric mean rises by a factor of a few, no more
    assert np.all(np.abs(np.log10(plain["flux"][:, good] / spoilt["flux"][:, good])) < 2)


def test_zeros_and_negative_noise():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2, 1761)) * 1e-18
    noise[1] = 0
    inputs, pixels, _ = cleaned(noise, np.full((2, 1761), 1e-18))
    assert pixels[0].all() and np.isclose(inputs["flux"][0].std(), 1.8, rtol=0.2)
    assert not pixels[1].any()  # no flux at all: nothing to scale by


def test_range_is_bounded():
    rng = np.random.default_rng(1)
    flux = rng.normal(size=(50, 1761)) * 10 ** rng.uniform(-37, 37, (50, 1761))
    error = 10 ** rng.uniform(-37, 37, (50, 1761))
    bands, band_error = flux[:, :5][:, ::-1], error[:, :5]
    inputs, _, _ = cleaned(flux, error, bands, band_error)
    for value in inputs.values():
        assert np.all(np.isfinite(value)) and np.abs(value).max() <= 1e3 * RANGE * 1.01


def test_zeros_and_huge_errors_of_pixels_are_missing():
    flux, error = np.full((1, 1761), 2.0, np.float32), np.full((1, 1761), 0.1, np.float32)
    flux[0, 10:20], error[0, 30:40], error[0, 50] = 0.0, 201.0, 199.0
    bands = np.ones((1, 5), np.float32)
    inputs = {"flux": flux, "flux_err": error, "band_flux": bands, "band_flux_err": 500 * bands}
    cleaned, present = clean({name: ops.convert_to_tensor(x) for name, x in inputs.items()})
    seen = np.asarray(present["spectrum"])[0]
    assert not seen[10:20].any() and not seen[30:40].any() and seen[50] and seen.sum() == 1741
    assert np.all(np.asarray(cleaned["flux_err"])[0][~seen] == 0)
    assert np.all(np.asarray(present["bands"]))
