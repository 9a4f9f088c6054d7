"""`phangs-sfh evaluate` on a problem without galaxies, bands or bins."""

import json

import numpy as np
import pytest
import toy_answers
from click.testing import CliRunner

from phangs_sfh.cli.main import main
from phangs_sfh.errors import InputError
from phangs_sfh.evaluation import evaluate as evaluation
from phangs_sfh.evaluation.report import page
from phangs_sfh.prediction.model import load_model

FIXED = ["sn20", "sn50", "sn100"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("tiny")
    return toy_answers.write_library(root / "lines"), toy_answers.write_model(root / "1")


@pytest.fixture(scope="module")
def written(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "evaluation"
    arguments = ["evaluate", str(folders[0]), "-o", str(out), "--model", str(folders[1])]
    run = CliRunner().invoke(main, arguments)
    assert run.exit_code == 0, run.output
    return out, json.loads((out / page.METRICS).read_text())


def test_two_numbers_from_a_spectrum_are_measured_in_all_cases_that_they_have(written):
    _, metrics = written
    assert list(metrics["conditions"]) == [*FIXED, "mix"]
    for case in metrics["conditions"].values():
        assert list(case["scalars"]) == ["strength", "width"]
        assert list(case["calibration"]["tarp"]) == ["all"] and case["bins"] == {}
        assert set(case["groups"]) <= {"sn"}
    scatter = [metrics["conditions"][name]["scalars"]["strength"]["mad_std"] for name in FIXED]
    assert scatter[0] > scatter[1] > scatter[2]
    assert list(metrics["stress"]) == ["as observed", "wrong redshift", "noise only"]
    assert "young_age_myr" not in metrics and "rebuilt" not in metrics


def test_error_bars_fitted_at_one_signal_to_noise_are_true_there_and_too_small_below(written):
    coverage = {
        name: case["calibration"]["coverage"]["strength"][1]
        for name, case in written[1]["conditions"].items()
    }
    assert coverage["sn50"] == pytest.approx(0.68, abs=0.08)
    assert coverage["sn20"] < coverage["sn50"] - 0.1


def test_report_and_card_speak_of_the_problem_alone(written):
    out, metrics = written
    report, card = ((out / name).read_text() for name in (page.REPORT, page.CARD))
    assert report.count(".png)") == len(list(out.glob("*.png"))) == 7
    assert "standard deviation of the line [Angstrom]" in card
    assert f"{metrics['conditions']['sn50']['scalars']['width']['mad_std']:.3f}" in card
    for word in ("stellar", "age-metal", "bands", "Myr", "galax", " nan", "None"):
        assert word not in card, word


def test_a_library_of_another_problem_is_refused(folders, tmp_path):
    import shutil

    library = tmp_path / "other"
    shutil.copytree(folders[0], library)
    content = json.loads((library / "library.json").read_text())
    content["labels"][1]["unit"] = "pc"
    (library / "library.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="label 'width'.*another unit"):
        evaluation.open_for(load_model(folders[1]), library)


def test_mocks_are_those_of_the_library(folders):
    model = load_model(folders[1])
    library = evaluation.open_for(model, folders[0])
    assert evaluation.n_cases(library) == 4
    _, mocks, answers = evaluation.evaluate(library, model, limit=70)
    strength = toy_answers.objects(300)["strength"][:70]
    np.testing.assert_allclose(mocks.truth["strength"], strength, rtol=1e-6)
    assert np.median(answers["sn100"].sn / answers["sn50"].sn) == pytest.approx(2, rel=0.05)
    assert answers["mix"].band_present.shape == (70, 0)
