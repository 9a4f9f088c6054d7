"""The forward model on the embedded grid, made once."""

import numpy as np
import pytest

from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.ssp.engines import load_ssp


@pytest.fixture(scope="session")
def model():
    return ForwardModel(load_ssp("bc03"), load_instrument())


@pytest.fixture
def rng():
    return np.random.default_rng(20260513)
