"""Nothing that is no answer goes into a table, whoever answered."""

import numpy as np
import pytest
import tensorflow as tf
from fake_model import write_fake_model
from input_tables import INSTRUMENT, make_table

from phangs_sfh.errors import InputError
from phangs_sfh.observations.table import observations_from_table
from phangs_sfh.prediction import predict
from phangs_sfh.prediction.answers import checked_answers, checked_draws
from phangs_sfh.prediction.model import load_model
from phangs_sfh.prediction.results import WHOLE_NUMBERS, quantities
from phangs_sfh.problems.histories import LABELS

N = 5


def good_answers():
    rng = np.random.default_rng(0)
    answers = {}
    for quantity in quantities():
        shape = (N,) if quantity.axis is None else (N, quantity.size)
        three = np.sort(rng.uniform(0, 1, (len(quantity.columns), *shape)), axis=0)
        if quantity.name == "cmf":
            three = -np.sort(-three, axis=-1)
        if quantity.name == "sfh_mean":
            three /= three.sum(axis=-1, keepdims=True)
        answers |= zip(quantity.columns, three.astype(np.float32), strict=True)
    whole = {name: np.arange(N, dtype=np.int32) for name in WHOLE_NUMBERS}
    return {**answers, **whole}


def good_draws():
    rng = np.random.default_rng(0)
    draws = {label.name: rng.normal(size=(N, 8, *label.shape)) for label in LABELS}
    shares = np.exp(draws["sfh"])
    return {**draws, "sfh": (shares / shares.sum(-1, keepdims=True)).astype(np.float32)}


def test_good_ones_pass_with_their_types():
    answers, draws = good_answers(), good_draws()
    as_text_says = {name: values.astype(float) for name, values in answers.items()}
    for given in (answers, as_text_says, {**answers, "further": np.array(["x"])}):
        found = checked_answers("m", LABELS, given, N)
        assert list(found) == list(answers)
        for name, values in found.items():
            assert values.dtype == (np.int32 if name in WHOLE_NUMBERS else np.float32)
            np.testing.assert_array_equal(values, answers[name])
    found = checked_draws("m", LABELS, draws, N)
    assert set(found) == set(LABELS.names) and found["mh"].dtype == np.float32


def test_rounding_is_no_reason():
    answers = good_answers()
    answers["av_p50"] = answers["av_p84"] * np.float32(1 + 1e-6)
    answers["sfh_p84"] += np.float32(1e-6) - answers["sfh_p84"].max() + 1
    checked_answers("m", LABELS, answers, N)


def put(name, value, row=2):
    def change(answers):
        values = answers[name].astype(float if isinstance(value, float) else object)
        values[row] = value
        answers[name] = values

    return change


def become(name, made):
    def change(answers):
        answers[name] = made(answers[name])

    return change


def swap(answers):
    answers["lw_mh_p16"], answers["lw_mh_p84"] = answers["lw_mh_p84"], answers["lw_mh_p16"]


ANSWERS = [
    (put("av_p50", np.nan), "'av_p50' with nan in row 2"),
    (put("mh_p16", np.inf), "'mh_p16' with inf in row 2"),
    (put("logml_p84", 1e39), r"'logml_p84' with 1e\+39 in row 2"),
    (put("surprise", -np.inf), "'surprise' with -inf in row 2"),
    (put("av_p50", None), "'av_p50' with type object"),
    (put("flag", None), "'flag' with type object"),
    (put("flag", np.nan), "'flag' with nan"),
    (put("flag", 0.5), "'flag' with what is no bit mask"),
    (put("flag", -1.0), "'flag' with what is no bit mask"),
    (put("flag", 1e12), "'flag' with what is no bit mask"),
    (put("sfh_p16", -0.1), "'sfh_p16' with shares that are not between 0 and 1"),
    (put("sfh_p84", 1.1), "'sfh_p84' with shares that are not between 0 and 1"),
    (become("av_p50", lambda v: v.astype(str)), "'av_p50' with type <U"),
    (become("av_p50", lambda v: v > 0), "'av_p50' with type bool"),
    (become("av_p50", lambda v: v * 1j), "'av_p50' with type complex"),
    (become("av_p50", lambda v: v[:, None]), r"'av_p50' with shape \(5, 1\) for 5 spectra"),
    (become("sfh_p50", lambda v: v[:, :15]), r"'sfh_p50' with shape \(5, 15\) for 5 spectra"),
    (become("sfh_p50", lambda v: v[:4]), r"'sfh_p50' with shape \(4, 16\) for 5 spectra"),
    (become("sfh_p50", lambda v: v[0]), r"'sfh_p50' with shape \(16,\)"),
    (become("sfh_p50", lambda v: None), r"'sfh_p50' with shape \(\)"),
    (lambda answers: answers.pop("mh_p84"), "answers no 'mh_p84'"),
    (swap, "'lw_mh_p16' above 'lw_mh_p50'"),
]


@pytest.mark.parametrize("change, words", ANSWERS)
def test_answers_that_are_none(change, words):
    answers = good_answers()
    change(answers)
    with pytest.raises(InputError, match=f"^model: .*{words}.*; use a model that") as refusal:
        checked_answers("model", LABELS, answers, N)
    assert "\n" not in str(refusal.value)


DRAWS = [
    (put("mh", np.nan), "'mh' with nan in row 2"),
    (become("sfh", lambda v: v * 1.01), "'sfh' with shares whose sum is not 1"),
    (become("sfh", lambda v: v - 0.2), "'sfh' with shares that are not between 0 and 1"),
    (become("mh", lambda v: v[:, :7]), r"'mh' with shape \(5, 7, 16\)"),
    (become("mw_logage", lambda v: v[:, 0]), "'lw_logage' with shape"),
    (lambda draws: draws.update({k: v[:, :0] for k, v in draws.items()}), "without samples"),
    (lambda draws: draws.pop("sfh"), "answers no 'sfh'"),
]


@pytest.mark.parametrize("change, words", DRAWS)
def test_draws_that_are_none(change, words):
    draws = good_draws()
    change(draws)
    with pytest.raises(InputError, match=f"^model: .*{words}.*; use a model that"):
        checked_draws("model", LABELS, draws, N)


def test_a_model_here_that_answers_nan_makes_no_table(tmp_path):
    def spoiled(answers):
        return {**answers, "av_p50": answers["av_p50"] / 0.0}

    model = load_model(write_fake_model(tmp_path / "1", changed=spoiled))
    observations = observations_from_table(make_table(3), INSTRUMENT)
    with pytest.raises(InputError, match=f"^{tmp_path / '1'}: answered 'av_p50' with -?(inf|nan)"):
        predict.predict(observations, model)


def test_a_model_here_that_fails_is_one_line(tmp_path):
    def failing(answers):
        return {**answers, "av_p50": tf.reshape(answers["av_p50"], [-1, 7])[:, 0]}

    model = load_model(write_fake_model(tmp_path / "1", changed=failing))
    observations = observations_from_table(make_table(3), INSTRUMENT)
    with pytest.raises(InputError, match=f"^{tmp_path / '1'}: the model fails .*; use one") as line:
        predict.predict(observations, model)
    assert "\n" not in str(line.value)


def test_a_model_here_for_other_inputs_is_refused(tmp_path):
    folder = write_fake_model(tmp_path / "1", labels=[LABELS["av"].to_dict()], inputs=["spectrum"])
    with pytest.raises(InputError, match=r"1: takes 'band_flux' with shape \[-1, 5\], not None"):
        load_model(folder)
