"""Everything that comes in from outside, damaged and given to its reader: one class a group.

Each has ``attempt(random)``, which damages what was sound and says how the promise was kept.
"""

from functools import partial

import hostile_data
import hostile_own_files


def groups(folder):
    """Makers of all groups by name, in a folder of their own each; dear ones are made when used."""
    plain = (*hostile_data.KINDS, *hostile_own_files.KINDS)
    found = {kind.__name__: partial(kind, folder / kind.__name__) for kind in plain}
    for kind in hostile_own_files.OF_LIBRARIES:
        found[kind.__name__] = partial(_with_library, kind, folder)
    return {**found, "WholeMap": partial(_with_model, folder)}


def _with_library(kind, folder):
    from phangs_sfh.library import writer

    if not (folder / "library").exists():
        writer.write_library(folder / "library", 12, workers=1)
    return kind(folder / kind.__name__, folder / "library")


def _with_model(folder):
    from fake_model import write_fake_model

    from phangs_sfh.prediction.model import load_model

    return hostile_data.WholeMap(
        folder / "WholeMap", load_model(write_fake_model(folder / "model"))
    )
