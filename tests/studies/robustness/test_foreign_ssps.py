"""Foreign template sets: files made of BC03's own spectra must come back as BC03."""

import numpy as np
import pytest
from astropy.io import fits

from phangs_sfh.errors import InputError
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.ssp import bc03
from studies.robustness import foreign_ssps, mocks

AGES = np.array([0.0631, 0.1, 0.2512, 1.0, 3.9811, 10.0, 14.1254])  # [Gyr]
METALLICITIES = {"Zm0.40": -0.39794, "Zp0.00": 0.0}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A folder like an unpacked wheel with a MIUSCAT set made of BC03."""
    root = tmp_path_factory.mktemp("dap")
    folder = root / foreign_ssps.INSIDE / "miuscat"
    folder.mkdir(parents=True)
    grid = bc03.load()
    wave = 3465.0 + 0.9 * np.arange(6670)
    for label, mh in METALLICITIES.items():
        row = np.argmin(np.abs(grid.mh - mh))
        for age in AGES:
            nearest = np.argmin(np.abs(grid.age - 1e9 * age))
            flux = np.interp(wave, grid.wave, grid.luminosity[row, nearest])
            age = grid.age[nearest] / 1e9
            header = fits.Header({"CRVAL1": 3465.0, "CDELT1": 0.9, "CRPIX1": 1})
            path = folder / f"Iun1.30{label}T{age:07.4f}.fits"
            fits.PrimaryHDU(flux.astype(np.float32), header).writeto(path)
    return root


@pytest.fixture(scope="module")
def grid(wheel):
    return foreign_ssps.load_foreign("miuscat", wheel)


def test_spectra_come_back(grid):
    base = bc03.load()
    age = np.argmin(np.abs(base.age - 1e9))
    row = np.argmin(np.abs(base.mh))
    used = (base.wave > 4700) & (base.wave < 7100)
    ratio = grid.luminosity[1, age, used] / base.luminosity[row, age, used]
    assert ratio == pytest.approx(1, abs=0.03)
    assert np.median(ratio) == pytest.approx(1, abs=0.003)
    assert grid.mh == pytest.approx([-0.4, 0.0], abs=0.003)


def test_what_is_not_covered_is_filled_without_a_step(grid):
    base = bc03.load()
    row, age = np.argmin(np.abs(base.mh)), np.argmin(np.abs(base.age - 4e9))
    assert np.all(np.isfinite(grid.luminosity)) and np.all(grid.luminosity > 0)
    blue = grid.wave < 3460
    ratio = grid.luminosity[1, age, blue] / base.luminosity[row, age, blue]
    assert ratio == pytest.approx(1, abs=0.1)
    young = base.age < 5e6
    ratio = grid.luminosity[1, young][:, blue] / base.luminosity[row, young][:, blue]
    assert ratio == pytest.approx(1, abs=0.1)


def test_ages_between_are_interpolated(grid):
    """Flux at 500 Myr lies between those at 250 Myr and 1 Gyr."""
    place = [np.argmin(np.abs(grid.age - age)) for age in (2.512e8, 5e8, 1e9)]
    level = grid.luminosity[1, place][:, 1000]
    assert level[0] > level[1] > level[2]


def test_coverage_is_stated(grid):
    instrument = load_instrument()
    covered = dict(
        zip(instrument.band_names, foreign_ssps.covered_bands(grid, instrument), strict=True)
    )
    assert covered["F438W"] and covered["F555W"]
    assert not covered["F275W"] and not covered["F336W"]
    assert grid.provenance["covered_age"] == pytest.approx([63.1e6, 14.1e9], rel=0.05)
    assert foreign_ssps.covered_bands(bc03.load(), instrument).all()


def test_mocks_hold_nothing_that_the_library_lacks(grid):
    instrument = load_instrument()
    spectra = mocks.mocks(grid, instrument, 30)
    assert len(spectra) == 30
    assert np.all(spectra.truth["sfh"][:, :7] == 0)  # nothing under 50 Myr
    assert spectra.truth["sfh"].sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert spectra.truth["lw_logage"].min() > 7.7
    assert np.all(spectra.inputs["band_flux_err"][:, :2] == 0)
    assert np.all(spectra.inputs["band_flux_err"][:, 2:4] > 0)
    level = np.median(spectra.inputs["flux"], axis=1)
    assert level == pytest.approx(1, abs=0.2)


def test_galaxies_too_young_for_the_library_are_left_out(grid):
    model = ForwardModel(grid, load_instrument())
    n_cells = len(model.cell_edges) - 1
    mass = np.zeros((2, n_cells))
    mass[0, 0], mass[1, 0], mass[1, -1] = 1.0, 0.4, 0.6
    stars = mocks.Stars(mass, np.zeros_like(mass))
    found, kept = mocks.restricted(stars, model.cell_edges, (63e6, 14e9))
    assert kept.tolist() == [False, True]
    assert found.mass[1, -1] == pytest.approx(1)


def test_a_folder_without_templates_is_refused(tmp_path):
    with pytest.raises(InputError, match="sdss-mangadap"):
        foreign_ssps.load_foreign("bpass", tmp_path)
    with pytest.raises(InputError, match="miuscat"):
        foreign_ssps.load_foreign("emiles", tmp_path)


def test_a_damaged_template_is_named(wheel, tmp_path):
    folder = tmp_path / "bpass"
    folder.mkdir()
    (folder / "bin-imf135_300-z020-T0.00.fits").write_text("not FITS")
    with pytest.raises(InputError, match="T0.00.fits"):
        foreign_ssps.load_foreign("bpass", tmp_path)
