"""The embedded BaSTI grid against fastar's own numbers and, within what libraries may differ,
against BC03."""

from pathlib import Path

import numpy as np
import pytest

from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.ssp import basti, bc03
from phangs_sfh.ssp.engines import load_ssp

REFERENCE = Path(__file__).parents[1] / "data/basti_reference.npz"


@pytest.fixture(scope="module")
def reference():
    with np.load(REFERENCE) as content:
        return dict(content)


@pytest.fixture(scope="module")
def templates():
    return {name: ForwardModel(load_ssp(name), load_instrument()).templates for name in NAMES}


NAMES = ("bc03", "basti")
FASTAR_ONLY = slice(1, None)  # of the reference's ages: from 100 Myr on


def between(grid, values, mh):
    """Values (n_z, ...) at other [M/H] as the forward model has them: linear in [M/H]."""
    place = np.interp(mh, grid.mh, np.arange(len(grid.mh)))
    low = np.minimum(place.astype(int), len(grid.mh) - 2)
    part = (place - low).reshape(-1, *[1] * (values.ndim - 1))
    return (1 - part) * values[low] + part * values[low + 1]


def magnitudes(t):
    """-2.5 log10 of the mean luminosity in the five bands, (n_age, n_z, 5)."""
    slices = t.rows[:, len(t.log_wave) :].astype(float)
    flux = np.stack([slices[:, t.slice_band == i].sum(axis=1) for i in range(5)], axis=-1)
    return -2.5 * np.log10(flux.reshape(len(t.age), len(t.mh), 5))


def at_ages(grid, wanted):
    found = np.searchsorted(grid.age, 0.999 * wanted)
    np.testing.assert_allclose(grid.age[found], wanted, rtol=1e-3)
    return found


def test_spectra_are_those_of_fastar(reference):
    """Pixel by pixel from 4700 to 7100 Å, from 100 Myr on: exact on nodes of [M/H], between them
    to a few per cent."""
    grid = basti.load()
    ours = between(grid, grid.luminosity[:, at_ages(grid, reference["age"])], reference["mh"])
    inside = (grid.wave > 4710) & (grid.wave < 7090)
    theirs = [
        [np.interp(grid.wave[inside], reference["wave"], x) for x in plane]
        for plane in reference["spectrum"]
    ]
    error = np.abs(ours[..., inside] / np.array(theirs) - 1)[:, FASTAR_ONLY]
    on_node = np.isin(np.round(reference["mh"], 3), np.round(grid.mh, 3))
    assert on_node.sum() == 3
    assert np.quantile(error[on_node], 0.999) < 0.003
    assert np.median(error[~on_node]) < 0.01  # 0.004 to 0.032 by age and [M/H]
    assert np.quantile(error[~on_node], 0.99) < 0.04


def test_bands_are_those_of_fastar(reference, templates):
    """F555W and, scaled to MILES by 0.16 mag at most, the bands of which BOSZ holds a part."""
    grid = basti.load()
    own = magnitudes(templates["basti"])[at_ages(grid, reference["age"])].transpose(1, 0, 2)
    node = [i for i, mh in enumerate(reference["mh"]) if np.min(np.abs(grid.mh - mh)) < 1e-3]
    place = [int(np.argmin(np.abs(grid.mh - reference["mh"][i]))) for i in node]
    difference = np.abs(own[place] - reference["magnitude"][node])[:, FASTAR_ONLY]
    assert difference[..., 3].max() < 0.01
    assert difference.max() < 0.17 and np.median(difference) < 0.03


def test_surviving_mass(reference):
    grid = basti.load()
    ours = between(grid, grid.surviving_mass[:, at_ages(grid, reference["age"])], reference["mh"])
    np.testing.assert_allclose(ours, reference["surviving_mass"], rtol=0.01)
    solar, old = np.argmin(np.abs(grid.mh)), np.argmin(np.abs(grid.age - 1e10))
    assert grid.surviving_mass[solar, old] == pytest.approx(0.45, abs=0.01)  # BC03: 0.46


@pytest.mark.parametrize(
    "youngest, oldest, light, colours",
    [(1e8, 1.3e9, 0.4, (0.2, 0.4)), (1.3e9, 14e9, 0.12, (0.1, 0.18))],
)
def test_like_bc03_within_what_libraries_differ(templates, youngest, oldest, light, colours):
    """F555W per mass formed, F438W - F555W and F555W - F814W [mag], [M/H] -1.4 to 0.3.

    BC03 is brighter and redder where its asymptotic giants are, around 1 Gyr.
    """
    basti_t, bc03_t = templates["basti"], templates["bc03"]
    place = np.array([np.argmin(np.abs(basti_t.age - age)) for age in bc03_t.age])
    shared = np.isclose(basti_t.age[place], bc03_t.age, rtol=1e-3)
    shared &= (bc03_t.age > youngest) & (bc03_t.age < oldest)
    rich = basti_t.mh > -1.5
    ours = magnitudes(basti_t)[place[shared]][:, rich]
    flux = 10 ** (-0.4 * magnitudes(bc03_t)[shared].transpose(1, 0, 2))
    theirs = -2.5 * np.log10(between(bc03.load(), flux, basti_t.mh[rich])).transpose(1, 0, 2)
    difference = np.median(ours - theirs, axis=0)  # over age
    assert np.abs(difference[:, 3]).max() < light
    for blue, red, limit in ((2, 3, colours[0]), (3, 4, colours[1])):
        assert np.abs(difference[:, blue] - difference[:, red]).max() < limit


def test_young_stars_are_bc03_and_nothing_jumps():
    """BC03 up to 5 Myr; where fastar begins, light runs on as steadily as BC03's own."""
    grid, base = basti.load(), bc03.load()
    youngest = grid.age <= 5e6
    np.testing.assert_array_equal(grid.age[youngest], base.age[base.age <= 5e6])
    own = between(base, base.luminosity[:, base.age <= 5e6].astype(float), grid.mh)
    np.testing.assert_allclose(grid.luminosity[:, youngest], own, rtol=1e-3)
    rate = [largest_rate(one.age, one.luminosity) for one in (grid, base)]
    assert rate[0] < 1.5 * rate[1]


def largest_rate(age, luminosity):
    """Largest |d ln L / d ln age| between 10 Myr and 1.2 Gyr of light in steps of 50 pixels."""
    some = (age > 1e7) & (age < 1.2e9)
    log = np.log(luminosity[:, some][..., ::50].astype(float))
    return np.abs(np.diff(log, axis=1) / np.diff(np.log(age[some]))[:, None]).max()


def test_provenance_says_what_is_whose():
    grid = basti.load()
    assert grid.z_sun == 0.0153 and grid.resolution_fwhm == 2.51
    assert "BC03" in grid.provenance["completed"]
    assert grid.mh[[0, -1]] == pytest.approx([-2.5, 0.3])
    assert load_ssp("basti") is grid
