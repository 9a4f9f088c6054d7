"""`phangs-sfh evaluate` on a small library and a model made without training."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from drawn_model import write_fake_model

from phangs_sfh.cli.main import main
from phangs_sfh.evaluation import assess, cases, mocks, stress
from phangs_sfh.evaluation import evaluate as evaluation
from phangs_sfh.evaluation.answers import ask
from phangs_sfh.evaluation.histories import EXTRA
from phangs_sfh.evaluation.report import model_card
from phangs_sfh.library import records
from phangs_sfh.library.observing import ObservingConditions, observe
from phangs_sfh.prediction.model import load_model
from phangs_sfh.problems.histories import LABELS

QUANTITIES = LABELS.quantities
SAMPLE = Path(__file__).parents[2] / "tfrecords" / "sample"


@pytest.fixture(scope="module")
def galaxies():
    library = records.open_library(SAMPLE)
    return library, mocks.load_mocks(library, "train")


@pytest.fixture(scope="module")
def prior_model(galaxies, tmp_path_factory):
    """A model that answers the prior whatever it is shown."""
    library, drawn = galaxies
    folder = tmp_path_factory.mktemp("prior") / "1"
    folder.mkdir()
    write_fake_model(folder, library.instrument, drawn.truth)
    return folder


@pytest.fixture(scope="module")
def linear_model(galaxies, tmp_path_factory):
    """A model linear in the data, fitted to half the galaxies."""
    library, drawn = galaxies
    half = drawn.first(200)
    conditions = ObservingConditions.fixed(50)
    inputs = observe(half.inputs, library.instrument, conditions, (0, 0))
    folder = tmp_path_factory.mktemp("linear") / "1"
    folder.mkdir()
    write_fake_model(folder, library.instrument, half.truth, inputs=inputs)
    return folder


@pytest.fixture(scope="module")
def result(linear_model):
    model = load_model(linear_model)
    return evaluation.evaluate(evaluation.open_for(model, SAMPLE), model, "train", 400)


def test_prior_answers_are_calibrated_but_not_sharp(prior_model):
    """The prior is a right posterior that has learnt nothing: coverage is nominal, width is 1."""
    model = load_model(prior_model)
    library = evaluation.open_for(model, SAMPLE)
    summary, _, _ = evaluation.evaluate(library, model, "train", 300)
    of_mix = summary["conditions"]["mix"]["calibration"]
    mh = [name for name in QUANTITIES if name.startswith("mh")]
    covered = np.array([of_mix["coverage"][name][1] for name in mh])
    assert abs(covered.mean() - 0.68) < 0.05
    assert np.mean([of_mix["sharpness"][name] for name in mh]) == pytest.approx(1, abs=0.1)


def test_a_model_that_looks_at_the_data_beats_the_prior_and_loses_without_bands(result):
    summary, drawn, _ = result
    of = summary["conditions"]
    prior_scatter = drawn.truth["lw_logage"].std()
    both, alone = (of[k]["scalars"]["lw_logage"]["std"] for k in ("sn50", "sn50_spectrum_only"))
    assert both < 0.85 * prior_scatter
    assert alone > both
    assert of["sn50"]["calibration"]["sharpness"]["lw_logage"] < 0.8


def test_summary_has_every_quantity_and_is_plain_json(result):
    summary, drawn, _ = result
    json.dumps(summary, allow_nan=False)
    assert set(summary["conditions"]) == set(cases.descriptions({"spectrum", "bands"}))
    for condition in summary["conditions"].values():
        assert list(condition["calibration"]["coverage"]) == QUANTITIES
        assert all(len(condition["bins"][key]) == 16 for key in ("log_sfh", "sfh", "mh"))
        assert condition["n"] == len(drawn)
    families = {entry["label"] for entry in summary["conditions"]["mix"]["groups"]["family"]}
    assert "delayed lognormal" in families


def test_same_seed_same_numbers_other_seed_other_noise(result, linear_model, galaxies):
    summary, drawn, answers = result
    library, _ = galaxies
    model = load_model(linear_model)
    conditions = answers["mix"].conditions
    survey = library.survey(conditions)
    again = ask(model.saved.signatures, drawn, survey, 0)
    other = ask(model.saved.signatures, drawn, survey, 1)
    np.testing.assert_array_equal(again.probability, answers["mix"].probability)
    np.testing.assert_array_equal(again.tarp["all"], answers["mix"].tarp["all"])
    assert not np.array_equal(other.columns["av_p50"], again.columns["av_p50"])
    assert summary["conditions"]["mix"]["observing"] == conditions.to_dict()


def test_observed_signal_to_noise_and_bands_are_what_was_asked_for(result):
    _, _, answers = result
    assert np.median(answers["sn50"].sn) == pytest.approx(50, rel=0.1)
    assert answers["sn50"].band_present.all()
    assert not answers["sn50_spectrum_only"].band_present.any()
    assert np.isnan(answers["bands_only"].sn).all()
    present = answers["mix"].band_present.sum(axis=1)
    assert 0 < np.mean(present < 5) < 1


def test_spectra_rebuilt_from_the_true_bins_match_better_than_from_rough_answers(result):
    rebuilt = result[0]["rebuilt"]
    assert rebuilt["truth"]["spectrum_rms"][1] < 0.01  # half of the galaxies have other stars
    assert rebuilt["answer"]["spectrum_rms"][1] > rebuilt["truth"]["spectrum_rms"][1]


def test_every_stress_case_changes_its_input(galaxies):
    library, drawn = galaxies
    some = drawn.first(20)
    wave = library.instrument.wave
    inputs = observe(some.inputs, library.instrument, ObservingConditions.fixed(50), (0, 0))
    inputs = {name: value.numpy().astype(float) for name, value in inputs.items()}
    for name, spoil in {**stress.CASES, **EXTRA.stress}.items():
        spoiled = dict(spoil(inputs, wave))
        changed = [k for k, v in spoiled.items() if not np.allclose(v, inputs[k])]
        assert changed, name
        assert all(np.isfinite(v).all() for v in spoiled.values()), name


def test_command_writes_report_card_metrics_and_every_figure(linear_model, tmp_path):
    out = tmp_path / "evaluation"
    arguments = ["evaluate", str(SAMPLE), "-o", str(out), "--model", str(linear_model)]
    arguments += ["--split", "train", "-n", "60"]
    out.mkdir()
    for name in ("metrics.json", "old.png"):  # an earlier evaluation
        (out / name).write_text("")
    refusal = CliRunner().invoke(main, arguments)
    assert refusal.exit_code == 1 and "--overwrite" in refusal.output
    first = CliRunner().invoke(main, [*arguments, "--overwrite"])
    assert first.exit_code == 0, first.output
    assert not (out / "old.png").exists()
    metrics = json.loads((out / "metrics.json").read_text())
    report = (out / "report.md").read_text()
    for figure in out.glob("*.png"):
        assert f"({figure.name})" in report
    assert report.count(".png)") == len(list(out.glob("*.png"))) == 10
    card = (out / "model_card.md").read_text()
    assert card == model_card.model_card(metrics)
    number = metrics["conditions"]["sn50"]["scalars"]["mw_mh"]["mad_std"]
    assert f"{number:.3f}" in card
    assert all(name in card for label in LABELS.vectors for name in label.quantities)
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation"]


def test_other_instrument_or_metallicity_scale_is_refused_in_one_line(linear_model, tmp_path):
    import shutil

    for field, change in (("instrument", "grid"), ("z_sun", "z_sun")):
        folder = tmp_path / field
        shutil.copytree(linear_model, folder)
        info = json.loads((folder / "model.json").read_text())
        if field == "instrument":
            info["instrument"]["wave"]["start"] += 5.0
        else:
            info["z_sun"] = 0.0142
        (folder / "model.json").write_text(json.dumps(info))
        out = tmp_path / "out"
        refusal = CliRunner().invoke(
            main, ["evaluate", str(SAMPLE), "-o", str(out), "--model", str(folder)]
        )
        assert refusal.exit_code == 1
        line = refusal.output.strip()
        assert "\n" not in line and change in line and "library.json" in line
        assert not out.exists()


def test_foreign_folder_is_not_overwritten(linear_model, tmp_path):
    (tmp_path / "thesis.tex").write_text("do not lose me")
    refusal = CliRunner().invoke(
        main,
        [
            *["evaluate", str(SAMPLE), "-o", str(tmp_path), "--overwrite"],
            "--model",
            str(linear_model),
        ],
    )
    assert refusal.exit_code == 1
    assert (tmp_path / "thesis.tex").exists()


def test_groups_by_surprise_need_enough_galaxies(result):
    _, drawn, answers = result
    bins = assess.assess_surprise(answers["mix"], drawn)["bins"]
    assert sum(entry["n"] for entry in bins) <= len(drawn)
    assert all(entry["n"] >= assess.FEWEST for entry in bins)
