"""Figures of a prior before a library is made of it."""

import numpy as np
import pytest
from click.testing import CliRunner

from phangs_sfh.cli.main import main
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.plots import preview, prior_figure
from phangs_sfh.problems.histories.priors import FAMILIES, load_prior
from phangs_sfh.ssp.engines import load_ssp
from studies.cost import library


@pytest.fixture(scope="module")
def model():
    return ForwardModel(load_ssp("bc03"), load_instrument())


def test_preview_command(tmp_path):
    """One figure, no library; an existing figure is kept."""
    output = tmp_path / "mine"
    run = CliRunner().invoke(main, ["make-library", "--preview", "-o", str(output)])
    assert run.exit_code == 0, run.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine-preview.png"]
    written = (tmp_path / "mine-preview.png").read_bytes()
    assert written.startswith(b"\x89PNG")
    again = CliRunner().invoke(main, ["make-library", "--preview", "-o", str(output)])
    assert again.exit_code == 1 and "exists already; use --overwrite" in again.output
    bad = ["make-library", "--preview", "-o", str(output), "--overwrite", "--prior", "narrow"]
    refused = CliRunner().invoke(main, bad)
    assert refused.exit_code == 1 and "no such prior or file" in refused.output
    assert (tmp_path / "mine-preview.png").read_bytes() == written


def test_preview_shows_all_kinds():
    family = np.random.default_rng(3).integers(0, len(FAMILIES), 240)
    chosen = preview._of_many_kinds(family)
    assert len(set(chosen.tolist())) == preview.N_SHOWN
    assert set(family[chosen]) == set(range(len(FAMILIES)))


def test_prior_figure(model, tmp_path):
    path = tmp_path / "prior.png"
    labels = prior_figure.draw_prior(path, model, load_prior("paper"), n=300)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert labels["sfh"].shape == (300, 16)
    np.testing.assert_allclose(labels["sfh"].sum(axis=1), 1, atol=1e-6)


def test_roughness_finds_holes_and_spikes():
    rng = np.random.default_rng(0)
    smooth = rng.uniform(0, 1, 20_000)
    least, most = prior_figure.roughness(smooth, 0.01, 0.99)
    assert least > 0.85 and most < 1.15
    hole = smooth[(smooth < 0.5) | (smooth > 0.56)]
    assert prior_figure.roughness(hole, 0.01, 0.99)[0] < 0.3
    spike = np.concatenate([smooth, np.full(1000, 0.3)])
    assert prior_figure.roughness(spike, 0.01, 0.99)[1] > 1.5


def test_broad_prior_has_no_holes_in_what_is_reported(model):
    """Ages, metallicities, M/L and A_V: smooth between the 2nd and 98th percentile."""
    labels = prior_figure.draw_labels(model, load_prior("broad"), 8000)
    for name in prior_figure.SCALARS:
        least, most = prior_figure.roughness(labels[name], 0.02, 0.98)
        assert least > 0.6 and most < 1.5, name


def test_benchmark_counts(model):
    """The numbers it prints are made of real runs, here tiny ones."""
    cost = library.write_once(30)
    assert cost["n"] == 30 and cost["seconds"] > 0 and 0.1 < cost["gigabytes"] < 4
    stages = library.profile(250)
    assert set(stages) == {*library.STAGES, library.WHOLE}
    whole = stages.pop(library.WHOLE)
    assert all(seconds > 0 for seconds in stages.values())
    assert sum(stages.values()) < 1.2 * whole
    assert 0 < library.matrix_product(repeat=2) < whole
