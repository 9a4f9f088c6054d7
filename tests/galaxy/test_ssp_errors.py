"""Other stellar libraries: what moves, by how much, and that labels move with it."""

import dataclasses

import numpy as np
import pytest
from populations import screen, stars

from phangs_sfh.galaxy.ssp_errors import ErrorModel, Fields, SSPErrors
from phangs_sfh.galaxy.templates import prepare
from phangs_sfh.ssp.engines import load_ssp

NONE = {"age": 0, "mh": 0, "mass_to_light": 0, "lines": 0, "continuum": 0, "ultraviolet": 0}


def drawn(model, n=1, **errors):
    rng = np.random.default_rng(3)
    source = ErrorModel(model.templates, SSPErrors(**{**NONE, **errors}))
    return [source.draw(rng) for _ in range(n)]


def test_without_errors_the_library_is_itself(model):
    (same,) = drawn(model)
    np.testing.assert_allclose(same.rows, model.templates.rows, rtol=1e-5)
    np.testing.assert_allclose(same.luminosity, model.templates.luminosity, rtol=1e-5)


def test_fields_have_unit_variance_and_their_correlation_length():
    x = np.linspace(0, 10, 201)
    source = Fields((x, 1.0), (np.array([0.0, 3.0]), 1.0))
    rng = np.random.default_rng(1)
    values = np.array([source.draw(rng) for _ in range(3000)])
    assert values.std() == pytest.approx(1.0, abs=0.03)
    correlation = np.mean(values[:, 0, 0] * values[:, 20, 0])  # one length apart
    assert correlation == pytest.approx(np.exp(-0.5), abs=0.05)


def test_mass_to_light_changes_no_shape(model):
    (other,) = drawn(model, mass_to_light=0.1)
    ratio = other.rows / model.templates.rows
    np.testing.assert_allclose(ratio, ratio[:, :1] * np.ones_like(ratio), rtol=1e-4)
    level = np.log10(ratio[:, 0])
    assert 0.01 < level.std() < 0.4
    np.testing.assert_allclose(
        other.luminosity.ravel() / model.templates.luminosity.ravel(), ratio[:, 0], rtol=1e-4
    )


def test_age_error_reads_an_older_or_younger_population(model):
    """A moved SSP lies between its neighbours in age: nothing but age was touched."""
    t = model.templates
    (other,) = drawn(model, age=0.02)
    shape = (len(t.age), len(t.mh), -1)
    before, after = (np.log(x.reshape(shape)[:, 4, ::200]) for x in (t.rows, other.rows))
    i = np.arange(60, len(t.age) - 5)
    reach = 12  # 0.035 dex are at most this many ages
    low = np.min([before[i + k] for k in range(-reach, 5)], axis=0)
    high = np.max([before[i + k] for k in range(-reach, 5)], axis=0)
    inside = (after[i] > low - 1e-3) & (after[i] < high + 1e-3)
    assert inside.mean() > 0.98
    assert np.abs(after - before).max() > 1e-3


def test_continuum_errors_are_larger_in_the_ultraviolet(model):
    t = model.templates
    changes = [np.log(x.rows / t.rows) for x in drawn(model, 40, continuum=0.03, ultraviolet=0.15)]
    scatter = np.std(changes, axis=(0, 1))
    n_log = len(t.log_wave)
    assert scatter[:n_log].mean() == pytest.approx(0.035, abs=0.015)
    blue = t.slice_wave < 2800
    assert scatter[n_log:][blue].mean() > 3 * scatter[:n_log].mean()


def test_line_errors_leave_the_continuum(model):
    t = model.templates
    (other,) = drawn(model, lines=0.12)
    n_log = len(t.log_wave)
    np.testing.assert_allclose(other.rows[:, n_log:], t.rows[:, n_log:], rtol=1e-5)
    change = np.log(other.rows[:, :n_log] / t.rows[:, :n_log])
    old = 4 + len(t.mh) * (len(t.age) - 10)
    depth = np.log(t.rows[old, :n_log])
    assert np.abs(change[old].mean()) < 0.005
    assert change[old].std() > 0.02 * depth.std()


def test_labels_are_those_of_the_other_library(model):
    one, clear = stars(model, (9e8, 1.1e9)), screen()
    (other,) = drawn(model, mass_to_light=0.2)
    moved = model.with_templates(other)
    before = model.labels(one, model.noiseless(one, clear)[1])
    after = moved.labels(one, moved.noiseless(one, clear)[1])
    assert after["mw_logage"] == pytest.approx(before["mw_logage"])
    assert np.abs(after["logml"] - before["logml"]) > 1e-3
    assert model.templates.rows is not other.rows


def test_all_the_way_is_the_other_library(model):
    """Without errors, a draw between two libraries is one or the other or lies between them."""
    t = model.templates
    other = dataclasses.replace(t, rows=t.rows * np.float32(1.3))
    none = SSPErrors(**NONE)
    for share, factor in ((0.0, 1.0), (1.0, 1.3), (2.0, 1.69)):
        source = ErrorModel(t, none, other, (share, share))
        rows = source.draw(np.random.default_rng(0)).rows
        np.testing.assert_allclose(rows, factor * t.rows, rtol=1e-4)


def test_another_library_is_read_at_the_same_metallicity(model):
    """At a node of ours, linear in [M/H] and log flux between nodes of theirs, held at its ends."""
    t, theirs = model.templates, prepare(load_ssp("basti"), model.instrument)
    rows = ErrorModel(t, SSPErrors(**NONE), theirs, (1.0, 1.0)).draw(np.random.default_rng(0))
    age = np.searchsorted(t.age, 3e9)
    ours = np.log(rows.rows.reshape(len(t.age), len(t.mh), -1)[age])
    log = np.log(theirs.rows.reshape(len(t.age), len(theirs.mh), -1)[age])
    low, part = 4, (t.mh[3] - theirs.mh[4]) / (theirs.mh[5] - theirs.mh[4])
    np.testing.assert_allclose(ours[3], (1 - part) * log[low] + part * log[low + 1], atol=1e-4)
