"""The benchmark's bookkeeping: same spectra for all, answers kept, numbers that follow."""

import json

import fake_bagpipes
import numpy as np
import pytest
from click.testing import CliRunner
from drawn_model import write_fake_model

from phangs_sfh.cli.main import main
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.peers.benchmark import comparison, ppxf_fits, sample
from phangs_sfh.peers.ppxf import SCALARS

pytest.importorskip("ppxf")
N = 24


@pytest.fixture(scope="module")
def spectra():
    return sample.drawn(load_instrument(), N)


@pytest.fixture(scope="module")
def model_folder(spectra, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "1"
    folder.mkdir()
    write_fake_model(folder, spectra.instrument, spectra.truth)
    return folder


@pytest.fixture
def canned(monkeypatch):
    """pPXF replaced by answers that are off by 0.1 ± 0.02 dex; the list of spectra asked for."""
    asked = []
    spectra = sample.drawn(load_instrument(), N)

    def answers(todo, instrument, ssp, workers):
        for index, _, bootstraps in todo:
            asked.append(index)
            truth = {name: spectra.truth[name][index] for name in (*SCALARS, "sfh")}
            off = 0.1 + 0.02 * (-1) ** index
            answer = {name: truth[name] + off for name in SCALARS} | {"sfh": truth["sfh"]}
            answer |= {"av": 0.3, "sigma": 100.0, "chi2": 1.0, "seconds": 2.0, "megabytes": 150.0}
            answer |= {"failed": "", "bootstraps": bootstraps, "seconds_bootstraps": 20.0}
            spread = np.linspace(-0.3, 0.3, bootstraps)
            if bootstraps:
                answer |= {f"bootstrap {name}": truth[name] + spread for name in SCALARS}
                answer["bootstrap sfh"] = np.tile(truth["sfh"], (bootstraps, 1))
            yield index, answer

    monkeypatch.setattr(ppxf_fits, "_in_processes", answers)
    return asked


def test_fewer_spectra_are_the_first_of_more(spectra):
    fewer = sample.drawn(load_instrument(), 3)
    assert np.array_equal(fewer.inputs["flux"], spectra.inputs["flux"][:3])
    assert np.array_equal(fewer.truth["sfh"], spectra.truth["sfh"][:3])
    assert fewer.fingerprint(2) == spectra.fingerprint(2) != spectra.fingerprint(1)


def test_all_are_observed_alike(spectra):
    sn = np.median(spectra.inputs["flux"] / spectra.inputs["flux_err"], axis=1)
    assert np.median(sn) == pytest.approx(sample.SIGNAL_TO_NOISE, rel=0.15)
    assert np.all(spectra.inputs["band_flux_err"] > 0)


def test_missing_bands_stay_missing(spectra):
    noiseless = {"spectrum": np.ones((2, 1761)), "bands": np.array([[np.nan, 1, 1, 1, 1]] * 2)}
    seen = sample.observed(noiseless, {}, spectra.instrument, 0, False, "test")
    assert np.all(seen.inputs["band_flux_err"][:, 0] == 0)
    assert np.all(seen.inputs["band_flux_err"][:, 1:] > 0)


def test_answers_are_kept(tmp_path, spectra, canned):
    first = ppxf_fits.fit_all(tmp_path, spectra, 2, 10)
    assert sorted(canned) == list(range(N))
    canned.clear()
    again = ppxf_fits.fit_all(tmp_path, spectra, 2, 10)
    assert canned == []
    assert np.array_equal(first["mw_logage"], again["mw_logage"])
    assert len(again["bootstraps"]) == 2
    ppxf_fits.fit_all(tmp_path, spectra, 3, 10)
    assert canned == [2]  # had no bootstraps yet


def test_a_changed_spectrum_or_damaged_answer_is_fitted_again(tmp_path, spectra, canned):
    ppxf_fits.fit_all(tmp_path, spectra, 0, 0)
    canned.clear()
    (tmp_path / "ppxf" / "00004.npz").write_bytes(b"damaged")
    flux = spectra.inputs["flux"].copy()
    flux[7, 100] += 1.0
    changed = sample.Spectra(spectra.inputs | {"flux": flux}, spectra.truth, spectra.instrument, "")
    ppxf_fits.fit_all(tmp_path, changed, 0, 0)
    assert canned == [4, 7]


def test_coverage_counts_truths_in_intervals():
    truth = {"mw_mh": np.array([0.0, 1.0, 2.0, 5.0])}
    limits = {
        "mw_mh": {
            "p16": np.full(4, 0.5),
            "p84": np.full(4, 1.5),
            "p025": np.full(4, -1.0),
            "p975": np.full(4, 3.0),
        }
    }
    assert comparison.coverage(limits, truth)["mw_mh"] == {"68": 0.25, "95": 0.75}


def test_command_writes_numbers_table_and_figure(tmp_path, model_folder, canned, monkeypatch):
    fake_bagpipes.replace_fits(monkeypatch)
    arguments = ["benchmark", "-o", str(tmp_path), "--model", str(model_folder), "-n", str(N)]
    arguments += ["--bootstraps", "20", "--bootstrapped", "4", "--bagpipes", "5"]
    run = CliRunner().invoke(main, arguments)
    assert run.exit_code == 0, run.output
    summary = json.loads((tmp_path / "benchmark.json").read_text())
    ours, ppxf = (summary["codes"][name] for name in (comparison.OURS, comparison.PPXF))
    assert ppxf["errors"]["mw_logage"]["bias_median"] == pytest.approx(0.1, abs=1e-5)
    assert ppxf["errors"]["mw_logage"]["std"] == pytest.approx(0.02, abs=1e-5)
    assert summary["codes"][comparison.BOOTSTRAPPED]["coverage"]["lw_mh"]["68"] == 1.0
    assert summary["codes"][comparison.BOOTSTRAPPED]["seconds"] == pytest.approx(22.0)
    ratio = summary["ratios"][comparison.PPXF]
    assert ratio["std"]["lw_mh"] == pytest.approx(ours["errors"]["lw_mh"]["std"] / 0.02, rel=1e-3)
    assert ratio["total_variation"] is None  # pPXF's histories are without error here
    assert ratio["speed"] == pytest.approx(2.0 / ours["seconds"])
    bagpipes = summary["codes"][comparison.BAGPIPES]
    assert bagpipes["n"] == bagpipes["errors"]["mw_logage"]["n"] == 5
    assert set(bagpipes["coverage"]["lw_mh"]) == {"68", "95"}
    assert bagpipes["seconds"] == fake_bagpipes.SECONDS
    speed = summary["ratios"][comparison.BAGPIPES]["speed"]
    assert speed == pytest.approx(fake_bagpipes.SECONDS / ours["seconds"])
    # A thread cannot do more than its own matrix products, and an answer costs something.
    assert 0 < ours["cost"]["flops"] < 1e9
    assert ours["cost"]["gflops_matrix"] > 1
    text = (tmp_path / "benchmark.md").read_text()
    assert "[M/H], light-weighted" in text and f"n = {N}" in text
    assert "bagpipes, n = 5" in text and f"{fake_bagpipes.MEGABYTES:.0f}" in text
    assert (tmp_path / "benchmark.png").stat().st_size > 10_000


@pytest.mark.slow
def test_ppxf_itself_runs_in_its_process(tmp_path, spectra):
    few = sample.drawn(load_instrument(), 2)
    found = ppxf_fits.fit_all(tmp_path, few, 1, 2)
    assert not found["failed"].any()
    assert np.all(found["seconds"] > 0.05)
    assert found["megabytes"].max() < 600
    assert len(found["bootstraps"][0]["mw_logage"]) == 2
