"""The problem object: what is inferred from what, by which simulator, under which priors."""

import importlib
from dataclasses import dataclass
from importlib import metadata

from phangs_sfh.errors import InputError
from phangs_sfh.problems import inputs
from phangs_sfh.problems.labels import Labels

DEFAULT = "histories"
OURS = {"histories": "phangs_sfh.problems.histories:PROBLEM"}
GROUP = "phangs_sfh.problems"
"""Entry points by which an installed package offers its problems."""


@dataclass(frozen=True)
class Problem:
    """Something to be inferred. Composed of parts, never subclassed.

    Attributes
    ----------
    name : str, also of its evaluation's extra sections (``evaluation/extras.py``)
    inputs : tuple of inputs, see ``inputs``
    labels : Labels
    simulator : callable ``simulator(instrument, prior, ssp)``; gives an object with
        ``describe()``, a dict for ``library.json``, and ``galaxies(rng, n)``, which yields chunks:
        dicts of arrays with the noiseless inputs by their ``record``, the labels by name and
        further (m,) arrays of nuisance parameters. ``ssp`` is the text of the command's option.
    priors : object with ``default``, ``names`` and ``load(name_or_file)``, which gives a dict. Its
        optional section ``observing`` sets fields of the observing conditions.
    emission_lines : callable, given a prior: 'modelled' or 'masked', whether the network may see
        the windows around emission lines
    """

    name: str
    inputs: tuple
    labels: Labels
    simulator: object
    priors: object
    emission_lines: object

    @property
    def described(self):
        """What library.json and model.json say of it (Described)."""
        return Described(self.name, self.inputs, self.labels)


@dataclass(frozen=True)
class Described:
    """What a library or model says of its problem; needs no code of the problem.

    Attributes
    ----------
    problem : str, its name; inputs : tuple of inputs; labels : Labels
    """

    problem: str
    inputs: tuple
    labels: Labels

    @classmethod
    def of(cls, content, source):
        """From the content of library.json or model.json; files from before mean ``histories``.

        Raises
        ------
        InputError
            Names ``source`` where inputs or labels are damaged.
        """
        if "labels" not in content:
            from phangs_sfh.problems.histories import INPUTS, LABELS

            return cls(DEFAULT, INPUTS, LABELS)
        found = inputs.from_list(content.get("inputs"), source)
        return cls(str(content.get("problem")), found, Labels.from_list(content["labels"], source))

    def to_dict(self):
        """Inverse of ``of``."""
        return {
            "problem": self.problem,
            "inputs": inputs.to_list(self.inputs),
            "labels": self.labels.to_list(),
        }


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
