"""What the evaluation of one problem has beyond that of any: further measures, figures and texts.

The evaluation itself knows no label by name. A problem that has nothing here gets all of it.
"""

import importlib
from dataclasses import dataclass, field

EXTRAS = {"histories": "phangs_sfh.evaluation.histories:EXTRA"}
"""Where the extra of a problem is, by the problem's name."""


def _nothing(*_):
    return {}


def _no_lines(_):
    return []


@dataclass(frozen=True)
class Measure:
    """One number an object that says how good its whole answer is.

    Attributes
    ----------
    of : callable ``of(truth, columns)``, gives an (n,) array
    title : str, over a panel of a figure
    text : str, of an axis and in sentences
    """

    of: object
    title: str
    text: str


@dataclass(frozen=True)
class Section:
    """A section of report and model card.

    Attributes
    ----------
    title : str
    text : str, Markdown, ends with a newline
    figures : tuple of names of ``Pages.figures``, for the report
    in_card : bool, False for the report alone
    """

    title: str
    text: str
    figures: tuple = ()
    in_card: bool = True


@dataclass(frozen=True)
class Pages:
    """What a problem adds to report and model card; ``metrics`` is the content of metrics.json.

    Attributes
    ----------
    objects : str, what the mocks are, in the plural
    about : str, what is inferred, for the model card's first line; default made from the labels
    bins : dict by label with bins: the entry of the summary's ``bins`` that the figure of the bins
        shows instead of its own, and what that is, in words
    figures : callable ``figures(metrics, mocks, answers, who)``, dict of matplotlib figures
    captions : dict of str by figure
    sections : callable ``sections(metrics)``, list of Section
    use : callable ``use(metrics)``, str; for which data the model is meant
    limits : callable ``limits(metrics)``, list of str, a sentence or two each
    """

    objects: str = "objects"
    about: str = ""
    bins: dict = field(default_factory=dict)
    figures: object = _nothing
    captions: dict = field(default_factory=dict)
    sections: object = _no_lines
    use: object = None
    limits: object = _no_lines


@dataclass(frozen=True)
class Extra:
    """What a problem adds to its evaluation. Composed of parts; all of them may be left out.

    Attributes
    ----------
    nuisance : dict of numpy type by name: what is read from the records beside inputs and labels
    telling : tuple of names of two scalars, shown where there is room for two; default the first
    sorted_by : tuple of names of scalars, in whose thirds coverage is told besides the first's
    measures : dict of Measure by their key in the summary
    stress : dict of further cases of ``stress``
    keep : callable ``keep(samples)``: dict of (n, ...) arrays kept of a batch's samples
    assess : callable ``assess(answers, mocks)``: dict added to the summary of each case
    bins : callable ``bins(answers, mocks)``: dict added to the summary's ``bins``
    groups : callable ``groups(answers, mocks)``: dict of lists of (text, rows)
    describe : callable ``describe(summary, model, library)``: dict added to what is described
    finish : callable ``finish(answers, mocks, library)``: dict of what is measured once, on the
        answers to good data
    pages : Pages
    """

    nuisance: dict = field(default_factory=dict)
    telling: tuple = ()
    sorted_by: tuple = ()
    measures: dict = field(default_factory=dict)
    stress: dict = field(default_factory=dict)
    keep: object = _nothing
    assess: object = _nothing
    bins: object = _nothing
    groups: object = _nothing
    describe: object = _nothing
    finish: object = _nothing
    pages: Pages = Pages()

    def told(self, labels):
        """Names of two scalars (or fewer, if there are)."""
        return list(self.telling) or [label.name for label in labels.scalars[:2]]


def extra_of(problem):
    """The extra of a problem by its name; an empty one if there is none."""
    if problem not in EXTRAS:
        return Extra()
    module, _, attribute = EXTRAS[problem].partition(":")
    return getattr(importlib.import_module(module), attribute)
