"""Labels: one description of what is inferred, on disk and back, and its refusals."""

import json
from dataclasses import replace

import numpy as np
import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.galaxy import ages
from phangs_sfh.problems.assumptions import Assumptions
from phangs_sfh.problems.catalogue import described_by, load_problem
from phangs_sfh.problems.histories import FIRST_LABELS, INPUTS, LABELS
from phangs_sfh.problems.labels import Bins, Label, Labels
from phangs_sfh.problems.problem import Described
from phangs_sfh.problems.transforms import Softplus


@pytest.mark.parametrize(("labels", "targets"), [(LABELS, 43), (FIRST_LABELS, 37)])
def test_histories_as_the_contract_has_them(labels, targets):
    assert (labels.n_targets, labels.n_favoured, labels.cut) == (targets, 12, 21)
    assert len(labels.quantities) == targets + 1
    assert labels.quantities[6:8] == ["sfh 0-3 Myr", "sfh 3-5 Myr"]
    assert [label.name for label in labels.reported][:3] == ["sfh", "mh", "mw_logage"]
    assert labels["sfh"].axis.edges == tuple(ages.EDGES_MYR)


def test_description_survives_json():
    described = Described("histories", INPUTS, LABELS)
    content = json.loads(json.dumps(described.to_dict()))
    assert described_by(content, "x") == described
    old = replace(described, labels=FIRST_LABELS)
    assert described_by({}, "a file from before") == old
    assumed = replace(described, assumptions=Assumptions("stars", ("a", "b"), "b"))
    assert described_by(json.loads(json.dumps(assumed.to_dict())), "x") == assumed


@pytest.mark.parametrize(
    "assumptions",
    [7, [], {}, {"about": "stars", "options": ["a", "a"], "default": "a"},
     {"about": "stars", "options": ["a"], "default": "b"}, {"about": "stars", "options": None}],
)  # fmt: skip
def test_damaged_assumptions_are_refused(assumptions):
    content = Described("histories", INPUTS, LABELS).to_dict() | {"assumptions": assumptions}
    with pytest.raises(InputError, match="^model.json: field 'assumptions' is damaged"):
        described_by(content, "model.json")


def test_values_of_targets_are_the_values():
    rng = np.random.default_rng(0)
    values = {
        label.name: rng.uniform(0.1, 2.0, (5, *label.shape)).astype(np.float32) for label in LABELS
    }
    values["sigma_v"] *= 100.0  # below 1 km/s there is no difference
    values["sfh"] = values["sfh"] / values["sfh"].sum(axis=1, keepdims=True)
    back = LABELS.values(LABELS.target(values, None))
    for name, value in values.items():
        np.testing.assert_allclose(back[name], value, rtol=3e-3, err_msg=name)


@pytest.mark.parametrize(
    "damage",
    [
        lambda labels: labels[0].pop("name"),
        lambda labels: labels[0]["transform"].update(kind="magic"),
        lambda labels: labels[0]["transform"].update(softness=1.0),
        lambda labels: labels[5]["transform"].update(softness=0.0),
        lambda labels: labels[0].update(unit=["dex"]),
        lambda labels: labels[0].update(format="{0.__class__}"),
        lambda labels: labels[0].update(name="../x"),
        lambda labels: labels[6]["axis"]["edges"].reverse(),
        lambda labels: labels[6]["axis"].update(names=["one"]),
        lambda labels: labels.append(labels[0]),
        lambda labels: labels.reverse(),  # favoured targets no longer come first
        lambda labels: labels.clear(),
        lambda labels: labels.__setitem__(0, 7),
    ],
)
def test_damaged_labels_are_refused_in_one_line(damage):
    content = json.loads(json.dumps(LABELS.to_list()))
    damage(content)
    with pytest.raises(InputError, match=r"^mine/model.json: field .labels.*; make or copy"):
        Labels.from_list(content, "mine/model.json")


@pytest.mark.parametrize("inputs", [None, [], ["spectrum", "spectrum"], ["sound"], 3, [["bands"]]])
def test_unknown_inputs_are_refused(inputs):
    with pytest.raises(InputError, match="model.json: field 'inputs'"):
        described_by({"labels": LABELS.to_list(), "inputs": inputs}, "model.json")


@pytest.mark.parametrize("name", ["weather", "no.such.module:PROBLEM", "json:dumps", "json:NONE"])
def test_a_problem_that_is_none_is_refused(name):
    with pytest.raises(InputError, match=f"--problem {name}: "):
        load_problem(name)


def test_favoured_targets_come_first():
    free, first = Label("a", "", "x"), Label("b", "", "y", Softplus(), favoured=1)
    assert Labels((first, free)).n_favoured == 1
    with pytest.raises(ValueError, match="must come first"):
        Labels((free, first))
    with pytest.raises(ValueError, match="names that differ"):
        Labels((free, free))
    with pytest.raises(ValueError, match="edges must rise"):
        Bins.from_dict({"edges": [0, 2, 1], "unit": "Myr", "names": ["a", "b"]})
