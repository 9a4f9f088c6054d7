"""Windows around strong emission lines, masked while the model knows no gas."""

import numpy as np

CENTRES = np.array([4861.3, 4958.9, 5006.8, 5199.0, 5875.6, 5893.0, 6300.3, 6363.8, 6548.0,
                    6562.8, 6583.5, 6716.4, 6730.8])  # fmt: skip
"""Rest-frame air wavelengths [Å]; Na D (5890, 5896) is interstellar and masked too."""

HALF_WIDTH = 10.0

WINDOWS = np.stack([CENTRES - HALF_WIDTH, CENTRES + HALF_WIDTH], axis=1)
"""Lower and upper end of each window [Å], shape (n, 2)."""


def window_mask(wave):
    """True where a rest-frame wavelength [Å] lies in a window."""
    wave = np.asarray(wave)[..., None]
    return ((wave >= WINDOWS[:, 0]) & (wave <= WINDOWS[:, 1])).any(axis=-1)
