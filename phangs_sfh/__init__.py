"""Star formation histories with calibrated error bars from PHANGS-MUSE and PHANGS-HST.

The door: all that a user needs is here, and is imported when it is first asked for (PEP 562), so
that ``import phangs_sfh as ps`` costs nothing. The commands of ``phangs-sfh`` are thin layers over
it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from phangs_sfh.errors import InputError, InputWarning
from phangs_sfh.version import __version__

if TYPE_CHECKING:
    from phangs_sfh.evaluation.report.evaluation import evaluate
    from phangs_sfh.export.fit import fit
    from phangs_sfh.export.saved_model import export_model
    from phangs_sfh.library.make_library import gather_library, make_library
    from phangs_sfh.library.records import open_library
    from phangs_sfh.machines.tf_config import read_cluster
    from phangs_sfh.maps.map_cube import gather_maps, map_cube
    from phangs_sfh.maps.phangs.finder import find_phangs
    from phangs_sfh.maps.table import map_table
    from phangs_sfh.network.model import NetworkSpec
    from phangs_sfh.observations.demo_spectrum import demo_spectrum
    from phangs_sfh.peers.benchmark.benchmark import benchmark
    from phangs_sfh.plots.demonstration import demo
    from phangs_sfh.plots.map_figure import plot_maps
    from phangs_sfh.plots.plot import plot, plot_rows
    from phangs_sfh.plots.preview import preview_library
    from phangs_sfh.prediction.model import load_model
    from phangs_sfh.progress import progress_bar
    from phangs_sfh.ssp.make_ssp import make_ssp

__all__ = [
    "InputError",
    "InputWarning",
    "NetworkSpec",
    "__version__",
    "benchmark",
    "demo",
    "demo_spectrum",
    "evaluate",
    "export_model",
    "find_phangs",
    "fit",
    "gather_library",
    "gather_maps",
    "load_model",
    "make_library",
    "make_ssp",
    "map_cube",
    "map_table",
    "open_library",
    "plot",
    "plot_maps",
    "plot_rows",
    "preview_library",
    "progress_bar",
    "read_cluster",
]

HOMES = {
    "NetworkSpec": "network.model",
    "benchmark": "peers.benchmark.benchmark",
    "demo": "plots.demonstration",
    "demo_spectrum": "observations.demo_spectrum",
    "evaluate": "evaluation.report.evaluation",
    "export_model": "export.saved_model",
    "find_phangs": "maps.phangs.finder",
    "fit": "export.fit",
    "gather_library": "library.make_library",
    "gather_maps": "maps.map_cube",
    "load_model": "prediction.model",
    "make_library": "library.make_library",
    "make_ssp": "ssp.make_ssp",
    "map_cube": "maps.map_cube",
    "map_table": "maps.table",
    "open_library": "library.records",
    "plot": "plots.plot",
    "plot_maps": "plots.map_figure",
    "plot_rows": "plots.plot",
    "preview_library": "plots.preview",
    "progress_bar": "progress",
    "read_cluster": "machines.tf_config",
}
"""Module of this package that defines each name of the door."""


def __getattr__(name):
    if name not in HOMES:
        raise AttributeError(f"module 'phangs_sfh' has no attribute '{name}'")
    globals()[name] = value = getattr(import_module(f"phangs_sfh.{HOMES[name]}"), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
