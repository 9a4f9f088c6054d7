"""Problems by name, and what libraries and models say of theirs."""

import importlib
from importlib import metadata

from phangs_sfh.errors import InputError
from phangs_sfh.problems import histories, inputs
from phangs_sfh.problems.assumptions import Assumptions
from phangs_sfh.problems.labels import Labels
from phangs_sfh.problems.problem import DEFAULT, Described, Problem

OURS = {"histories": "phangs_sfh.problems.histories:PROBLEM"}
GROUP = "phangs_sfh.problems"
"""Entry points by which an installed package offers its problems."""


def described_by(content, source):
    """What is inferred from what, by the content of library.json or model.json (Described).

    Needs no code of the problem. Files from before say nothing and mean ``histories``.

    Raises
    ------
    InputError
        Names ``source`` where inputs or labels are damaged.
    """
    if "labels" not in content:
        return Described(DEFAULT, histories.INPUTS, histories.FIRST_LABELS)
    found = inputs.from_list(content.get("inputs"), source)
    labels = Labels.from_list(content["labels"], source)
    assumptions = Assumptions.from_dict(content.get("assumptions"), source)
    return Described(str(content.get("problem")), found, labels, assumptions)


def load_problem(name=DEFAULT):
    """A problem by its name, or as ``package.module:OBJECT``.

    Raises
    ------
    InputError
        If there is none of this name, or what is named is no Problem.
    """
    offered = {point.name: point.value for point in metadata.entry_points(group=GROUP)}
    known = {**offered, **OURS}
    module, colon, attribute = known.get(name, name).partition(":")
    if not colon:
        raise InputError(
            f"--problem {name}: no such problem; known are {', '.join(known)}, or give "
            "package.module:OBJECT"
        )
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"--problem {name}: cannot be imported ({error})") from None
    if not isinstance(found, Problem):
        raise InputError(f"--problem {name}: is no Problem; name an object of phangs_sfh.problems")
    return found
