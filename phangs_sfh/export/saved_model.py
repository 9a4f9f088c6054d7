"""Export: a trained network as a SavedModel that TensorFlow alone can serve.

Everything between the numbers a user has and the columns of the result table is inside the graph:
cleaning, network, posterior, percentiles, surprise and flags.
"""

import json
import shutil
from dataclasses import replace
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
from phangs_sfh.observations.flags import Flag, Used
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
    constants : dict of arrays, from ``training_set.measure_training_set``
    described : Described, what is inferred from what
    widths : dict, width of each input tensor by name, from ``problems.inputs.sizes``
    """

    def __init__(self, model, spec, constants, described, widths):
        super().__init__(name="phangs_sfh")
        labels, assumptions = described.labels, described.assumptions
        last = model.get_layer("params")
        outputs = {"hidden": last.input, "latent": model.get_layer("latent").output}
        network = behind_cleaning(model, outputs)
        head = FusedHead(spec, labels.cut, *last.get_weights(), variable=tf.Variable)
        self.weights = [variable.value for variable in network.weights]
        self.head_weights = head.weights
        options = assumptions.options if assumptions else [None]
        self.functions = {}
        for number, option in enumerate(options):
            told = None if option is None else np.eye(len(options), dtype=np.float32)[number]
            own = training_set.constants_under(constants, option)
            answers = _Answers(labels, network, head, told, own)
            for kind, function in answers.signatures(widths).items():
                name = kind if option is None else assumptions.signature(option, kind)
                self.functions[name] = function

    def save(self, folder):
        """Write the SavedModel, with all signatures, into ``folder``."""
        tf.saved_model.save(self, str(folder), signatures=dict(self.functions))
        _slim(Path(folder) / "saved_model.pb")


def _slim(path):
    """Take the shapes of all tensors out of a saved graph: they are worked out again on loading."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel.FromString(path.read_bytes())
    for graph in (meta.graph_def for meta in saved.meta_graphs):
        for function in graph.library.function:
            for node in function.node_def:
                node.attr.pop("_output_shapes", None)
    path.write_bytes(saved.SerializeToString(deterministic=True))


class _Answers:
    """What the network answers under one assumption.

    Parameters
    ----------
    labels : Labels
    network : keras.Model behind the cleaning, giving ``hidden`` and ``latent``
    head : FusedHead
    told : (options,) array, the one-hot assumption; None for a network that knows none
    constants : dict of arrays
    """

    def __init__(self, labels, network, head, told, constants):
        self.labels, self.network, self.head = labels, network, head
        self.told, self.constants = told, constants

    def signatures(self, widths):
        """``serving_default`` and ``posterior`` as functions of arrays (dict)."""
        shapes = [tf.TensorSpec([None, n], tf.float32, name) for name, n in widths.items()]

        @tf.function(input_signature=shapes, autograph=False)
        def serving_default(*arrays):
            return self.percentiles(*self._clean(widths, arrays))

        @tf.function(input_signature=shapes, autograph=False)
        def posterior(*arrays):
            return self.draws(*self._clean(widths, arrays))

        return {"serving_default": serving_default, "posterior": posterior}

    def percentiles(self, n, inputs, present):
        """Columns of the result table."""
        constants, outputs = self.constants, self._run(inputs)
        levels = {key: constants[key] for key in ("levels_knots", "levels") if key in constants}
        columns = marginal_quantiles(self.labels, *self.head.marginals(outputs["hidden"]), levels)
        columns, sound = _answered(columns, present, constants)
        distances = surprise.measure(outputs["latent"], inputs, present, constants)
        value = surprise.surprise(distances, constants)
        value = tf.where(sound, value, surprise.MAX_SURPRISE)
        columns["surprise"] = tf.where(_empty(present), 0.0, value)
        columns["flag"] = _flag(self.labels, columns, present, constants)
        columns["used"] = _used(present)
        return {name: values[:n] for name, values in columns.items()}

    def draws(self, n, inputs, present):
        """Joint samples by label."""
        tails = recalibration.tails_of(self.constants)
        columns = samples(self.labels, *self.head(self._run(inputs)["hidden"]), tails=tails)
        columns, _ = _answered(columns, present, self.constants)
        return {name: values[:n] for name, values in columns.items()}

    def _clean(self, widths, arrays):
        """Number of rows asked for, cleaned inputs and what there is."""
        n, arrays = _never_empty(*arrays)
        return n, *clean(dict(zip(widths, arrays, strict=True)))

    def _run(self, inputs):
        arrays = in_order(inputs)
        if self.told is not None:
            rows = tf.shape(arrays[0])[0]
            arrays = [*arrays, tf.broadcast_to(self.told, [rows, len(self.told)])]
        return self.network(arrays, training=False)


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


