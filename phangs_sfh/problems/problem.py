"""The problem object: what is inferred from what, by which simulator, under which priors."""

from dataclasses import dataclass, replace

from phangs_sfh.problems import inputs
from phangs_sfh.problems.assumptions import RECORD, Assumptions
from phangs_sfh.problems.labels import Labels

DEFAULT = "histories"


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
    assumptions : callable, given a prior and ``ssp``: the Assumptions its objects are made under,
        or None
    """

    name: str
    inputs: tuple
    labels: Labels
    simulator: object
    priors: object
    emission_lines: object
    assumptions: object = lambda prior, ssp: None

    @property
    def described(self):
        """What library.json and model.json say of it (Described), but for assumptions."""
        return Described(self.name, self.inputs, self.labels)

    def described_under(self, prior, ssp):
        """The same with the assumptions of a prior (Described)."""
        return replace(self.described, assumptions=self.assumptions(prior, ssp))


@dataclass(frozen=True)
class Described:
    """What a library or model says of its problem; needs no code of the problem.

    Attributes
    ----------
    problem : str, its name; inputs : tuple of inputs; labels : Labels
    assumptions : Assumptions, or None
    """

    problem: str
    inputs: tuple
    labels: Labels
    assumptions: Assumptions | None = None

    def widths(self, instrument):
        """Widths of all the network's inputs: dict by name, in the order it takes them."""
        widths = inputs.sizes(self.inputs, instrument)
        return widths | ({RECORD: len(self.assumptions)} if self.assumptions else {})

    def to_dict(self):
        """JSON; ``catalogue.described_by`` is the inverse."""
        content = {
            "problem": self.problem,
            "inputs": inputs.to_list(self.inputs),
            "labels": self.labels.to_list(),
        }
        if self.assumptions:
            content["assumptions"] = self.assumptions.to_dict()
        return content
