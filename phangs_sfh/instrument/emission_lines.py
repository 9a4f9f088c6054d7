"""The one list of lines that stars alone do not explain, and rest-frame windows around them.

A model without gas emission (``"emission_lines": "masked"`` in its ``model.json``) must not see
them. Na D is absorbed in the interstellar medium too and so goes with them.
"""

import numpy as np

from phangs_sfh.instrument.constants import SPEED_OF_LIGHT

LINES = {
    "Hbeta": 4861.33,
    "[O III] 4959": 4958.91,
    "[O III] 5007": 5006.84,
    "[N I] 5198": 5197.90,
    "[N I] 5200": 5200.26,
    "He I 5876": 5875.62,
    "Na D2": 5889.95,
    "Na D1": 5895.92,
    "[O I] 6300": 6300.30,
    "[O I] 6364": 6363.78,
    "[N II] 6548": 6548.05,
    "Halpha": 6562.80,
    "[N II] 6583": 6583.45,
    "[S II] 6716": 6716.44,
    "[S II] 6731": 6730.82,
}
"""Air wavelengths [Å] (NIST Atomic Spectra Database)."""

FAINT_LINES = {
    "He I 4922": 4921.93,
    "He I 5016": 5015.68,
    "[Cl III] 5518": 5517.72,
    "[Cl III] 5538": 5537.87,
    "[N II] 5755": 5754.59,
    "[S III] 6312": 6312.06,
    "He I 6678": 6678.15,
}
"""Likewise; no network is kept from them, but they show in the brightest nebulae."""

HALF_WIDTH = 10.0
"""Half-width of a window [Å]: 620 km/s at Hβ, 450 km/s at [S II]."""


def windows(lines=None, half_width=HALF_WIDTH, velocity=None):
    """Windows around lines, those that overlap as one.

    Parameters
    ----------
    lines : dict of rest wavelengths [Å] by name, default ``LINES``
    half_width : float [Å]
    velocity : float [km/s], half-width to be used instead

    Returns
    -------
    windows : (n_windows, 2) array [Å], from and to, ascending and apart
    """
    merged = []
    for centre in sorted((LINES if lines is None else lines).values()):
        reach = half_width if velocity is None else centre * velocity / SPEED_OF_LIGHT
        if merged and centre - reach <= merged[-1][1]:
            merged[-1][1] = centre + reach
        else:
            merged.append([centre - reach, centre + reach])
    return np.array(merged)


WINDOWS = windows()
"""What a model without gas emission does not see, rest frame, air."""


def window_mask(wave, lines=None, half_width=HALF_WIDTH, velocity=None):
    """True where ``wave`` (any shape) [Å], rest frame, air, lies in a window; see ``windows``."""
    edges = windows(lines, half_width, velocity).ravel()
    inside = np.searchsorted(edges, np.asarray(wave, dtype=np.float64), side="right")
    return inside % 2 == 1
