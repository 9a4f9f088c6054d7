"""Export: a trained network as a SavedModel that TensorFlow alone can serve.

Everything between the numbers a user has and the columns of the result table is inside the graph:
cleaning, network, posterior, percentiles, surprise and flags.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf
from keras import ops

from phangs_sfh.errors import InputError
from phangs_sfh.export.allowed_ops import check_saved_model
from phangs_sfh.export.warm_up import write_requests
from phangs_sfh.files import checksums, model_json
from phangs_sfh.files.paths import PathLike
from phangs_sfh.files.whole import check_replaceable, whole_folder
from phangs_sfh.instrument.description import Instrument
from phangs_sfh.network.cleaning import clean, in_order
from phangs_sfh.network.model import behind_cleaning, load_model
from phangs_sfh.observations import flags
from phangs_sfh.observations.flags import Flag
from phangs_sfh.posterior import recalibration, surprise, training_set
from phangs_sfh.posterior.density import posterior_of
from phangs_sfh.posterior.fused_head import FusedHead
from phangs_sfh.posterior.marginals import marginal_quantiles
from phangs_sfh.posterior.quantiles import PERCENTILES
from phangs_sfh.posterior.samples import samples
from phangs_sfh.problems.catalogue import described_by
from phangs_sfh.problems.inputs import sizes

WEIGHTS, DESCRIPTION, CARD = "model.keras", model_json.FILE, "model_card.md"
OWN = (
    "saved_model.pb", "variables", "assets", "assets.extra", "fingerprint.pb", WEIGHTS,
    DESCRIPTION, CARD, checksums.FILE,
)  # fmt: skip
"""All that a version's folder holds."""

NEEDED = ("schema_version", "instrument", "posterior")


class ServedModel(tf.Module):
    """The network with all that surrounds it.

    Plain variables and functions, no Keras object: nothing of Keras is needed to load it.

    Parameters
    ----------
    model : keras.Model with a layer ``latent`` and a last, dense layer ``params``
    spec : PosteriorSpec
    constants : dict of arrays, from ``training_set.measure_constants``
    labels : Labels
    widths : dict, width of each input tensor by name, from ``problems.inputs.sizes``
    """

    def __init__(self, model, spec, constants, labels, widths):
        super().__init__(name="phangs_sfh")
        last = model.get_layer("params")
        outputs = {"hidden": last.input, "latent": model.get_layer("latent").output}
        network = behind_cleaning(model, outputs)
        head = FusedHead(spec, labels.cut, *last.get_weights(), variable=tf.Variable)
        self.weights = [variable.value for variable in network.weights]
        self.head_weights = head.weights
        shapes = [tf.TensorSpec([None, n], tf.float32, name) for name, n in widths.items()]
        levels = {key: constants[key] for key in ("levels_knots", "levels") if key in constants}

        def run(arrays):
            """Number of rows; what the network makes of cleaned inputs; the inputs themselves."""
            n, arrays = _never_empty(*arrays)
            inputs, present = clean(dict(zip(widths, arrays, strict=True)))
            return n, network(in_order(inputs), training=False), inputs, present

        @tf.function(input_signature=shapes, autograph=False)
        def serving_default(*arrays):
            n, outputs, inputs, present = run(arrays)
            columns = marginal_quantiles(labels, *head.marginals(outputs["hidden"]), levels)
            columns, sound = _answered(columns, present, constants)
            distances = surprise.measure(outputs["latent"], inputs, present, constants)
            value = surprise.surprise(distances, constants)
            value = tf.where(sound, value, surprise.MAX_SURPRISE)
            columns["surprise"] = tf.where(_empty(present), 0.0, value)
            columns["flag"] = _flag(present, columns["surprise"])
            return {name: values[:n] for name, values in columns.items()}

        @tf.function(input_signature=shapes, autograph=False)
        def posterior(*arrays):
            n, outputs, _, present = run(arrays)
            tails = recalibration.tails_of(constants)
            columns = samples(labels, *head(outputs["hidden"]), tails=tails)
            columns, _ = _answered(columns, present, constants)
            return {name: values[:n] for name, values in columns.items()}

        self.serving_default = serving_default
        self.posterior = posterior

    def save(self, folder):
        """Write the SavedModel, with both signatures, into ``folder``."""
        signatures = {"serving_default": self.serving_default, "posterior": self.posterior}
        tf.saved_model.save(self, str(folder), signatures=signatures)


