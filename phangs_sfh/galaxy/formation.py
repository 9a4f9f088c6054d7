"""When the mass formed: times and recent rates of histories given in age cells."""

import numpy as np

YOUNGEST_YR = 1e5
"""Least lookback time that is told apart from the present."""


def formation_time(mass, edges, share):
    """Lookback time at which a share of the mass had formed.

    Parameters
    ----------
    mass : (n, n_cells) array, mass formed in each cell, youngest first; constant rate within cells
    edges : (n_cells + 1,) array [yr], from 0
    share : float, 0 to 1

    Returns
    -------
    time : (n,) array [yr]

    Examples
    --------
    A constant rate for 10 Gyr had formed nine tenths of its mass 1 Gyr ago:

    >>> import numpy as np
    >>> formation_time(np.array([[0.5, 0.5]]), np.array([0.0, 5e9, 1e10]), 0.9).item()
    1000000000.0
    """
    mass = mass / mass.sum(axis=1, keepdims=True)
    younger = np.cumsum(mass, axis=1)
    wanted = 1.0 - share
    cell = np.minimum(np.sum(younger < wanted, axis=1), mass.shape[1] - 1)
    row = np.arange(len(mass))
    before = younger[row, cell] - mass[row, cell]
    part = np.clip((wanted - before) / np.maximum(mass[row, cell], 1e-12), 0.0, 1.0)
    time = edges[cell] + part * (edges[cell + 1] - edges[cell])
    return np.maximum(np.round(time, 3), YOUNGEST_YR)


def recent_share(mass, edges, window):
    """Share of the mass, (n,), that formed in the last ``window`` [yr]; else as above."""
    inside = np.clip((window - edges[:-1]) / np.diff(edges), 0.0, 1.0)
    return mass @ inside / mass.sum(axis=1)
