"""What is inferred, described once.

``Labels`` gives the layout of the target vector and its inverse, the features of the TFRecords, the
columns of answers with units and texts, names on figures, and its own JSON, which goes into
``library.json`` and ``model.json``: whoever reads those needs no code of the problem.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from pydantic import Field

from phangs_sfh.errors import InputError
from phangs_sfh.files.fits_units import parse_unit
from phangs_sfh.files.json_files import Count, Fields, Finite, Positive, Text, check
from phangs_sfh.problems import transforms


class BinFields(Fields):
    edges: list[Finite]
    unit: Text
    names: list[Text]


class LabelFields(Fields):
    """A label in JSON; its name is a column's, too."""

    name: str = Field(pattern=r"^[A-Za-z]\w{0,40}$")
    unit: str = Field(max_length=60)
    text: Text
    transform: dict[str, Positive | str]
    axis: BinFields | None = None
    favoured: Count = 0
    symbol: Text = ""
    format: str = Field(".3f", pattern=r"^(\.\d{1,2}[efg]|d)$")
    older: str = Field("", pattern=r"^[A-Za-z]?\w{0,40}$")
    mean: str = Field("", pattern=r"^[A-Za-z]?\w{0,40}$")
    edges: bool = False
    flag_beyond: Finite = 0.0


class LabelsFields(Fields):
    labels: list[LabelFields]


@dataclass(frozen=True)
class Bins:
    """The axis of a label with one value for each of some bins.

    Attributes
    ----------
    edges : tuple of n + 1 floats, rising
    unit : str
    names : tuple of n str, e.g. ``'3-5 Myr'``
    """

    edges: tuple
    unit: str
    names: tuple

    def __len__(self):
        return len(self.names)

    def to_dict(self):
        return {"edges": list(self.edges), "unit": self.unit, "names": list(self.names)}

    @classmethod
    def from_dict(cls, content):
        edges = tuple(float(edge) for edge in content["edges"])
        names = tuple(str(name) for name in content["names"])
        if len(edges) != len(names) + 1 or not np.all(np.diff(edges) > 0):
            raise ValueError("edges must rise and be one more than names")
        return cls(edges, str(content["unit"]), names)


@dataclass(frozen=True)
class Label:
    """One quantity that is inferred.

    Attributes
    ----------
    name : str, of the columns and records
    unit : str that astropy understands, '' for a bare number
    text : str, what it is
    transform : see ``transforms``
    axis : Bins for one value a bin, None for one number
    favoured : how many of its first targets count twice in the loss
    older : name of a further column, for shares in bins: what is in this or a later bin; '' for
        none. For bins of age that is what is older than the bin's younger edge
    mean : name of a further column, the posterior mean; '' for none
    edges : True if an answer near the edge of what was trained on is to be flagged
    flag_beyond : an answer farther than this from 0 is to be flagged; 0 for never
    symbol : str for figures, may hold mathtext; default the name
    format : str, for printing
    """

    name: str
    unit: str
    text: str
    transform: object = field(default_factory=transforms.Identity)
    axis: Bins | None = None
    favoured: int = 0
    symbol: str = ""
    format: str = ".3f"
    older: str = ""
    mean: str = ""
    edges: bool = False
    flag_beyond: float = 0.0

    @property
    def size(self):
        return 1 if self.axis is None else len(self.axis)

    @property
    def shape(self):
        """Shape of one object's value: () or (n_bins,)."""
        return () if self.axis is None else (len(self.axis),)

    @property
    def n_targets(self):
        return self.transform.n_targets(self.size)

    @property
    def quantities(self):
        """Names of its single numbers, ``'sfh 3-5 Myr'`` for those of bins (list of str)."""
        return [self.name] if self.axis is None else [f"{self.name} {n}" for n in self.axis.names]

    def to_dict(self):
        content = {
            "name": self.name,
            "unit": self.unit,
            "text": self.text,
            "transform": transforms.to_dict(self.transform),
            "axis": None if self.axis is None else self.axis.to_dict(),
            "favoured": self.favoured,
            "symbol": self.symbol,
            "format": self.format,
        }
        names = ("older", "mean", "edges", "flag_beyond")
        further = {name: getattr(self, name) for name in names}
        return content | {name: value for name, value in further.items() if value}

    @classmethod
    def from_dict(cls, content):
        axis = content.get("axis")
        return cls(
            name=str(content["name"]),
            unit=str(content["unit"]),
            text=str(content["text"]),
            transform=transforms.from_dict(content["transform"]),
            axis=None if axis is None else Bins.from_dict(axis),
            favoured=int(content.get("favoured", 0)),
            symbol=str(content.get("symbol", "")),
            format=str(content.get("format", ".3f")),
            older=str(content.get("older", "")),
            mean=str(content.get("mean", "")),
            edges=bool(content.get("edges", False)),
            flag_beyond=float(content.get("flag_beyond", 0.0)),
        )


