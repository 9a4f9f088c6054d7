"""What ``library.json`` and the ``plan.json`` of a library under way may hold: one definition."""

from typing import Annotated, Literal

from pydantic import Field

from phangs_sfh.errors import InputError
from phangs_sfh.files.json_files import Count, Fields, Name, Positive, Text
from phangs_sfh.instrument.description import read_instrument
from phangs_sfh.library.plan import SCHEMA_VERSION
from phangs_sfh.problems.catalogue import described_by

REMEDY = "build the library anew with make-library"


class Shard(Fields):
    """A file of a library; in its folder, not elsewhere."""

    file: Name
    n_galaxies: Count
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Split(Fields):
    shards: list[Shard]


class Gas(Fields):
    states: dict[str, Annotated[float, Field(ge=0, le=1e30)]] = {}


class Prior(Fields):
    """What reading a library needs of its prior; drawing from it needs more (``priors``)."""

    name: Text = ""
    observing: dict = {}
    gas: Gas = Gas()


class Ssp(Fields):
    z_sun: Positive | None = None


class Plan(Fields):
    """``plan.json``: all of ``library.json`` but for the shards."""

    schema_version: int
    name: Name
    n_galaxies: Annotated[int, Field(ge=3, le=10**12)]
    seed: Annotated[int, Field(ge=0)]
    instrument: dict
    problem: Name = "histories"
    inputs: list[str] = []
    labels: list[dict] = []
    prior: Prior | None = None
    ssp: Ssp = Ssp()
    ssp_of: dict[str, Ssp] = {}
    emission_lines: Literal["modelled", "masked"] = "masked"


class LibraryFields(Plan):
    """``library.json``."""

    splits: dict[str, Split]


def understood(content, path):
    """Instrument and what is inferred of a library's content, which is as ``Plan`` says.

    Parameters
    ----------
    content : dict
    path : of the file that it is from

    Returns
    -------
    instrument : Instrument; described : Described

    Raises
    ------
    InputError
        Names the field that makes no sense.
    """
    version = content["schema_version"]
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema_version is {version}, this version reads {SCHEMA_VERSION}; {REMEDY}"
        )
    made_for = read_instrument(content["instrument"], f"{path}: field 'instrument'", REMEDY)
    return made_for, described_by(content, path)