def _never_empty(*arrays):
    """Number of rows, and the arrays with one row of zeros if there is none.

    oneDNN's convolutions give no rows the wrong shape. Nothing is copied if nothing is added.
    """
    n = tf.shape(arrays[0])[0]
    extra = tf.cast(tf.equal(n, 0), tf.int32)
    return n, [tf.pad(array, [[0, extra], [0, 0]]) for array in arrays]


def _empty(present):
    some = [tf.reduce_any(usable, axis=-1) for usable in present.values()]
    return ~tf.reduce_any(tf.stack(some), axis=0)


def _answered(columns, present, constants):
    """The prior in rows without data, or where the network did not give a finite answer.

    Returns
    -------
    columns : dict, as it came
    sound : (n,) boolean tensor, True where all is finite
    """
    empty = _empty(present)
    n = tf.shape(empty)[0]
    flat = [tf.reshape(values, (n, int(np.prod(values.shape[1:])))) for values in columns.values()]
    sound = ops.isfinite(tf.reduce_sum(tf.concat(flat, axis=-1), axis=-1))
    keep = sound & ~empty
    answered = {}
    for name, values in columns.items():
        chosen = tf.reshape(keep, [-1] + [1] * (len(values.shape) - 1))
        answered[name] = tf.where(chosen, values, constants[f"prior_{name}"])
    return answered, sound


def _flag(present, value):
    """Bits for what is missing of the kinds of input that the problem has, and for surprise."""
    raised = {Flag.NO_DATA: _empty(present), Flag.HIGH_SURPRISE: value >= surprise.HIGH_SURPRISE}
    if "spectrum" in present:
        pixels = present["spectrum"]
        n_pixels = tf.reduce_sum(tf.cast(pixels, tf.int32), axis=-1)
        fewest = int(np.ceil((1.0 - flags.PARTIAL_FRACTION) * pixels.shape[-1]))
        raised[Flag.NO_SPECTRUM] = n_pixels == 0
        raised[Flag.SPECTRUM_PARTIAL] = (n_pixels > 0) & (n_pixels < fewest)
    if "bands" in present:
        bands = present["bands"]
        n_bands = tf.reduce_sum(tf.cast(bands, tf.int32), axis=-1)
        raised[Flag.NO_BANDS] = n_bands == 0
        raised[Flag.SOME_BANDS_MISSING] = (n_bands > 0) & (n_bands < bands.shape[-1])
    return tf.add_n([tf.cast(up, tf.int32) * int(bit) for bit, up in raised.items()])


