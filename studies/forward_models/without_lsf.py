"""What both comparisons share: our forward model at the resolution of its SSPs."""

import dataclasses

import numpy as np

from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument

GYR = 1e9


SIGMA_V = 100.0  # [km/s]


def one(value):
    return np.array([value], dtype=float)


def model_without_lsf(grid):
    """Forward model whose instrument has the resolution of the library everywhere."""
    lsf = (0.0, 0.0, grid.resolution_fwhm)
    return ForwardModel(grid, dataclasses.replace(load_instrument(), lsf_fwhm_coefficients=lsf))
