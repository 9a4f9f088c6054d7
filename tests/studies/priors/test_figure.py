"""What a prior says, as figures and as holes in it."""

import numpy as np
import pytest

from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.problems.histories.priors import load_prior
from phangs_sfh.ssp.engines import load_ssp
from studies.priors import figure


@pytest.fixture(scope="module")
def forward():
    return ForwardModel(load_ssp("bc03"), load_instrument())


def test_prior_figure(forward, tmp_path):
    path = tmp_path / "prior.png"
    labels = figure.draw_prior(path, forward, load_prior("paper"), n=300)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert labels["sfh"].shape == (300, 16)
    np.testing.assert_allclose(labels["sfh"].sum(axis=1), 1, atol=1e-6)


def test_roughness_finds_holes_and_spikes():
    rng = np.random.default_rng(0)
    smooth = rng.uniform(0, 1, 20_000)
    least, most = figure.roughness(smooth, 0.01, 0.99)
    assert least > 0.85 and most < 1.15
    hole = smooth[(smooth < 0.5) | (smooth > 0.56)]
    assert figure.roughness(hole, 0.01, 0.99)[0] < 0.3
    spike = np.concatenate([smooth, np.full(1000, 0.3)])
    assert figure.roughness(spike, 0.01, 0.99)[1] > 1.5


def test_broad_prior_has_no_holes_in_what_is_reported(forward):
    """Ages, metallicities, M/L and A_V: smooth between the 2nd and 98th percentile."""
    labels = figure.draw_labels(forward, load_prior("broad"), 8000)
    for name in figure.SCALARS:
        least, most = figure.roughness(labels[name], 0.02, 0.98)
        assert least > 0.6 and most < 1.5, name
