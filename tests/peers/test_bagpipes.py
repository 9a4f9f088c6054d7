"""bagpipes in the benchmark: what it is given, what becomes of its samples, answers kept."""

import importlib.util
import re
from pathlib import Path

import fake_bagpipes
import numpy as np
import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.galaxy import ages
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument import emission_lines
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.observations.rest_frame import INPUTS
from phangs_sfh.peers import bagpipes
from phangs_sfh.peers.benchmark import bagpipes_fits, sample
from phangs_sfh.peers.ppxf import BAND_FLOOR, SCALARS
from phangs_sfh.ssp import bc03

ROOT = Path(__file__).parents[2]
N = 6


@pytest.fixture(scope="module")
def spectra():
    return sample.drawn(load_instrument(), N)


@pytest.fixture(scope="module")
def model():
    return ForwardModel(bc03.load(), load_instrument())


def row(spectra, index=0, **changed):
    names = INPUTS
    return dict(zip(names, spectra.row(index), strict=True)) | changed


def test_answers_are_kept(tmp_path, spectra, monkeypatch):
    asked, steps = fake_bagpipes.replace_fits(monkeypatch), []
    first = bagpipes_fits.fit_all(tmp_path, spectra, 4, workers=2, progress=steps.append)
    assert sorted(asked) == [0, 1, 2, 3] and sum(steps) == 4
    asked.clear()
    again = bagpipes_fits.fit_all(tmp_path, spectra, N, progress=steps.append)
    assert asked == [4, 5] and sum(steps) == 4 + N
    assert np.array_equal(first["lw_mh_p84"], again["lw_mh_p84"][:4])
    monkeypatch.setattr(bagpipes_fits, "settings", lambda: "others")
    bagpipes_fits.fit_all(tmp_path, spectra, 2)
    assert asked == [4, 5, 0, 1]


def test_a_changed_spectrum_or_damaged_answer_is_fitted_again(tmp_path, spectra, monkeypatch):
    asked = fake_bagpipes.replace_fits(monkeypatch)
    bagpipes_fits.fit_all(tmp_path, spectra, N)
    asked.clear()
    (tmp_path / "bagpipes" / "00001.npz").write_bytes(b"damaged")
    flux = spectra.inputs["flux"].copy()
    flux[3, 100] += 1.0
    inputs = spectra.inputs | {"flux": flux}
    changed = sample.Spectra(inputs, spectra.truth, spectra.instrument, "")
    bagpipes_fits.fit_all(tmp_path, changed, N)
    assert asked == [1, 3]


def test_a_killed_process_loses_no_finished_answer(tmp_path, spectra, monkeypatch):
    killed = [2]
    asked = fake_bagpipes.replace_fits(monkeypatch, killed)
    with pytest.raises(InputError, match=r"spectrum 2 ended with code -9 \(Killed\); run again"):
        bagpipes_fits.fit_all(tmp_path, spectra, N)
    done = len(asked) - 1
    assert done >= 2
    killed.clear(), asked.clear()
    bagpipes_fits.fit_all(tmp_path, spectra, N)
    assert len(asked) == N - done and 2 in asked


def test_a_spectrum_that_cannot_be_fitted_is_left_out(tmp_path, spectra, monkeypatch):
    fake_bagpipes.replace_fits(monkeypatch, failed=[1])
    found = bagpipes_fits.fit_all(tmp_path, spectra, 3)
    assert found["failed"].tolist() == [False, True, False]
    for name in (*SCALARS, "sfh"):
        assert np.isfinite(found[f"{name}_p50"]).reshape(3, -1).all(axis=1).tolist() == [1, 0, 1]


def test_constant_rate_gives_masses_as_wide_as_bins(model):
    draws = bagpipes_fits.populations(fake_bagpipes.samples(), model)
    oldest = fake_bagpipes.UNIVERSE
    expected = np.diff(np.minimum(ages.EDGES_MYR, oldest)) / oldest
    assert draws["sfh"][0] == pytest.approx(expected, rel=1e-6)
    # The mean of log10 t of a constant rate until T is log10(T / e).
    assert draws["mw_logage"][0] == pytest.approx(np.log10(oldest * 1e6 / np.e), abs=0.01)
    assert draws["lw_logage"][0] < draws["mw_logage"][0] - 0.5
    assert draws["mw_mh"] == pytest.approx(0.0, abs=1e-6)


def test_rates_rise_towards_the_young_with_positive_steps(model):
    steps = np.zeros(fake_bagpipes.N_STEPS)
    steps[-1] = 6.0  # the youngest bin over the next older one
    draws = bagpipes_fits.populations(fake_bagpipes.samples(steps), model)
    assert draws["sfh"][0][:4].sum() > 0.99  # under 13 Myr
    steps[:] = -6.0
    draws = bagpipes_fits.populations(fake_bagpipes.samples(steps), model)
    share = (13467 - 8000) / (13467 - 6000)
    assert draws["sfh"][0][-1] == pytest.approx(share, rel=1e-3)


