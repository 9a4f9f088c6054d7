"""Rest-frame windows around strong lines that stars alone do not explain.

A model without gas emission (``"emission_lines": "masked"`` in its ``model.json``) must not see
them. Na D is absorbed in the interstellar medium too and so goes with them.
"""

import numpy as np

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

HALF_WIDTH = 10.0
"""Half-width of a window [Å]: 620 km/s at Hβ, 450 km/s at [S II]."""


def _merged(centres, half_width):
    windows = []
    for centre in sorted(centres):
        if windows and centre - half_width <= windows[-1][1]:
            windows[-1][1] = centre + half_width
        else:
            windows.append([centre - half_width, centre + half_width])
    return np.array(windows)


WINDOWS = _merged(LINES.values(), HALF_WIDTH)
"""Windows [Å], rest frame, air, ascending and apart, shape (n_windows, 2): from, to."""


def window_mask(wave):
    """True where ``wave`` (any shape) [Å], rest frame, air, lies in a window."""
    wave = np.asarray(wave, dtype=np.float64)
    inside = np.searchsorted(WINDOWS.ravel(), wave, side="right")
    return inside % 2 == 1
