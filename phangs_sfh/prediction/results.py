"""The result table: which columns, in which units, meaning what.

``COLUMNS`` is the one description; the table, and whatever lists its columns, is made from it.
"""

from dataclasses import dataclass

import astropy.units as u
import numpy as np
from astropy.table import Column, QTable

from phangs_sfh.galaxy import ages
from phangs_sfh.observations.flags import MEANING, Flag
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
    per_bin : bool, one value per age bin
    percentiles : bool, ``name_p16``, ``name_p50``, ``name_p84`` rather than ``name``
    """

    name: str
    unit: u.UnitBase | u.FunctionUnitBase | None
    format: str
    meaning: str
    per_bin: bool = False
    percentiles: bool = True

    @property
    def columns(self):
        """Names of the columns (list of str)."""
        return [f"{self.name}_{p}" for p in PERCENTILES] if self.percentiles else [self.name]


COLUMNS = (
    Quantity("sfh", None, ".5f", "fraction of the mass formed in each age bin", per_bin=True),
    Quantity("mh", u.dex, ".3f", "[M/H] of the stars formed in each age bin", per_bin=True),
    Quantity("mw_logage", u.dex(u.yr), ".3f", "mean log10 age, weighted by formed mass"),
    Quantity("lw_logage", u.dex(u.yr), ".3f", "mean log10 age, weighted by dust-free F555W light"),
    Quantity("mw_mh", u.dex, ".3f", "mean [M/H], weighted by formed mass"),
    Quantity("lw_mh", u.dex, ".3f", "mean [M/H], weighted by dust-free F555W light"),
    Quantity("logml", u.dex(u.Msun / u.Lsun), ".3f", "log10 of formed mass per F555W luminosity"),
    Quantity("av", u.mag, ".3f", "V-band attenuation by the diffuse dust"),
    Quantity("surprise", None, ".2f", "how unlike the training set; high = do not trust",
             percentiles=False),
    Quantity("flag", None, "d", "bit mask: "
             + ", ".join(f"{bit.value} {text}" for bit, text in MEANING.items()),
             percentiles=False),
)  # fmt: skip

ANSWER_NAMES = [name for quantity in COLUMNS for name in quantity.columns]
"""All columns of the result table, also the names of the model's outputs."""


def result_table(answers, model_info):
    """The table of a prediction.

    Parameters
    ----------
    answers : dict of arrays by column name, one row each; (n, 16) where per bin
    model_info : dict, the model's ``model.json``

    Returns
    -------
    table : astropy QTable; NaN in the rows whose flag has ``NO_DATA``, there is no answer there
    """
    flag = np.asarray(answers["flag"], np.int32)
    unanswered = (flag & Flag.NO_DATA) > 0
    table = QTable()
    for quantity in COLUMNS:
        for name in quantity.columns:
            if name == "flag":
                column = Column(flag)
            else:
                values = np.array(answers[name], np.float32)
                values[unanswered] = np.nan
                column = values if quantity.unit is None else _with_unit(values, quantity.unit)
            table[name] = column
            table[name].info.format = quantity.format
            table[name].info.description = _described(quantity, name)
    table.meta.update(result_meta(model_info))
    return table


def _with_unit(values, unit):
    # dex(yr) and the like are units of logarithms, with a class of their own.
    kind = u.Dex if isinstance(unit, u.FunctionUnitBase) and unit != u.dex else u.Quantity
    return kind(values, unit, dtype=np.float32)


def _described(quantity, name):
    if not quantity.percentiles:
        return quantity.meaning
    return f"{quantity.meaning}, {name[-2:]}th percentile of the posterior"


def result_meta(model_info):
    """What a result must be read with (dict with FITS-sized keys)."""
    served = {"SERVER": model_info["server"]} if "server" in model_info else {}
    return {
        "AGEBINS": " ".join(f"{edge:g}" for edge in ages.EDGES_MYR),
        "AGEUNIT": "Myr",
        "MODEL": str(model_info["name"]),
        "MODELVER": str(model_info["version"]),
        "INSTRUME": str(model_info["instrument"]["name"]),
        "ZSUN": float(model_info["z_sun"]),
        "CREATOR": f"phangs-sfh {__version__}",
        **served,
    }
