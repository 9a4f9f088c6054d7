"""``model.json``, which describes a network beside its weights: the one place that reads it."""

from pathlib import Path
from typing import Literal

from phangs_sfh.errors import InputError
from phangs_sfh.files.json_files import Count, Fields, Finite, Name, Positive, read_json

FILE = "model.json"
SCHEMA_VERSION = 1


class PosteriorFields(Fields):
    """``posterior``; empty for a model that is no network of this package."""

    n_components: Count = 1
    n_leading: Count = 0
    mean: list[Finite] = []
    scale: list[Positive] = []
    sigma_floor: Finite = 0.0
    leading_weight: Finite = 0.0
    mean_weight: Finite = 0.0


class ModelFields(Fields):
    """``model.json``. Instrument, inputs and labels have definitions of their own."""

    schema_version: int = SCHEMA_VERSION
    name: Name = "model"
    version: Name | Count = 1
    instrument: dict = {}
    z_sun: Positive | None = None
    z_sun_of: dict[str, Positive] = {}
    emission_lines: Literal["modelled", "masked"] = "masked"
    problem: Name = "histories"
    inputs: list[str] = []
    labels: list[dict] = []
    posterior: PosteriorFields = PosteriorFields()
    network: dict[str, Count | list[Count]] = {}
    training: dict = {}


def read(folder, needed=(), remedy="train the model anew"):
    """The content of a run's or an exported model's ``model.json``.

    Parameters
    ----------
    folder : path of the run or model
    needed : names of fields that must be there
    remedy : what the user is told to do if the file is no good

    Returns
    -------
    content : dict

    Raises
    ------
    InputError
        If the file is missing, not JSON, lacks a field or is of another schema.
    """
    path = Path(folder) / FILE
    try:
        content = read_json(path, ModelFields, remedy)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: missing; give the folder of a model, or {remedy}") from None
    for field in needed:
        if field not in content:
            raise InputError(f"{path}: field '{field}' is missing; {remedy}")
    version = content.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema_version is {version}, this package reads {SCHEMA_VERSION}; "
            f"{remedy}, or use the version of phangs-sfh that wrote it"
        )
    return content