def test_metallicities_are_in_solar_units(model):
    z = np.array([0.1, 1.0, 2.5])
    draws = bagpipes_fits.populations(fake_bagpipes.samples(metallicity=z, n=3), model)
    for name in ("mw_mh", "lw_mh"):
        assert draws[name] == pytest.approx(np.log10(z * 0.02 / model.ssp.z_sun), abs=1e-9)


def test_pixels_are_added_and_lines_left_out(spectra):
    instrument = spectra.instrument
    given = {name: x.astype(float) for name, x in row(spectra).items()}
    spectrum, bands, used = bagpipes.observed(given, instrument.wave)
    wave, flux, error = spectrum.T
    counted = error < 0.1 * bagpipes.LEVEL * bagpipes.IGNORED
    assert not emission_lines.window_mask(wave[counted]).any()
    assert not (np.abs(wave[counted] - 6678.2) < 8).any()  # He I, and not the network's
    gaps = len(emission_lines.WINDOWS) + len(emission_lines.FAINT_LINES)
    assert 0 < (~counted).sum() <= 2 * gaps
    step = instrument.wave[1] - instrument.wave[0]
    assert np.median(np.diff(wave)) == pytest.approx(bagpipes.REBIN * step)
    i = int(np.searchsorted(instrument.wave, wave[50]))
    assert flux[50] == pytest.approx(given["flux"][i - 1 : i + 1].mean() * 1e40, rel=1e-5)
    variance = (given["flux_err"][i - 1 : i + 1] ** 2).sum()
    assert error[50] == pytest.approx(np.sqrt(variance) / 2 * 1e40, rel=1e-5)
    floor = BAND_FLOOR * given["band_flux"]
    assert bands[:, 1] == pytest.approx(np.hypot(given["band_flux_err"], floor) * 1e40, rel=1e-5)
    assert used.all()


def test_missing_pixels_and_bands_are_not_given(spectra):
    error = spectra.inputs["flux_err"][0].copy()
    error[:300] = error[800:900] = 0.0
    bands = spectra.inputs["band_flux_err"][0] * [0, 1, 1, 1, 1]
    given = row(spectra, flux_err=error, band_flux_err=bands)
    wave = spectra.instrument.wave
    spectrum, bands, used = bagpipes.observed(given, wave)
    assert spectrum[0, 0] >= wave[300] and spectrum[0, 2] < bagpipes.LEVEL
    gap = (spectrum[:, 0] > wave[802]) & (spectrum[:, 0] < wave[897])
    assert not gap.any()
    assert used.tolist() == [False, True, True, True, True] and len(bands) == 4
    with pytest.raises(InputError, match="100 or more pixels and a band"):
        bagpipes.observed(row(spectra, flux_err=0 * error), wave)


def test_absence_is_said_in_one_line(tmp_path, spectra, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"^bagpipes is not installed; pip install .*\[bagpipes\]"):
        bagpipes_fits.fit_all(tmp_path, spectra, 1)


def test_bagpipes_stays_in_processes_of_its_own():
    """It is under GPL-3.0 and only measured against."""
    pattern = re.compile(r"^\s*(import|from) bagpipes\b", re.MULTILINE)
    sources = (ROOT / "phangs_sfh").rglob("*.py")
    users = {path.name for path in sources if pattern.search(path.read_text())}
    assert users == {"bagpipes.py"}


@pytest.mark.slow
def test_bagpipes_itself_runs_in_its_process(tmp_path, monkeypatch):
    """Few live points: the answer is rough, but of the right galaxy."""
    pytest.importorskip("nautilus")
    if importlib.util.find_spec("bagpipes") is None:
        pytest.skip("bagpipes is not installed: sh scripts/setup/install_bagpipes.sh")
    monkeypatch.setattr(bagpipes, "LIVE_POINTS", 60)
    few = sample.drawn(load_instrument(), 2)
    found = bagpipes_fits.fit_all(tmp_path, few, 1)
    assert not found["failed"].any()
    assert found["sfh_p50"].shape == (1, ages.N_BINS)
    assert 0.5 < found["sfh_p50"].sum() < 1.5
    assert abs(found["lw_logage_p50"][0] - few.truth["lw_logage"][0]) < 1.0
    assert abs(found["lw_mh_p50"][0] - few.truth["lw_mh"][0]) < 0.8
    for name in SCALARS:
        percentiles = [found[f"{name}_{q}"][0] for q in ("p025", "p16", "p50", "p84", "p975")]
        assert np.all(np.diff(percentiles) >= 0)
    assert 5 < found["seconds"][0] < 3600
    assert 200 < found["megabytes"][0] < 3000
    assert list((tmp_path / "bagpipes").iterdir()) == [tmp_path / "bagpipes" / "00000.npz"]
