"""The 16 bins of lookback time in which star formation histories are given."""

import numpy as np

EDGES_MYR = np.array(
    [0, 3, 5, 8, 13, 20, 32, 50, 80, 130, 250, 500, 1000, 2000, 4000, 8000, 13800],
    dtype=np.float64,
)
"""Edges of the bins [Myr], shape (17,). Narrow when young: young stars are what users follow up."""

EDGES_YR = EDGES_MYR * 1e6
N_BINS = len(EDGES_MYR) - 1
MAX_AGE_YR = EDGES_YR[-1]


def labels():
    """Human-readable bin names, e.g. ``'3-5 Myr'`` and ``'1-2 Gyr'`` (list of 16 str)."""
    names = []
    for low, high in zip(EDGES_MYR[:-1], EDGES_MYR[1:], strict=True):
        if high <= 1000:
            names.append(f"{low:g}-{high:g} Myr")
        else:
            names.append(f"{low / 1000:g}-{high / 1000:g} Gyr")
    return names
