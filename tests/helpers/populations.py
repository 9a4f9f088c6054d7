"""Galaxies made by hand for the tests of the forward model."""

import numpy as np

from phangs_sfh.galaxy.forward_model import Screen, Stars
from phangs_sfh.galaxy.gas import Gas


def stars(model, age_range, mh=0.0, n=1):
    """``n`` galaxies with a constant rate between two ages [yr] and one metallicity."""
    edges = model.cell_edges
    mass = np.diff(np.clip(edges, *age_range))
    mass = np.tile(mass / mass.sum(), (n, 1))
    return Stars(mass, np.broadcast_to(np.asarray(mh, float).reshape(-1, 1), mass.shape))


def screen(n=1, **changes):
    """No dust, no dispersion, but for what is said."""
    values = {
        "law": 0,
        "av": 0.0,
        "slope": 0.7,
        "av_young": 0.0,
        "slope_young": 1.0,
        "sigma_v": 0.0,
    }
    values.update(changes)
    return Screen(**{name: np.broadcast_to(value, n) for name, value in values.items()})


def gas(n=1, **changes):
    """Dust-free gas around all young stars, but for what is said."""
    values = {
        "covering": 1.0,
        "log_u": -3.0,
        "mh": 0.0,
        "av": 0.0,
        "sigma": 30.0,
        "in_spectrum": True,
    }
    values.update(changes)
    return Gas(**{name: np.broadcast_to(value, n) for name, value in values.items()})
