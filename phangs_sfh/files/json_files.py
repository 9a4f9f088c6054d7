"""JSON that comes from outside: read, bounded and checked against one definition, or one line.

A definition is a ``Fields`` class, or a dataclass, in the room that the file belongs to. It is
checked when the file is read, before any work.
"""

import json
import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from phangs_sfh.errors import InputError

LARGEST = 200e6  # bytes
DEEPEST = 40  # lists and objects within each other
LONGEST_TEXT = 100_000  # characters
LARGEST_INTEGER = 2**63

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f/\\]+$")]
"""What may become part of a file's name or a header."""

Text = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Count = Annotated[int, Field(ge=0, le=10**12)]
Positive = Annotated[float, Field(gt=0, le=1e30)]
Finite = Annotated[float, Field(ge=-1e30, le=1e30)]


class Fields(BaseModel):
    """An object's fields and what they may be; more than these may be there."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


def parse(text, source, remedy):
    """Content of JSON that is sound: numbers finite, no deeper or longer than makes sense.

    Parameters
    ----------
    text : str or bytes
    source : file (and field), to begin a refusal with
    remedy : what to do about it, to end the refusal with

    Raises
    ------
    InputError
        If it is no JSON, or such.
    """
    try:
        content = json.loads(text)
        _check_sound(content)
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:150]
        raise InputError(f"{source}: not JSON ({reason}); {remedy}") from None
    return content


def read_json(path, kind, remedy):
    """Content of a JSON file, a dict, that is as ``kind`` says.

    Parameters
    ----------
    path : Path
    kind : as for ``check``
    remedy : what to do about it, to end the refusal with

    Raises
    ------
    InputError
        Names file, field and remedy.
    OSError
        If there is no such file, or it cannot be read.
    """
    with open(path, "rb") as file:
        text = file.read(int(LARGEST) + 1)
    if len(text) > LARGEST:
        raise InputError(f"{path}: is larger than {LARGEST / 1e6:g} MB; {remedy}")
    content = parse(text, path, remedy)
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no fields; {remedy}")
    check(content, kind, path, remedy)
    return content


def check(content, kind, source, remedy):
    """Hold JSON content against its definition.

    Parameters
    ----------
    content : what was parsed
    kind : a ``Fields`` class, a dataclass, or any type that pydantic knows
    source, remedy : as for ``parse``

    Returns
    -------
    found : instance of ``kind``

    Raises
    ------
    InputError
        Names the first field that is missing or wrong.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])[:100]
        reason = first["msg"][:1].lower() + first["msg"][1:150]
        if first["type"] == "missing":
            reason = "is missing"
        where = f"{source}: field '{field}'" if field else source
        raise InputError(f"{where}: {reason}; {remedy}") from None


def _check_sound(content, depth=0):
    """Raise ValueError for numbers and texts that nothing can be made of."""
    if depth > DEEPEST:
        raise ValueError(f"more than {DEEPEST} levels deep")
    if isinstance(content, dict):
        _check_sound(list(content), depth)
        content = list(content.values())
    if isinstance(content, list):
        for value in content:
            _check_sound(value, depth + 1)
    elif isinstance(content, float) and not math.isfinite(content):
        raise ValueError(f"{content} is no number")
    elif isinstance(content, int) and not -LARGEST_INTEGER < content < LARGEST_INTEGER:
        raise ValueError("an integer of more than 64 bits")
    elif isinstance(content, str):
        if len(content) > LONGEST_TEXT:
            raise ValueError(f"a text of {len(content)} characters")
        content.encode()  # lone surrogates are no text
