"""The result table: which columns, in which units, meaning what.

``quantities`` is the one description, made from the model's labels; the table, and whatever lists
its columns, is made from it.
"""

from dataclasses import dataclass
from functools import cache

import astropy.units as u
import numpy as np
from astropy.table import Column, QTable

from phangs_sfh.observations.flags import MEANING, USED_MEANING, Flag
from phangs_sfh.problems.catalogue import described_by
from phangs_sfh.problems.histories import LABELS
from phangs_sfh.problems.labels import Bins
from phangs_sfh.version import __version__

PERCENTILES = ("p16", "p50", "p84")


@dataclass(frozen=True)
class Quantity:
    """A column, or three of them with the percentiles.

    Attributes
    ----------
    name : str
    unit : astropy unit, None for a bare number
    format : str, for printing
    meaning : str
    axis : Bins for one value per bin, else None
    percentiles : bool, ``name_p16``, ``name_p50``, ``name_p84`` rather than ``name``
    """

    name: str
    unit: u.UnitBase | u.FunctionUnitBase | None
    format: str
    meaning: str
    axis: Bins | None = None
    percentiles: bool = True

    @property
    def size(self):
        """Values a row."""
        return 1 if self.axis is None else len(self.axis)

    @property
    def columns(self):
        """Names of the columns (list of str)."""
        return [f"{self.name}_{p}" for p in PERCENTILES] if self.percentiles else [self.name]


FLAGS, USED = (
    ", ".join(f"{bit.value} {text}" for bit, text in meaning.items())
    for meaning in (MEANING, USED_MEANING)
)
ALWAYS = (
    Quantity("surprise", None, ".2f", "how unlike the training set; high = do not trust",
             percentiles=False),
    Quantity("flag", None, "d", f"doubts, bit mask: {FLAGS}", percentiles=False),
    Quantity("used", None, "d", f"data, bit mask: {USED}", percentiles=False),
)  # fmt: skip
"""Columns of every problem."""
WHOLE_NUMBERS = ("flag", "used")


@cache  # asked for every batch of answers, and units take a while to parse
def quantities(labels=LABELS):
    """All quantities of the result table, in its order (tuple of Quantity)."""
    found = []
    for one in labels.reported:
        unit = u.Unit(one.unit) if one.unit else None
        found.append(Quantity(one.name, unit, one.format, one.text, one.axis))
        if one.older:
            text = f"{one.text}: this and all later ones together"
            found.append(Quantity(one.older, unit, one.format, text, one.axis))
        if one.mean:
            text = f"{one.text}: mean of the posterior"
            found.append(Quantity(one.mean, unit, one.format, text, one.axis, percentiles=False))
    return (*found, *ALWAYS)


def answer_names(labels=LABELS):
    """All columns of the result table, also the names of the model's outputs (list of str)."""
    return [name for quantity in quantities(labels) for name in quantity.columns]


def result_table(answers, model_info):
    """The table of a prediction.

    Parameters
    ----------
    answers : dict of arrays by column name, one row each; (n, n_bins) where per bin
    model_info : dict, the model's ``model.json``

    Returns
    -------
    table : astropy QTable; NaN in the rows whose flag has ``NO_DATA``, there is no answer there
    """
    flag = np.asarray(answers["flag"], np.int32)
    unanswered = (flag & Flag.NO_DATA) > 0
    table = QTable()
    for quantity in quantities(described_by(model_info, "model.json").labels):
        for name in quantity.columns:
            if name in WHOLE_NUMBERS:
                column = Column(np.asarray(answers[name], np.int32))
            else:
                values = np.array(answers[name], np.float32)
                values[unanswered] = np.nan
                column = values if quantity.unit is None else with_unit(values, quantity.unit)
            table[name] = column
            table[name].info.format = quantity.format
            table[name].info.description = _described(quantity, name)
    table.meta.update(result_meta(model_info))
    return table


def with_unit(values, unit):
    """Values as a Quantity, or as a Dex of a logarithm's unit; float32."""
    # dex(yr) and the like are units of logarithms, with a class of their own.
    kind = u.Dex if isinstance(unit, u.FunctionUnitBase) and unit != u.dex else u.Quantity
    return kind(values, unit, dtype=np.float32)


def _described(quantity, name):
    if not quantity.percentiles:
        return quantity.meaning
    return f"{quantity.meaning}, {name[-2:]}th percentile of the posterior"


def result_meta(model_info):
    """What a result must be read with (dict with FITS-sized keys)."""
    labels = described_by(model_info, "model.json").labels
    more = {}
    if labels.vectors:
        axis = labels.vectors[0].axis
        more = {"AGEBINS": " ".join(f"{edge:g}" for edge in axis.edges), "AGEUNIT": axis.unit}
    if model_info["z_sun"] is not None:
        more["ZSUN"] = float(model_info["z_sun"])
    if "assumed" in model_info:
        more["ASSUMED"] = model_info["assumed"]
    if "server" in model_info:
        more["SERVER"] = model_info["server"]
    return {
        **more,
        "MODEL": str(model_info["name"]),
        "MODELVER": str(model_info["version"]),
        "INSTRUME": str(model_info["instrument"]["name"]),
        "CREATOR": f"phangs-sfh {__version__}",
    }
