"""The flow that studies/networks sets beside the mixture is a density."""

from dataclasses import replace

import numpy as np
import pytest
from keras import ops

from phangs_sfh.posterior.density import PosteriorSpec
from phangs_sfh.problems.histories import LABELS
from studies.networks import flow_posterior

N = LABELS.n_targets


def test_without_skewness_and_tails_it_is_one_normal():
    normal = PosteriorSpec.standard(LABELS, n_components=1)
    flow = flow_posterior.SinhArcsinhFlow.standard(LABELS, n_components=1)
    rng = np.random.default_rng(0)
    params = rng.normal(scale=0.2, size=(5, normal.n_params)).astype(np.float32)
    y = rng.normal(size=(5, N)).astype(np.float32)
    wider = np.concatenate([params, np.zeros((5, 2 * N), np.float32)], axis=1)
    assert wider.shape[1] == flow.n_params
    for of_flow, of_normal in zip(
        flow.log_densities(wider, y), normal.log_densities(params, y), strict=True
    ):
        np.testing.assert_allclose(of_flow, of_normal, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("skewness, tail", [(0.0, 0.0), (0.7, -0.4), (-1.0, 0.5)])
def test_density_of_one_target_integrates_to_one_about_its_mean(skewness, tail):
    flow = replace(flow_posterior.SinhArcsinhFlow.standard(LABELS, n_components=1), n_leading=1)
    params = np.zeros((1, flow.n_params), np.float32)
    params[:, -2 * N : -N], params[:, -N:] = skewness, tail
    x = np.linspace(-60, 60, 120_001, dtype=np.float32)
    y = np.zeros((len(x), N), np.float32)
    y[:, 0] = x
    density = np.exp(ops.convert_to_numpy(flow.log_densities(np.repeat(params, len(x), 0), y)[1]))
    assert np.trapezoid(density, x) == pytest.approx(1.0, abs=2e-3)
    mean = float(ops.convert_to_numpy(flow.mean_of(params))[0, 0])
    assert np.trapezoid(x * density, x) == pytest.approx(mean, abs=0.3)
