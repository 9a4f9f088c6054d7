"""From observations to the result table, by the exported model.

The SavedModel is run as it would be served, so a served answer and a predicted one are the same.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.files import checksums, model_json
from phangs_sfh.instrument.description import Instrument
from phangs_sfh.prediction.results import ANSWER_NAMES, result_table

NEEDED = ("schema_version", "name", "version", "instrument", "z_sun", "emission_lines")
RELEASED = "phangs"
MIN_BATCH = 32


@dataclass(frozen=True)
class Model:
    """An exported model, loaded.

    Attributes
    ----------
    path : Path
    info : dict, its model.json
    instrument : Instrument
    saved : the SavedModel; its signatures live as long as it does
    """

    path: Path
    info: dict
    instrument: Instrument
    saved: object
    in_flight = 1

    @property
    def masks_emission_lines(self):
        """True if the model knows no gas and must not be shown emission lines."""
        return self.info["emission_lines"] == "masked"

    def answer(self, **inputs):
        """Run ``serving_default`` on float32 arrays; dict of arrays."""
        import tensorflow as tf

        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        outputs = self.saved.signatures["serving_default"](**tensors)
        return {name: value.numpy() for name, value in outputs.items()}


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


def load_model(path=None, instrument=None):
    """Load an exported model.

    Parameters
    ----------
    path : folder with saved_model.pb and model.json, or the name of a released model; default the
        newest version of ``phangs``
    instrument : Instrument that the data were taken with; if given, the model's must agree

    Raises
    ------
    InputError
        If there is no model, it is damaged or of another schema, or is for another instrument.
    """
    path, info, theirs = read_description(path)
    if instrument is not None:
        check_instrument(path, theirs, instrument)
    checksums.verify(path, remedy="copy or export the model again")
    import tensorflow as tf

    try:
        saved = tf.saved_model.load(str(path))
        outputs = set(saved.signatures["serving_default"].structured_outputs)
    except Exception as error:  # TensorFlow has no common error for a damaged SavedModel
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path}: the SavedModel cannot be loaded ({reason}); export or copy it again"
        ) from None
    absent = [name for name in ANSWER_NAMES if name not in outputs]
    if absent:
        raise InputError(
            f"{path}: the SavedModel's serving_default lacks output '{absent[0]}'; export it again"
        )
    return Model(path=path, info=info, instrument=theirs, saved=saved)


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
    return path, info, _instrument(path, info)


def _read_info(path):
    """Content of model.json of an exported model."""
    if not path.is_dir():
        raise InputError(f"{path}: no such model folder; give one with saved_model.pb in it")
    if not (path / "saved_model.pb").is_file():
        raise InputError(f"{path}: not a model: saved_model.pb is missing; give .../NAME/VERSION")
    return model_json.read(path, NEEDED, "export the model again")


def _instrument(path, info):
    try:
        return Instrument.from_dict(info["instrument"])
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path / 'model.json'}: field 'instrument' is damaged ({error}); export it again"
        ) from None


def check_instrument(path, theirs, ours):
    """Raise InputError unless a model's instrument and that of the data agree."""
    if not theirs.same_as(ours):
        raise InputError(
            f"{path}: the model is for instrument '{theirs.name}', the data are for '{ours.name}' "
            "(grid, LSF or bands differ); use a model trained for it"
        )


def predict(observations, model, batch_size=256, progress=None):
    """Answer every row.

    Rows go through the model in batches filled up with empty rows to a few fixed sizes. No row's
    answer depends on another's, nor, but for rounding, on the batch.

    Parameters
    ----------
    observations : Observations
    model : Model, or RemoteModel
    batch_size : int
    progress : callable, given how many more rows are done

    Returns
    -------
    table : QTable, see ``results``

    Raises
    ------
    InputError
        If the model is for another instrument.
    """
    check_instrument(model.path, model.instrument, observations.instrument)
    n = len(observations)
    inputs = observations.inputs()
    answers = {}
    batches = [slice(start, min(start + batch_size, n)) for start in range(0, n, batch_size)]
    for rows, found in zip(batches, _answered(inputs, batches, batch_size, model), strict=True):
        count = rows.stop - rows.start
        for name, value in found.items():
            if name not in answers:
                answers[name] = np.empty((n, *value.shape[1:]), value.dtype)
            answers[name][rows] = value[:count]
        if progress is not None:
            progress(count)
    answers["flag"] = answers["flag"] | observations.flags
    return result_table(answers, model.info)


def _answered(inputs, batches, batch_size, model):
    """Answers to slices of the inputs, in order; several at once if the model is on a server."""

    def answer(rows):
        size = _batch_shape(rows.stop - rows.start, batch_size)
        return model.answer(
            **{name: _filled_up(value[rows], size) for name, value in inputs.items()}
        )

    if model.in_flight == 1:
        yield from map(answer, batches)
        return
    with ThreadPoolExecutor(model.in_flight) as pool:
        yield from pool.map(answer, batches)


def _batch_shape(count, batch_size):
    """Rows to run ``count`` rows with: the next power of two, so that few shapes are ever met."""
    return min(batch_size, max(MIN_BATCH, 1 << (count - 1).bit_length()))


def _filled_up(rows, size):
    """Rows with zeros, which mean missing, added to ``size`` rows."""
    if len(rows) == size:
        return rows
    return np.concatenate([rows, np.zeros((size - len(rows), *rows.shape[1:]), rows.dtype)])
