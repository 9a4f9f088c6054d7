"""The reference of a run, measured on a library with the training's own observing conditions."""

import json

import keras
import numpy as np
import pytest
import small_run

from phangs_sfh.errors import InputError
from phangs_sfh.export import saved_model as serving
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.library.observing import ObservingConditions
from phangs_sfh.library.survey import Survey
from phangs_sfh.network.cleaning import clean
from phangs_sfh.posterior import surprise, training_set
from phangs_sfh.posterior.density import PosteriorSpec
from phangs_sfh.posterior.training_set import measure_training_set
from phangs_sfh.problems.histories import INPUTS, LABELS
from phangs_sfh.problems.problem import DEFAULT, Described


def galaxies(n, seed):
    """Arrays as ``records.load`` gives them."""
    drawn = small_run.simulated(n, seed)
    kept = {name: drawn[name].astype("float32") for name in ("bands", *LABELS.names)}
    return kept | {"spectrum": drawn["spectrum"].astype("float16")}


def test_surprise_is_calibrated_for_the_conditions_of_training():
    """New galaxies, new noise, masks and missing bands: one in ten is over 1."""
    described = Described(DEFAULT, INPUTS, LABELS)
    survey = Survey(described, load_instrument(), ObservingConditions())
    splits = {"train": galaxies(1000, 1), "valid": galaxies(400, 2)}
    y = small_run.target_vectors(splits["train"])
    spec = PosteriorSpec.standardised_by(y, LABELS, n_components=small_run.N_COMPONENTS)
    model = small_run.network(spec, survey.instrument)
    constants = measure_training_set(model, splits, survey)
    fresh = small_run.at_rest(galaxies(1200, 3))
    cleaned, present = clean(survey.observe(fresh, [5, 6]))
    latent = training_set.with_latent(model)(cleaned)["latent"]
    found = np.asarray(
        surprise.surprise(surprise.measure(latent, cleaned, present, constants), constants)
    )
    assert 0.06 < np.mean(found > 1.0) < 0.16
    assert np.mean(found >= surprise.HIGH_SURPRISE) < 0.01
    usual = small_run.at_rest(splits["train"])["mw_logage"]
    assert np.allclose(constants["prior_mw_logage_p50"], np.median(usual))


def test_export_measures_a_library_if_the_run_did_not(tmp_path):
    from phangs_sfh.library.writer import write_library

    run, library = tmp_path / "run", tmp_path / "library"
    small_run.write_run(run, n=300)
    (run / training_set.FILE).unlink()
    with pytest.raises(InputError, match=f"{training_set.FILE}: missing.*--library"):
        serving.export_model(run, tmp_path / "mine")
    write_library(library, 60, workers=1)
    folder = serving.export_model(run, tmp_path / "mine", library)
    assert (folder / "saved_model.pb").exists() and (run / training_set.FILE).exists()
    assert json.loads((folder / "model.json").read_text())["name"] == "mine"
    model = keras.saving.load_model(run / "model.keras", compile=False)
    model.get_layer("latent").bias.assign_add(model.get_layer("latent").bias + 1.0)
    model.save(run / "model.keras")
    with pytest.raises(InputError, match="other weights; name the run's --library"):
        serving.export_model(run, tmp_path / "mine")
    before = (run / training_set.FILE).read_bytes()
    assert serving.export_model(run, tmp_path / "mine", library).name == "2"
    assert (run / training_set.FILE).read_bytes() != before
