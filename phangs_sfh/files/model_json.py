"""``model.json``, which describes a network beside its weights: the one place that reads it."""

import json
from pathlib import Path

from phangs_sfh.errors import InputError

FILE = "model.json"
SCHEMA_VERSION = 1


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
        content = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: missing; give the folder of a model, or {remedy}") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); {remedy}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no fields, 'schema_version' is missing; {remedy}")
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
