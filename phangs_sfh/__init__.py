"""Star formation histories with calibrated error bars from PHANGS-MUSE and PHANGS-HST.

The door: all that a user needs is here, and is imported when it is first asked for (PEP 562), so
that ``import phangs_sfh as ps`` costs nothing. The commands of ``phangs-sfh`` are thin layers over
it.
"""

import importlib
from typing import TYPE_CHECKING

from phangs_sfh.errors import InputError
from phangs_sfh.version import __version__

if TYPE_CHECKING:
    from phangs_sfh.observations.demo_spectrum import demo_spectrum
    from phangs_sfh.prediction.model import load_model

HOMES = {
    "demo_spectrum": "phangs_sfh.observations.demo_spectrum",
    "load_model": "phangs_sfh.prediction.model",
}
"""Where each name of the door is defined."""

__all__ = ["InputError", "__version__", "demo_spectrum", "load_model"]


def __getattr__(name):
    if name not in HOMES:
        raise AttributeError(f"module 'phangs_sfh' has no attribute '{name}'")
    globals()[name] = value = getattr(importlib.import_module(HOMES[name]), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