def _flag(labels, columns, present, constants):
    """Bits for what makes an answer doubtful."""
    empty = _empty(present)
    raised = {Flag.NO_DATA: [empty]}
    raised[Flag.HIGH_SURPRISE] = [columns["surprise"] >= surprise.HIGH_SURPRISE]
    raised[Flag.PRIOR_EDGE], raised[Flag.VELOCITY] = [], []
    for label in labels:
        low, middle, high = (columns[f"{label.name}_{percentile}"] for percentile in PERCENTILES)
        if label.edges:
            lowest, highest = (float(edge) for edge in constants[f"edges_{label.name}"])
            raised[Flag.PRIOR_EDGE].append(~empty & ((low < lowest) | (high > highest)))
        if label.flag_beyond:
            raised[Flag.VELOCITY].append(~empty & (tf.abs(middle) > label.flag_beyond))
    return _bits({bit: tf.reduce_any(ups, axis=0) for bit, ups in raised.items() if ups})


def _used(present):
    """Bits for what there was of each kind of data."""
    raised = {}
    if "spectrum" in present:
        pixels = present["spectrum"]
        n_pixels = tf.reduce_sum(tf.cast(pixels, tf.int32), axis=-1)
        fewest = int(np.ceil((1.0 - flags.PARTIAL_FRACTION) * pixels.shape[-1]))
        raised |= {Used.SPECTRUM: n_pixels > 0, Used.WHOLE_SPECTRUM: n_pixels >= fewest}
    if "bands" in present:
        bands = present["bands"]
        raised[Used.BANDS] = tf.reduce_any(bands, axis=-1)
        raised[Used.ALL_BANDS] = tf.reduce_all(bands, axis=-1)
    return _bits(raised)


def _bits(raised):
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
    described = described_by(description, run_folder / DESCRIPTION)
    constants = _constants(run_folder, model, description, described, library)
    widths = sizes(described.inputs, Instrument.from_dict(description["instrument"]))
    served = ServedModel(model, posterior_of(description), constants, described, widths)
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


def _constants(run_folder, model, description, described, library):
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
    if described.assumptions not in (None, opened.described.assumptions):
        raise InputError(
            f"{library}: has other assumptions than the run {run_folder}; name the run's --library"
        )
    count = len(described.assumptions) if described.assumptions else 1
    limits = {"train": N_TRAIN * count, "valid": None}
    examples = {split: records.load(opened, split, limit) for split, limit in limits.items()}
    stored = description.get("training", {}).get("conditions")
    conditions = None if stored is None else ObservingConditions.from_dict(stored)
    survey = replace(opened.survey(conditions), described=described)
    spec = posterior_of(description)
    constants = measure_training_set(model, examples, survey, spec)
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
    found = []
    for label in labels.reported:
        shaped = {"unit": label.unit, "shape": list(label.shape)}
        asked = {label.name: label.text}
        if label.older:
            asked[label.older] = f"{label.text}, this and all later ones together"
        found += [
            {"name": f"{name}_{p}", **shaped, "meaning": f"{p[1:]}th percentile of the {text}"}
            for name, text in asked.items()
            for p in PERCENTILES
        ]
        if label.mean:
            found.append({"name": label.mean, **shaped, "meaning": f"posterior mean, {label.text}"})
    rest = {"surprise": "-log10 of the share of training-like data at least as odd"}
    for name, bits in {"flag": Flag, "used": Used}.items():
        rest[name] = "sum of bits: " + ", ".join(f"{int(bit)} {bit.name}" for bit in bits)
    return found + [
        {"name": name, "unit": "", "shape": [], "meaning": meaning}
        for name, meaning in rest.items()
    ]
