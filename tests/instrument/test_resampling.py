import numpy as np
import pytest

from phangs_sfh.instrument.resampling import overlaps, pixel_bounds, resample

EDGES = np.arange(4799.375, 7000.626, 1.25)


def _resample(wave, flux, error=None, good=None):
    flux = np.atleast_2d(flux)
    error = np.ones_like(flux) if error is None else np.atleast_2d(error)
    good = np.ones(flux.shape, bool) if good is None else np.atleast_2d(good)
    return resample(flux, error, good, *pixel_bounds(wave), EDGES)


SAMPLINGS = {
    "finer": np.arange(4780.1, 7020, 0.4),
    "shifted": np.arange(4780.3, 7020, 1.25),
    "coarser": np.arange(4780.0, 7020, 3.1),
    "logarithmic": np.exp(np.arange(np.log(4780), np.log(7020), 2.3e-4)),
    "uneven": 4780 + np.cumsum(np.random.default_rng(1).uniform(0.8, 1.1, 2400)),
}


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_flux_is_conserved(sampling):
    wave = SAMPLINGS[sampling]
    rng = np.random.default_rng(0)
    flux = rng.uniform(0.5, 2, len(wave))
    flux[[0, -1]] = 0  # all of the flux lies on the grid
    inside = (wave > 4805) & (wave < 6990)
    flux[~inside] = 0
    low, high = pixel_bounds(wave)
    resampled, _ = _resample(wave, flux)
    total = (flux * (high - low)).sum()
    assert (resampled[0] * 1.25).sum() == pytest.approx(total, rel=1e-6)


def test_the_grid_itself_comes_back_unchanged():
    wave = 0.5 * (EDGES[1:] + EDGES[:-1])
    rng = np.random.default_rng(0)
    flux, error = rng.normal(1, 0.1, 1761), rng.uniform(0.05, 0.2, 1761)
    new_flux, new_error = _resample(wave, flux, error)
    np.testing.assert_allclose(new_flux[0], flux, rtol=1e-9)
    np.testing.assert_allclose(new_error[0], error, rtol=1e-9)


def test_overlaps_agree_with_brute_force():
    wave = SAMPLINGS["uneven"][:200]
    low, high = pixel_bounds(wave)
    edges = EDGES[:100]
    expected = np.minimum(high, edges[1:, None]) - np.maximum(low, edges[:-1, None])
    np.testing.assert_allclose(
        overlaps(low, high, edges).toarray(), np.maximum(expected, 0), atol=1e-9
    )


def test_errors_of_rebinned_pixels_are_the_scatter_of_monte_carlo():
    wave = SAMPLINGS["finer"]
    rng = np.random.default_rng(3)
    error = 0.1 * (1 + 0.8 * np.sin(wave / 7) ** 2)
    noisy = 1 + error * rng.standard_normal((600, len(wave)))
    flux, propagated = _resample(wave, noisy, np.broadcast_to(error, noisy.shape))
    ratio = flux.std(axis=0) / propagated[0]
    # Only where input pixels straddle an edge does shared noise call for more than the scatter.
    assert 0.8 < ratio.min() and np.percentile(ratio, 99) < 1.1
    assert np.median(ratio) == pytest.approx(0.94, abs=0.06)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_averages_over_many_pixels_scatter_as_their_errors_say(sampling):
    """Taken as independent, grid pixels hold as much information as the input: no more, no less."""
    wave = SAMPLINGS[sampling]
    rng = np.random.default_rng(4)
    noisy = 1 + 0.1 * rng.standard_normal((500, len(wave)))
    flux, error = _resample(wave, noisy, np.full(noisy.shape, 0.1))
    window = slice(200, 1500)
    predicted = np.sqrt((error[0, window] ** 2).sum()) / (1500 - 200)
    assert flux[:, window].mean(axis=1).std() == pytest.approx(predicted, rel=0.1)


def test_bad_pixels_leave_no_trace():
    wave = SAMPLINGS["shifted"]
    flux = np.ones((2, len(wave)))
    flux[0, 300], flux[1, 300:310] = 1e30, np.nan
    good = np.isfinite(flux) & (flux < 2)
    new_flux, new_error = _resample(wave, flux, good=good)
    present = new_error > 0
    np.testing.assert_allclose(new_flux[present], 1)
    assert (new_flux[~present] == 0).all()
    assert np.count_nonzero(~present[0]) == 1
    assert np.count_nonzero(~present[1]) == 10
    # half of the light gone, twice the variance
    assert new_error[0].max() > 1.05 * np.median(new_error[0])


def test_flux_is_not_spread_over_gaps():
    wave = SAMPLINGS["shifted"]
    cut = wave[(wave < 5500) | (wave > 5600)]
    low, high = pixel_bounds(cut)
    np.testing.assert_allclose(high - low, 1.25)
    _, error = _resample(cut, np.ones(len(cut)))
    centres = 0.5 * (EDGES[1:] + EDGES[:-1])
    assert (error[0][(centres > 5502) & (centres < 5598)] == 0).all()
    assert (error[0][(centres < 5498) | (centres > 5602)] > 0).all()


def test_beyond_the_range_is_missing():
    wave = np.arange(5000.0, 6000, 1.0)
    flux, error = _resample(wave, np.ones(len(wave)))
    centres = 0.5 * (EDGES[1:] + EDGES[:-1])
    np.testing.assert_array_equal(error[0] > 0, (centres > 4999.4) & (centres < 5999.6))
