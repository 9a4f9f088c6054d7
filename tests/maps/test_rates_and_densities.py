"""Star formation rates and surface densities."""

from pathlib import Path

import numpy as np
import pytest

from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.library import records
from phangs_sfh.maps.rates_and_densities import (
    SpectralLight,
    derived,
    quantities,
    surface_luminosity,
)

INSTRUMENT = load_instrument()
F555W = INSTRUMENT.band_names.index("F555W")


def answers(n=3):
    rng = np.random.default_rng(0)
    names = ["logml", "lograte10", "lograte100"]
    middle = {name: rng.normal(size=n) for name in names}
    return {
        f"{name}_{p}": middle[name] + i
        for name in names
        for i, p in enumerate(("p16", "p50", "p84"))
    }


def test_densities_times_areas_are_masses_and_rates():
    given, light, error = answers(), np.array([1.0, 2.0, np.nan]), np.array([0.1, 0.0, 0.1])
    maps = derived(given, light, error, 250.0, quantities(True, True))
    assert set(maps) == {c for q in quantities(True, True) for c in q.columns}
    assert not quantities() and not quantities(distance=True)
    assert maps["logmass_p50"] - maps["logsigma_p50"] == pytest.approx(
        [np.log10(250)] * 2 + [np.nan], abs=1e-5, nan_ok=True
    )
    area = np.log10(250e-6)  # kpc2
    for t in (10, 100):
        excess = maps[f"logsfr{t}_p16"] - maps[f"logsigsfr{t}_p16"]
        assert excess == pytest.approx([area, area, np.nan], nan_ok=True, abs=1e-5)
    assert maps["logsigma_p50"] == pytest.approx(given["logml_p50"] + light, nan_ok=True)
    wide, narrow = (maps["logsigma_p84"] - maps["logsigma_p50"])[:2]
    spread = (given["logml_p84"] - given["logml_p50"])[:2]
    assert (wide, narrow) == pytest.approx((np.hypot(spread[0], 0.1), abs(spread[1])), rel=1e-4)
    assert np.isnan(maps["logsigma_p16"][2])


def test_surface_brightness_is_dimmed_by_redshift():
    far, near = (surface_luminosity(100.0, 0.04, INSTRUMENT, z) for z in (0.1, 0.0))
    assert far - near == pytest.approx(5 * np.log10(1.1))


@pytest.mark.parametrize("slope", [-4.0, 0.0, 2.5])
def test_a_power_law_is_seen_in_the_band_as_it_is(slope):
    band = INSTRUMENT.bands[F555W]
    weight = band.throughput * band.wave
    wanted = np.trapezoid(weight * (band.wave / 5500) ** slope, band.wave)
    wanted /= np.trapezoid(weight, band.wave)
    flux = np.tile((INSTRUMENT.wave / 5500) ** slope, (3, 1)).astype("f4")
    error = np.full(flux.shape, 0.02, "f4")
    error[1, 300:310] = 0
    error[2, 200:] = 0
    light, spread = SpectralLight(INSTRUMENT)(flux, error)
    assert light[:2] == pytest.approx(wanted, rel=0.003 if slope > -4 else 0.005)
    assert np.isnan(light[2]) and 0.02 / 40 < spread[0] < 0.02 / 20


def test_galaxies_are_seen_in_the_band_as_the_forward_model_has_them():
    folder = Path(__file__).parents[2] / "tfrecords" / "sample"
    galaxies = records.load(records.open_library(folder), "train")
    flux = galaxies["spectrum"].astype("f4")
    light, _ = SpectralLight(INSTRUMENT)(flux, np.ones_like(flux))
    off = light / galaxies["bands"][:, F555W] - 1
    # in some of the library's galaxies the spectrum is cleared of lines and the band is not
    assert abs(np.median(off)) < 0.01
    assert 1.4826 * np.median(abs(off - np.median(off))) < 0.02


def test_light_is_the_same_where_its_band_is_not_observed():
    wave = INSTRUMENT.wave
    flux = np.linspace(1.0, 2.0, len(wave), dtype=np.float32)[None]
    seen, unseen = (SpectralLight(one) for one in (INSTRUMENT, load_instrument("muse")))
    for one, two in zip(seen(flux, 0.1 * flux), unseen(flux, 0.1 * flux), strict=True):
        np.testing.assert_array_equal(one, two)
