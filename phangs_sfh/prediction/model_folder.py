"""Where an exported model lies, and what its folder says of it."""

from importlib import resources
from pathlib import Path

from phangs_sfh.errors import InputError
from phangs_sfh.files import model_json
from phangs_sfh.instrument.description import read_instrument

NEEDED = ("schema_version", "name", "version", "instrument", "z_sun", "emission_lines")
RELEASED = "phangs"


def released_model(name=RELEASED):
    """Folder of the newest version of a released model.

    Raises
    ------
    InputError
        If the installed package has none.
    """
    root = Path(str(resources.files("phangs_sfh.saved_models"))) / name
    versions = [p for p in root.glob("*") if p.name.isdecimal() and p.is_dir()]
    if not versions:
        raise InputError(f"{root}: no released model is installed; name one with --model")
    return max(versions, key=lambda path: int(path.name))


def find_model(path=None):
    """Folder of a model: ``path`` itself, or that of the released model of this name."""
    if path is None:
        return released_model()
    if not Path(path).exists() and Path(path).name == str(path):
        folder = Path(str(resources.files("phangs_sfh.saved_models"))) / str(path)
        return released_model(str(path)) if folder.is_dir() else Path(path)
    return Path(path)


def read_description(path=None):
    """What a model's folder says of it, without loading it.

    Parameters
    ----------
    path : folder with saved_model.pb and model.json, or the name of a released model; default the
        newest version of ``phangs``

    Returns
    -------
    path : Path; info : dict, content of model.json; instrument : Instrument

    Raises
    ------
    InputError
        If there is no model, or its description is damaged or of another schema.
    """
    path = find_model(path)
    info = _read_info(path)
    field = f"{path / model_json.FILE}: field 'instrument'"
    return path, info, read_instrument(info["instrument"], field, "export the model again")


def _read_info(path):
    """Content of model.json of an exported model."""
    if not path.is_dir():
        raise InputError(f"{path}: no such model folder; give one with saved_model.pb in it")
    if not (path / "saved_model.pb").is_file():
        raise InputError(f"{path}: not a model: saved_model.pb is missing; give .../NAME/VERSION")
    return model_json.read(path, NEEDED, "export the model again")


def check_instrument(path, theirs, ours):
    """Raise InputError unless a model's instrument and that of the data agree."""
    if not theirs.same_as(ours):
        raise InputError(
            f"{path}: the model is for instrument '{theirs.name}', the data are for '{ours.name}' "
            "(grid, LSF or bands differ); use a model trained for it"
        )
