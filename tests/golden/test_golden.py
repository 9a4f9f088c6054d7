"""Answers, records and training must come out as they did before anything was moved."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import golden_cases

from phangs_sfh.problems.histories import priors


@pytest.fixture(scope="module")
def golden():
    with np.load(golden_cases.HERE / "golden.npz") as archive:
        return {name: archive[name] for name in archive.files}


def expected(golden, group):
    found = {k.removeprefix(f"{group}/"): v for k, v in golden.items() if k.startswith(f"{group}/")}
    assert found
    return found


def assert_answers(found, golden):
    """Equal to a thousandth of the 68 % interval: another processor rounds in another way."""
    assert set(golden) <= set(found)
    for name, value in golden.items():
        if value.dtype.kind in "iu":
            np.testing.assert_array_equal(found[name], value, err_msg=name)
            continue
        stem, _, end = name.rpartition("_")
        width = golden[f"{stem}_p84"] - golden[f"{stem}_p16"] if end in ("p16", "p50", "p84") else 0
        off = np.abs(found[name] - value)
        allowed = 1e-3 * width + 2e-4 * np.abs(value) + 2e-6
        both_nan = np.isnan(found[name]) & np.isnan(value)
        assert np.all((off <= allowed) | both_nan), f"{name}: off by up to {np.nanmax(off):.3g}"


@pytest.mark.parametrize("model", golden_cases.MODELS)
def test_released_models_answer_as_before(model, golden):
    assert_answers(golden_cases.answers(model), expected(golden, f"answers_{model}"))


def test_keras_file_and_posterior_give_the_same_numbers(golden):
    assert_answers(golden_cases.graph("phangs"), expected(golden, "graph_phangs"))


@pytest.mark.parametrize("prior", priors.NAMES)
def test_records_are_those_of_before(prior, golden):
    known = expected(golden, f"records_{prior}")
    found = golden_cases.decoded(golden_cases.raw_records(prior))
    assert set(found) == set(known)
    for name, value in known.items():
        assert found[name].dtype == value.dtype
        if value.dtype.kind in "iu":
            np.testing.assert_array_equal(found[name], value, err_msg=name)
        else:  # a unit in the last place of float16, of float32: another processor's sums
            rtol = 1.1e-3 if name == "spectrum" else 1e-5
            np.testing.assert_allclose(found[name], value, rtol=rtol, atol=1e-6, err_msg=name)


def test_observations_and_targets_are_those_of_before(golden):
    found = golden_cases.training_batch()
    for name, value in expected(golden, "batch").items():
        np.testing.assert_allclose(found[name], value, rtol=2e-5, atol=2e-5, err_msg=name)


def test_training_takes_the_same_steps(golden):
    found = golden_cases.losses()
    for name, value in expected(golden, "losses").items():
        np.testing.assert_allclose(found[name], value, rtol=2e-3, err_msg=name)