def export_model(
    run_folder: PathLike,
    out_folder: PathLike,
    library: PathLike | None = None,
    overwrite: bool = False,
) -> Path:
    """Export a finished run of ``fit``.

    Parameters
    ----------
    run_folder : path, with ``model.keras``, ``model.json``, ``reference.npz`` and perhaps
        ``model_card.md``
    out_folder : path, ``NAME`` (the next free version is made in it) or ``NAME/VERSION``
    library : path of the library trained on; measured, and the run's ``reference.npz`` written, if
        that is missing
    overwrite : bool, replace an existing version

    Returns
    -------
    folder : Path of the version written

    Raises
    ------
    InputError
        If a file of the run is missing or damaged, or the version exists.
    OSError
        Disk full or unwritable; nothing is left behind.

    Examples
    --------
    ``saved_models/mine/run`` is the run that ``fit`` left:

    >>> import phangs_sfh as ps
    >>> print(ps.export_model("saved_models/mine/run", "saved_models/mine"))
    saved_models/mine/1
    """
    run_folder = Path(run_folder)
    folder = version_folder(out_folder)
    if folder.exists():
        if not overwrite:
            raise InputError(f"{folder}: exists already; use --overwrite or leave the number out")
        check_replaceable(folder, OWN, "an exported model")
    model_json.read(run_folder, NEEDED)
    model, description = load_model(run_folder)
    constants = _constants(run_folder, model, description, library)
    described = described_by(description, run_folder / DESCRIPTION)
    widths = sizes(described.inputs, Instrument.from_dict(description["instrument"]))
    served = ServedModel(model, posterior_of(description), constants, described.labels, widths)
    description |= {"name": folder.parent.name, "version": int(folder.name)}
    description |= described.to_dict() | {"columns": describe_columns(described.labels)}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder, replace=overwrite) as temporary:
        served.save(temporary)
        check_saved_model(temporary)
        write_requests(temporary, description["name"], widths)
        (temporary / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")
        for name in (WEIGHTS, CARD):
            if (run_folder / name).exists():
                shutil.copyfile(run_folder / name, temporary / name)
        checksums.write(temporary, ("saved_model.pb", "variables", WEIGHTS, DESCRIPTION))
    return folder


def _constants(run_folder, model, description, library):
    """Constants of a run: its ``reference.npz``, or measured on ``library`` and stored there.

    They are those of certain weights: a run that went on has to be measured again.
    """
    path = run_folder / training_set.FILE
    weights = checksums.sha256(run_folder / WEIGHTS)
    if path.exists() or library is None:
        constants = training_set.load_constants(path)
        if str(constants.pop("weights", weights)) == weights:
            return constants
        if library is None:
            raise InputError(f"{path}: was measured with other weights; name the run's --library")
    from phangs_sfh.library import records
    from phangs_sfh.library.observing import ObservingConditions
    from phangs_sfh.posterior.training_set import N_TRAIN, measure_training_set

    opened = records.open_library(library, Instrument.from_dict(description["instrument"]))
    limits = {"train": N_TRAIN, "valid": None}
    examples = {split: records.load(opened, split, limit) for split, limit in limits.items()}
    stored = description.get("training", {}).get("conditions")
    conditions = None if stored is None else ObservingConditions.from_dict(stored)
    spec = posterior_of(description)
    constants = measure_training_set(model, examples, opened.survey(conditions), spec)
    training_set.save_constants(path, constants | {"weights": np.array(weights)})
    return constants


def version_folder(out_folder):
    """``NAME/VERSION`` as it is; for ``NAME``, its next free version (Path)."""
    out_folder = Path(out_folder)
    if out_folder.name.isdecimal():
        return out_folder
    if not out_folder.exists():
        return out_folder / "1"
    if not out_folder.is_dir():
        raise InputError(f"{out_folder}: is a file; give a folder")
    versions = [int(path.name) for path in out_folder.iterdir() if path.name.isdecimal()]
    return out_folder / str(max(versions, default=0) + 1)


def describe_columns(labels):
    """Result columns for ``model.json``: a list of dicts name, unit, shape, meaning."""
    shaped = [
        {
            "name": f"{label.name}_{percentile}",
            "unit": label.unit,
            "shape": list(label.shape),
            "meaning": f"{percentile[1:]}th percentile of the {label.text}",
        }
        for label in labels.reported
        for percentile in PERCENTILES
    ]
    rest = {"surprise": "-log10 of the share of training-like data at least as odd"}
    rest["flag"] = "sum of bits: " + ", ".join(f"{int(bit)} {bit.name}" for bit in Flag)
    return shaped + [
        {"name": name, "unit": "", "shape": [], "meaning": meaning}
        for name, meaning in rest.items()
    ]
