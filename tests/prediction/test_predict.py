import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_model import write_fake_model
from input_tables import INSTRUMENT, make_table

from phangs_sfh.errors import InputError
from phangs_sfh.observations.flags import Flag, Used
from phangs_sfh.observations.table import observations_from_table
from phangs_sfh.prediction import model_folder, predict
from phangs_sfh.prediction.model import Model, load_model
from phangs_sfh.prediction.model_folder import find_model, released_model
from phangs_sfh.prediction.results import WHOLE_NUMBERS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_fake_model(tmp_path_factory.mktemp("models") / "1")


@pytest.fixture(scope="module")
def model(folder):
    return load_model(folder)


def values(table):
    return {name: np.asarray(getattr(table[name], "value", table[name])) for name in table.colnames}


def observe(table):
    return observations_from_table(table, INSTRUMENT)


def test_single_and_batched_answers_are_one(model):
    table = make_table(70)
    together = values(predict.predict(observe(table), model))
    for batch_size in (1, 7, 64):
        batched = values(predict.predict(observe(table), model, batch_size))
        for name, value in together.items():
            np.testing.assert_allclose(batched[name], value, rtol=2e-5, atol=2e-6, err_msg=name)
    for row in (0, 69):
        alone = values(predict.predict(observe(table[row : row + 1]), model))
        for name, value in together.items():
            np.testing.assert_allclose(alone[name][0], value[row], rtol=2e-5, atol=2e-6)


def test_the_rest_of_a_batch_does_not_matter(model):
    """Bit by bit: same batch shape, other rows."""
    table = make_table(40)
    other = table.copy()
    other["flux"][1:] *= 7
    other["F275W"][1:] = np.nan
    one, two = (values(predict.predict(observe(t), model)) for t in (table, other))
    for name in one:
        np.testing.assert_array_equal(one[name][0], two[name][0])


def test_few_batch_shapes_and_all_rows_are_reported(model, monkeypatch):
    shapes, done = [], []
    answer = Model.answer

    def spy(self, **inputs):
        shapes.append(len(inputs["flux"]))
        return answer(self, **inputs)

    monkeypatch.setattr(Model, "answer", spy)
    table = predict.predict(observe(make_table(150)), model, 64, progress=done.append)
    assert shapes == [64, 64, 32] and done == [64, 64, 22] and len(table) == 150
    shapes.clear()
    predict.predict(observe(make_table(33)), model)
    assert shapes == [64]


def test_empty_rows_are_nan_and_flagged_and_the_others_answered(model):
    table = make_table(4)
    expected = values(predict.predict(observe(table), model))
    for name in ("flux", "flux_err", "wave", *[n for n in table.colnames if n[0] == "F"]):
        table[name][1] = np.nan
    table["mask"] = np.zeros(table["flux"].shape, bool)
    table["mask"][2] = True
    seen = values(predict.predict(observe(table), model))
    np.testing.assert_array_equal(seen["flag"], [0, Flag.NO_DATA, 0, 0])
    np.testing.assert_array_equal(seen["used"] & Used.SPECTRUM > 0, [True, False, False, True])
    np.testing.assert_array_equal(seen["used"] & Used.BANDS > 0, [True, False, True, True])
    for name, value in seen.items():
        if name not in WHOLE_NUMBERS:
            assert np.isnan(value[1]).all() and np.isfinite(value[[0, 2, 3]]).all()
        np.testing.assert_array_equal(value[[0, 3]], expected[name][[0, 3]])


def test_the_flag_of_the_door_is_kept(model):
    table = make_table(2)
    table["redshift"] = [0.004, 0.05]
    found = predict.predict(observe(table), model)
    np.testing.assert_array_equal(found["flag"], [0, Flag.BANDS_REDSHIFTED])
    np.testing.assert_array_equal(found["used"] & Used.BANDS > 0, [True, False])


def _another_instrument():
    bands = tuple(replace(INSTRUMENT.bands[0], name=f"JWST{i}") for i in range(5))
    return replace(INSTRUMENT, name="NIRCam", bands=bands)


def test_model_and_instrument_must_agree(folder, model):
    with pytest.raises(InputError, match="instrument 'NIRCam'|for 'NIRCam'"):
        load_model(folder, instrument=_another_instrument())
    observations = replace(observe(make_table()), instrument=_another_instrument())
    with pytest.raises(InputError, match="bands differ.*use a model trained for it"):
        predict.predict(observations, model)


def _damage_json(**changes):
    def do(folder):
        info = json.loads((folder / "model.json").read_text())
        info = {k: v for k, v in {**info, **changes}.items() if v is not None}
        (folder / "model.json").write_text(json.dumps(info))

    return do


DAMAGES = {
    "no folder": (shutil.rmtree, "no such model folder"),
    "no graph": (lambda f: (f / "saved_model.pb").unlink(), "saved_model.pb is missing"),
    "no description": (lambda f: (f / "model.json").unlink(), "model.json: missing"),
    "not JSON": (lambda f: (f / "model.json").write_text("{"), "not JSON"),
    "a list": (lambda f: (f / "model.json").write_text("[]"), "holds no fields"),
    "no instrument": (_damage_json(instrument=None), "'instrument' is missing"),
    "half an instrument": (
        _damage_json(instrument={"name": "x"}),
        "'instrument': field 'wave': is missing",
    ),
    "other schema": (_damage_json(schema_version=2), "schema_version is 2"),
    "truncated graph": (
        lambda f: (f / "saved_model.pb").write_bytes((f / "saved_model.pb").read_bytes()[:500]),
        "cannot be loaded",
    ),
    "no weights": (lambda f: shutil.rmtree(f / "variables"), "cannot be loaded"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_models_that_are_refused(folder, tmp_path, damage):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    change, words = DAMAGES[damage]
    change(copy)
    with pytest.raises(InputError, match=words) as caught:
        load_model(copy)
    assert str(caught.value).startswith(str(copy)) and "\n" not in str(caught.value)


def test_released_model_is_the_highest_version(tmp_path, monkeypatch):
    monkeypatch.setattr(model_folder.resources, "files", lambda _: tmp_path)
    with pytest.raises(InputError, match="no released model.*--model"):
        load_model()
    for version in ("2", "10", "latest", "9"):
        (tmp_path / "phangs" / version).mkdir(parents=True)
    assert released_model() == tmp_path / "phangs" / "10"
    (tmp_path / "phangs-robust" / "3").mkdir(parents=True)
    assert find_model("phangs-robust") == tmp_path / "phangs-robust" / "3"
    assert find_model("elsewhere/phangs-robust") == Path("elsewhere/phangs-robust")


def test_released_model_answers_alone_as_in_a_batch():
    """Rounding may move an answer by a thousandth of its error bar, no more."""
    try:
        released = load_model()
    except InputError:
        pytest.skip("no released model is installed")
    table = make_table(40)
    table["F275W"][::3] = np.nan
    options = {"mask_emission_lines": released.masks_emission_lines}
    together = values(
        predict.predict(observations_from_table(table, INSTRUMENT, **options), released)
    )
    one = observations_from_table(table[17:18], INSTRUMENT, **options)
    alone = values(predict.predict(one, released))
    for name in ("sfh", "mh", "mw_logage", "lw_logage", "mw_mh", "lw_mh", "logml", "av"):
        width = together[f"{name}_p84"][17] - together[f"{name}_p16"][17]
        change = alone[f"{name}_p50"][0] - together[f"{name}_p50"][17]
        assert (np.abs(change) <= 1e-3 * width + 1e-7).all(), name
