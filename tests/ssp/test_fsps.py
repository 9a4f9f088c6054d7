"""The FSPS engine: run for real on surrogate MILES stars, and its refusals."""

import os
import shutil
from pathlib import Path

import numpy as np
import peer_codes
import pytest
from astropy import constants, units

from phangs_sfh.errors import InputError
from phangs_sfh.galaxy import photometry
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.ssp import bc03, fsps_engine

INSTRUMENT = load_instrument()


@pytest.fixture(scope="module")
def home():
    return peer_codes.sps_home()


@pytest.fixture(scope="module")
def grid(home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPS_HOME", home)
        return fsps_engine.load()


def _magnitudes(grid, age):
    """Absolute AB magnitudes per M_sun formed of the solar SSP nearest to ``age``, five bands."""
    solar = int(np.argmin(np.abs(grid.mh)))
    spectrum = grid.luminosity[solar, int(np.argmin(np.abs(np.log(grid.age / age))))]
    magnitudes = []
    for band in INSTRUMENT.bands:
        mean = (spectrum @ photometry.band_slices(grid.wave, band)[0]).sum()
        flux = mean * units.L_sun / units.AA / (4 * np.pi * (10 * units.pc) ** 2)
        frequency = flux * (band.pivot * units.AA) ** 2 / constants.c
        magnitudes.append(frequency.to_value(units.ABmag))
    return np.array(magnitudes)


def test_what_the_grid_holds(grid):
    assert grid.provenance["engine"] == "fsps"
    assert grid.provenance["library"] == "miles"
    assert grid.provenance["isochrones"] == "pdva"
    assert "Kroupa 2001, 0.08-120" in grid.provenance["imf"]
    assert grid.provenance["version"] == "python-fsps 0.5.0"
    assert len(grid.metallicity) == 22 and len(grid.age) == 94
    assert grid.age[[0, -1]] == pytest.approx([10**5.5, 10**10.15])
    assert grid.z_sun == pytest.approx(0.019)
    # MILES: 2.51 Å (Falcón-Barroso et al. 2011), 2.54 Å (Beifiori et al. 2011).
    assert grid.resolution_fwhm == pytest.approx(2.54, abs=0.04)


def test_units_by_known_magnitudes(grid):
    """README of ../shared/fsps, magnitudes of the same surrogate.

    They are for a Chabrier IMF, as a run with imf_type=1 gives to 0.01 mag; Kroupa's is 0.065 mag
    fainter. F814W is left out: the filter curve differs, F275W's a little too (0.03 mag at 20 Myr).
    """
    known = {
        2e7: [1.43, 1.55, 1.28, 1.38],
        1e8: [3.45, 3.28, 2.52, 2.54],
        1e9: [7.59, 6.40, 4.98, 4.60],
        5e9: [10.43, 8.54, 6.89, 6.16],
    }
    for age, magnitudes in known.items():
        difference = _magnitudes(grid, age)[:4] - magnitudes
        np.testing.assert_allclose(difference, 0.065, atol=0.03)


@pytest.mark.parametrize("age", [3e6, 2e7, 1e8, 1e9, 5e9, 1e10])
def test_magnitudes_near_bc03(grid, age):
    """Units and ages, to 0.35 mag: other tracks and surrogate stars cost that; 10^0.4 would show.

    FSPS as released, with BaSeL, is up to 0.16 mag from BC03 at these ages.
    """
    difference = _magnitudes(grid, age) - _magnitudes(bc03.load(), age)
    assert np.abs(difference).max() < 0.35
    assert abs(difference[3]) < 0.30


def test_surviving_mass_is_that_of_bc03(grid):
    """Living stars per mass formed, to 0.02, at solar metallicity and all ages over 3 Myr."""
    reference = bc03.load()
    solar, bc03_solar = (int(np.argmin(np.abs(g.mh))) for g in (grid, reference))
    old = grid.age > 3e6
    expected = np.interp(grid.age, reference.age, reference.surviving_mass[bc03_solar])
    np.testing.assert_allclose(grid.surviving_mass[solar, old], expected[old], atol=0.02)


def test_wavelengths_are_in_air(grid):
    """Features line up with BC03's, in air, to 0.3 Å; vacuum would be off by 1.4 to 1.9 Å."""
    reference = bc03.load()
    wave = np.arange(4900.0, 6900.0, 0.1)

    def features(g):
        solar = int(np.argmin(np.abs(g.mh)))
        spectrum = g.luminosity[solar, int(np.argmin(np.abs(g.age - 5e9)))]
        sampled = np.interp(wave, g.wave, spectrum)
        smooth = np.convolve(sampled, np.ones(1001) / 1001, mode="same")
        return (sampled / smooth - 1)[1000:-1000]

    ours, theirs = features(grid), features(reference)
    shifts = np.arange(-40, 41)
    agreement = [np.sum(np.roll(ours, shift) * theirs) for shift in shifts]
    assert abs(shifts[int(np.argmax(agreement))]) * 0.1 <= 0.3


@pytest.mark.parametrize("age", [1e8, 1e9, 5e9])
def test_interpolation_in_mh(grid, age):
    """From 0.4 and 1 solar, a step of the BC03 grid, to 0.63 solar, which FSPS has too.

    Linear in [M/H], as we do, bands are true to 0.015 mag; linear in Z, as bagpipes does, they are
    off by up to 0.1 mag.
    """
    low, middle, high = (
        int(np.argmin(np.abs(grid.metallicity - z))) for z in (0.0077, 0.012, 0.019)
    )
    row = int(np.argmin(np.abs(np.log(grid.age / age))))
    share = (grid.mh[middle] - grid.mh[low]) / (grid.mh[high] - grid.mh[low])
    mixed = (1 - share) * grid.luminosity[low, row] + share * grid.luminosity[high, row]
    for band in INSTRUMENT.bands:
        weights = photometry.band_slices(grid.wave, band)[0].sum(axis=1)
        ratio = (mixed @ weights) / (grid.luminosity[middle, row] @ weights)
        assert abs(2.5 * np.log10(ratio)) < 0.015, band.name


def test_galaxies_of_fsps(grid):
    """The grid goes through the forward model: full range, finite, right level."""
    from phangs_sfh.galaxy.forward_model import ForwardModel, Screen, Stars

    model = ForwardModel(grid, INSTRUMENT)
    mass = np.diff(model.cell_edges)[None] / model.cell_edges[-1]
    none = np.zeros(1)
    screen = Screen(none.astype(int), none, none + 0.7, none, none + 1, none + 100)
    spectrum, bands = model.noiseless(Stars(mass, np.zeros_like(mass)), screen)
    assert spectrum.shape == (1, 1761) and np.all(np.isfinite(spectrum)) and spectrum.min() > 0
    # A constant rate for 13.8 Gyr: mass-to-light ratio of about 2 in V for a Kroupa IMF.
    labels = model.labels(Stars(mass, np.zeros_like(mass)), bands)
    assert labels["logml"][0] == pytest.approx(0.15, abs=0.25)


def _refusal():
    with pytest.raises(InputError) as refusal:
        fsps_engine.load.__wrapped__()
    message = str(refusal.value)
    assert "\n" not in message and message.startswith("--ssp fsps: ")
    return message


def test_missing_data_file(home, tmp_path, monkeypatch):
    """FSPS stops with exit code 0 there; the file is named."""
    broken = tmp_path / "broken"
    shutil.copytree(home, broken, copy_function=os.symlink)
    (broken / "SPECTRA/MILES/imiles_z0.0097.spectra.bin").unlink()
    monkeypatch.setenv("SPS_HOME", str(broken))
    message = _refusal()
    assert "stopped without a result" in message and "Z=0.0097" in message
    assert str(broken) in message


@pytest.mark.parametrize("value", [None, "/no/such/folder", "empty"])
def test_no_sps_home(tmp_path, monkeypatch, value):
    peer_codes.need("fsps")
    if value is None:
        monkeypatch.delenv("SPS_HOME", raising=False)
    else:
        monkeypatch.setenv("SPS_HOME", str(tmp_path) if value == "empty" else value)
    message = _refusal()
    assert "no folder with the data of FSPS" in message
    assert "point the environment variable SPS_HOME" in message


def _stand_in(tmp_path, monkeypatch, code):
    """A package in the place of python-fsps, first on the child's path."""
    package = tmp_path / "packages/fsps"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "_fsps.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return Path(package)


def test_low_resolution_build_is_refused_with_the_remedy(tmp_path, monkeypatch):
    """The wheel's own build: C3K at a resolving power of 100."""
    _stand_in(
        tmp_path,
        monkeypatch,
        "class driver:\n    def get_libraries():\n        return (b'mist', b'c3k_lr', b'DL07')\n",
    )
    message = _refusal()
    assert "built with the c3k_lr library" in message
    assert 'FFLAGS="-DMILES=1 -DC3K_LR=0" pip install' in message


def test_not_installed(tmp_path, monkeypatch):
    package = _stand_in(tmp_path, monkeypatch, "")
    (package / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'fsps'\")")
    message = _refusal()
    assert "python-fsps is not installed" in message and "FFLAGS=" in message


@pytest.mark.parametrize(
    "code, said",
    [
        ("import os; os._exit(0)", "stopped without a result (nothing said)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended by signal SIGKILL"),
        ("raise ValueError('odd')", "stopped without a result (ValueError: odd)"),
    ],
)
def test_child_that_dies(tmp_path, monkeypatch, code, said):
    _stand_in(tmp_path, monkeypatch, code)
    assert said in _refusal()


def test_coarse_spectra_under_any_name():
    """What the child wrote is looked at too: a library is not trusted for its name."""
    wave = np.arange(1900.0, 10600.0, 20.0)
    content = {
        "wave": wave,
        "luminosity": np.ones((2, 3, len(wave))),
        "libraries": np.array(["mist", "unheard_of", "DL07"]),
    }
    with pytest.raises(InputError, match="unheard_of.*more coarsely than 2 Å; build python-fsps"):
        fsps_engine._grid(content)
