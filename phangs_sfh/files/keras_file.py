"""What a ``.keras`` file may hold: the network's own layers and plain ones, looked at before Keras.

Such a file names the classes it is made of, and Keras makes them, with what the file says. Some
read files or load other models, and which do changes from version to version. So the classes are
listed here; the rest is refused by name.
"""

import json
import zipfile
import zlib
from pathlib import Path

from phangs_sfh.errors import InputError

MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}
LARGEST = 2**32  # bytes, of what is unpacked: networks of ours have some 10 MB
OURS = "phangs_sfh>"
PLAIN = {
    "keras": {"DTypePolicy", "Sequential"},
    "keras.initializers": {
        "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal",
        "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal",
        "VarianceScaling", "Zeros",
    },
    "keras.layers": {
        "Activation", "Add", "AveragePooling1D", "AveragePooling2D", "BatchNormalization",
        "Concatenate", "Conv1D", "Conv2D", "Dense", "DepthwiseConv1D", "DepthwiseConv2D",
        "Dropout", "EinsumDense", "Flatten", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
        "GroupNormalization", "InputLayer", "LayerNormalization", "MaxPooling1D", "MaxPooling2D",
        "MultiHeadAttention", "Multiply", "Permute", "RepeatVector", "Reshape",
        "SeparableConv1D", "SeparableConv2D", "Softmax", "Subtract",
    },
    "keras.src.models.functional": {"Functional"},
    None: {"__keras_tensor__"},
}  # fmt: skip


def check_keras(path, remedy="copy or train it anew"):
    """Raise InputError unless a ``.keras`` file is whole and holds classes of the list alone."""
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if {member.filename for member in members} != MEMBERS or len(members) > len(MEMBERS):
                raise ValueError("its parts are not those of a network")
            if sum(member.file_size for member in members) > LARGEST:
                raise ValueError("its parts are too large")
            damaged = archive.testzip()
            if damaged:
                raise ValueError(f"its part {damaged} is damaged")
            found = sorted(set(_foreign(json.loads(archive.read("config.json")))))
        if found:
            raise ValueError(f"holds '{found[0]}', which no network of this package has")
    except (ValueError, OSError, EOFError, RecursionError, NotImplementedError,
            zlib.error, zipfile.BadZipFile) as error:  # fmt: skip
        reason = " ".join(str(error).split())[:150] or type(error).__name__
        raise InputError(f"{path}: cannot be read ({reason}); {remedy}") from None


def _foreign(content):
    """Classes that are not listed, as MODULE.NAME, of a config and all within it."""
    if isinstance(content, dict):
        if "class_name" in content and not _is_listed(content):
            yield f"{content.get('module')}.{content['class_name']}"
        content = content.values()
    elif not isinstance(content, list):
        return
    for part in content:
        yield from _foreign(part)


def _is_listed(content):
    name, module = content["class_name"], content.get("module")
    registered = content.get("registered_name")
    if not isinstance(name, str) or not isinstance(module, str | None):
        return False
    if registered == f"{OURS}{name}":
        return (module or "").startswith("phangs_sfh.")
    return name in PLAIN.get(module, ()) and registered in (None, name)