@dataclass(frozen=True)
class Labels:
    """All that is inferred, in the order of the target vector.

    Favoured targets come first, so that their marginal density is the leading block of a
    lower-triangular scale matrix. The first label is the one that recalibration goes by.

    Attributes
    ----------
    of : tuple of Label

    Raises
    ------
    ValueError
        If names repeat, or a favoured target follows one that is not.
    """

    of: tuple

    def __post_init__(self):
        if not self.of or len(set(self.names)) < len(self.of):
            raise ValueError("labels need names that differ")
        ended = False
        for label in self.of:
            if not 0 <= label.favoured <= label.n_targets or (ended and label.favoured):
                raise ValueError(f"label '{label.name}': favoured targets must come first")
            ended = ended or label.favoured < label.n_targets

    def __iter__(self):
        return iter(self.of)

    def __len__(self):
        return len(self.of)

    def __contains__(self, name):
        return name in self.names

    def __getitem__(self, name):
        """The label of this name."""
        return self.of[self.names.index(name)]

    @property
    def names(self):
        return [label.name for label in self.of]

    @property
    def scalars(self):
        """Labels of one number each (list of Label)."""
        return [label for label in self.of if label.axis is None]

    @property
    def vectors(self):
        """Labels with bins (list of Label)."""
        return [label for label in self.of if label.axis is not None]

    @property
    def reported(self):
        """In the order of the result table: those with bins, then single numbers."""
        return [*self.vectors, *self.scalars]

    @property
    def quantities(self):
        """Names of all single numbers, label by label (list of str)."""
        return [name for label in self.of for name in label.quantities]

    @cached_property
    def places(self):
        """Where each label's numbers are among ``quantities``: dict of slices."""
        return _slices({label.name: label.size for label in self.of})

    @property
    def n_targets(self):
        return sum(label.n_targets for label in self.of)

    @property
    def n_favoured(self):
        return sum(label.favoured for label in self.of)

    @cached_property
    def slices(self):
        """Where each label is in the target vector: dict of slices."""
        return _slices({label.name: label.n_targets for label in self.of})

    @property
    def plain(self):
        """Labels whose targets are increasing functions of single numbers (list of Label)."""
        return [label for label in self.of if label.transform.elementwise]

    @property
    def shares(self):
        """Labels that are shares of a whole (list of Label)."""
        return [label for label in self.of if not label.transform.elementwise]

    @property
    def n_plain(self):
        return sum(label.n_targets for label in self.plain)

    @property
    def n_shares(self):
        """Numbers of all ``shares``; as many floors are drawn for a target vector."""
        return sum(label.size for label in self.shares)

    @property
    def summed(self):
        """Shares of which what is in a bin and all later ones is asked too (list of Label)."""
        return [label for label in self.shares if label.older]

    @property
    def n_summed(self):
        """Columns of ``summed`` that are not known or shares themselves: all but first and last."""
        return sum(label.size - 2 for label in self.summed)

    @property
    def averaged(self):
        """Labels whose posterior mean is asked too (list of Label)."""
        return [label for label in self.of if label.mean]

    @property
    def cut(self):
        """How many leading targets the shares hang on, 0 without shares."""
        return max((self.slices[label.name].stop for label in self.shares), default=0)

    def target(self, values, noise):
        """Target vectors y [n, n_targets].

        Parameters
        ----------
        values : dict of tensors or arrays by label, [n] or [n, n_bins]
        noise : [n, n_shares], standard normal; spreads the floor under empty shares. None: no
            spread.
        """
        from keras import ops

        parts, used = [], 0
        for label in self.of:
            value = ops.convert_to_tensor(values[label.name], "float32")
            own = None
            if not label.transform.elementwise and noise is not None:
                own = noise[:, used : used + label.size]
                used += label.size
            value = value if label.axis is not None else value[:, None]
            parts.append(label.transform.to_target(value, own))
        return ops.concatenate(parts, axis=1)

    def values(self, y):
        """Inverse of ``target``: dict of tensors [...] or [..., n_bins] of y [..., n_targets]."""
        found = {}
        for label in self.of:
            value = label.transform.from_target(y[..., self.slices[label.name]])
            found[label.name] = value if label.axis is not None else value[..., 0]
        return found

    def plain_targets(self, y):
        """The targets of ``plain`` labels, [..., n_plain], of y [..., n_targets]."""
        from keras import ops

        return ops.concatenate([y[..., self.slices[label.name]] for label in self.plain], axis=-1)

    def to_list(self):
        return [label.to_dict() for label in self.of]

    @classmethod
    def from_list(cls, content, source):
        """Inverse of ``to_list``.

        Raises
        ------
        InputError
            Names ``source`` if it is no list of labels.
        """
        remedy = "make or copy it again"
        check({"labels": content}, LabelsFields, source, remedy)
        for one in content:
            parse_unit(one["unit"])  # refuses those that would take minutes
        try:
            return cls(tuple(Label.from_dict(one) for one in content))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{source}: field 'labels' is damaged ({error!r}); {remedy}") from None


def _slices(sizes):
    found, start = {}, 0
    for name, size in sizes.items():
        found[name] = slice(start, start + size)
        start += size
    return found
