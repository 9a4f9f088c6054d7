"""Training: library to model, on one device or mirrored over several, resumable after a kill."""

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
import tensorflow as tf

from phangs_sfh.errors import InputError
from phangs_sfh.files import model_json
from phangs_sfh.files.whole import whole_file, write_text
from phangs_sfh.instrument.description import read_instrument
from phangs_sfh.library import batches, records
from phangs_sfh.library.observing import ObservingConditions
from phangs_sfh.network.model import (
    NetworkSpec,
    build_model,
    load_description,
    load_model,
    set_typical,
)
from phangs_sfh.posterior.density import PosteriorSpec, posterior_of
from phangs_sfh.problems.catalogue import described_by
from phangs_sfh.training import checkpoints, run_folder
from phangs_sfh.training.optimizer import WholeBatchAdamW

REFERENCE_GALAXIES = 4096
STANDARDISED_BY = 20_000  # galaxies
VALID_BATCH = 512
USUAL_RATE = 3e-3  # at a batch of 256


@dataclass(frozen=True)
class FitSettings:
    """How to train; everything that decides the result, JSON-able.

    What is None follows from library and start when a run begins (``settled``).

    Attributes
    ----------
    epochs, batch_size (over all replicas), seed
    learning_rate : peak, reached after ``warm_up`` of all steps, then a cosine down to 1 %; by
        default ``scaled_learning_rate``
    weight_decay : of AdamW (Loshchilov & Hutter 2019), not on biases and norms
    clip_norm : largest norm of the whole gradient
    n_components : normals in the posterior
    start_from : folder of a trained model whose weights and target units are taken over
    network : NetworkSpec; by default that of ``start_from``, else the usual one
    conditions : ObservingConditions; by default those of the library's prior
    stream : read the library from disk in every epoch; by default only if it does not fit memory
    """

    epochs: int = 15
    batch_size: int = 256
    seed: int = 1
    learning_rate: float | None = None
    warm_up: float = 0.03
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    n_components: int = 4
    start_from: str | None = None
    network: NetworkSpec | None = None
    conditions: ObservingConditions | None = None
    stream: bool | None = None

    def settled(self, library):
        """The same with nothing left open (FitSettings).

        Raises
        ------
        InputError
            If the model to start from or the library's observing conditions are no good.
        """
        network, stream = self.network, self.stream
        if network is None and self.start_from is not None:
            network = sizes_of(load_description(self.start_from))
        if stream is None:
            stream = not batches.fits_memory(library)
        return replace(
            self,
            learning_rate=self.learning_rate or scaled_learning_rate(self.batch_size),
            network=network or NetworkSpec(),
            conditions=library.survey(self.conditions).conditions,
            stream=stream,
        )

    def to_dict(self):
        content = asdict(self)
        for name in ("network", "conditions"):
            part = getattr(self, name)
            content[name] = None if part is None else part.to_dict()
        return content


def scaled_learning_rate(batch_size):
    """Peak learning rate for a batch over all replicas: 0.003 at 256, as the batch's square root.

    For Adam the noise of the gradient sets the size of a step, and that falls with the square root
    of the batch (Malladi et al. 2022, arXiv:2205.10287).
    """
    return USUAL_RATE * (batch_size / FitSettings.batch_size) ** 0.5


def mirrored_strategy(replicas=2):
    """MirroredStrategy over all GPUs, or without any over ``replicas`` logical CPUs.

    Raises
    ------
    InputError
        If TensorFlow has already been used, so that its CPU can no longer be divided.
    """
    if tf.config.list_physical_devices("GPU"):
        return tf.distribute.MirroredStrategy()
    cpu = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.get_logical_device_configuration(cpu) or []) != replicas:
        try:
            tf.config.set_logical_device_configuration(
                cpu, [tf.config.LogicalDeviceConfiguration()] * replicas
            )
        except RuntimeError:
            raise InputError(
                "mirrored training: TensorFlow is already running on one CPU; start a new process"
            ) from None
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])


def fit(library, out, settings=None, *, strategy=None, resume=False, overwrite=False,
        jit=None, callbacks=(), verbose=0):  # fmt: skip
    """Train a model and leave it in the run folder ``out``.

    ``out`` then holds model.keras (the best weights on the valid split), model.json, metrics.csv,
    TensorBoard logs, and run.json and state.json for resuming.

    Parameters
    ----------
    library : records.Library
    out : path of the run folder
    settings : FitSettings, optional
    strategy : tf.distribute.Strategy, optional
    resume : go on after the last full epoch, to the same end as an unbroken run
    overwrite : replace an existing run, when the new one is finished
    jit : compile the steps with XLA; by default on one replica only
    callbacks : further Keras callbacks
    verbose : Keras' progress bar, 0, 1 or 2

    Returns
    -------
    history : list of dict, one an epoch

    Raises
    ------
    InputError
        If the run exists and neither ``resume`` nor ``overwrite`` is given, the resumed run had
        other settings, the library is damaged, or the loss is no longer finite.
    """
    settings, out = settings or FitSettings(), Path(out)
    check(settings, library)
    settings = settings.settled(library)
    stored = json.loads(json.dumps({**settings.to_dict(), "library": identity(library)}))
    run_folder.check(out, stored, resume, overwrite)
    limit = STANDARDISED_BY if settings.stream else None
    train, valid = records.load(library, "train", limit), records.load(library, "valid")
    start = load_start(settings, library)
    spec = posterior_for(settings, library, train, start)
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope():
        model = build(library, train, spec, settings)
        if start:
            model.set_weights(start.weights)
        steps = batches.steps_per_epoch(library.n_galaxies("train"), settings.batch_size)
        if jit is None:
            jit = strategy.num_replicas_in_sync == 1
        compile_model(model, spec, settings, steps, jit)
    # Only now: what is refused must neither cost an old run nor leave a new one.
    with run_folder.held(out, stored, resume, overwrite) as folder:
        state = checkpoints.read_state(folder)
        if state["weights"]:
            with strategy.scope():
                model.load_weights(folder / state["weights"])
        if state["epochs_done"] < settings.epochs:
            _run(model, library, train, valid, settings, folder, state, callbacks, verbose)
        return finish(model, spec, settings, library, folder, start)


def finish(model, spec, settings, library, out, start=None):
    """Write model.keras, from the best weights, and model.json of a run whose epochs are done.

    Returns
    -------
    history : list of dict, one an epoch

    Raises
    ------
    InputError
        If the run ended early, for its loss was no longer finite.
    """
    history = checkpoints.read_state(out)["history"]
    if len(history) < settings.epochs:
        raise InputError(
            f"{out}: the loss is not finite after {len(history)} epochs; "
            "train anew with --overwrite and another --seed or a larger library"
        )
    model.load_weights(out / checkpoints.BEST)
    _save_model(model, spec, settings, library, out)
    description = _describe(library, spec, settings, history)
    if start:
        description["training"]["before"] = start.description.get("training")
    write_text(out / model_json.FILE, json.dumps(description, indent=1))
    return history


@dataclass(frozen=True)
class Start:
    """A trained model to start from: its weights, a list of arrays, and its model.json."""

    weights: list
    description: dict


def load_start(settings, library):
    """The model that ``settings.start_from`` names, or None; ``settings`` are settled."""
    folder = settings.start_from
    if folder is None:
        return None
    model, description = load_model(folder)
    field = f"{folder}/{model_json.FILE}: field 'instrument'"
    theirs = read_instrument(description.get("instrument"), field, "train the model anew")
    if not theirs.same_as(library.instrument):
        raise InputError(
            f"{folder}/model.json: instrument differs from that of {library.folder}; start from a "
            "model of the library's instrument"
        )
    known = described_by(description, f"{folder}/model.json")
    if known != library.described:
        raise InputError(
            f"{folder}/model.json: problem '{known.problem}' has other labels or inputs than that "
            f"of {library.folder}; start from a model of the library's problem"
        )
    own = sizes_of(description)
    if own != settings.network:
        raise InputError(
            f"{folder}/model.json: network has sizes {own.to_dict()}, not those of this run; "
            "start from a model of the same sizes"
        )
    return Start(model.get_weights(), description)


def sizes_of(description):
    """NetworkSpec of a trained model, from its model.json; what starts from it has the same."""
    return NetworkSpec.from_dict(description.get("training", {}).get("network") or {})


def posterior_for(settings, library, train, start=None):
    """PosteriorSpec of a new run: that of its start, else standardised by its first objects."""
    if start:
        return posterior_of(start.description)
    sample = batches.target_sample(train, library.labels, STANDARDISED_BY, settings.seed)
    return PosteriorSpec.standardised_by(sample, library.labels, n_components=settings.n_components)


def check(settings, library):
    if settings.epochs < 1 or settings.batch_size < 1:
        raise InputError("fit: epochs and batch size must be at least 1; give larger numbers")
    for split in ("train", "valid"):
        if library.n_galaxies(split) == 0:
            raise InputError(
                f"{library.folder}: split '{split}' holds no galaxies; make a larger library"
            )


def identity(library):
    """What tells one library from another: name, and checksums of all shards."""
    sums = [s["sha256"] for split in ("train", "valid") for s in library.shards(split)]
    return {"name": library.name, "sha256": sums}


def build(library, train, spec, settings):
    """A new network for a library, with the scales of its first objects."""
    model = _bare(library, spec, settings)
    set_typical(model, {key: value[:REFERENCE_GALAXIES] for key, value in train.items()})
    return model


def _bare(library, spec, settings):
    widths = library.described.widths(library.instrument)
    return build_model(widths, spec, settings.network, settings.seed)


def _run(model, library, train, valid, settings, out, state, callbacks, verbose):
    """Run the epochs that are left."""
    survey = library.survey(settings.conditions)
    how = settings.batch_size, settings.seed, settings.epochs, state["epochs_done"]
    if settings.stream:
        drawn, steps = batches.streamed_batches(library, survey, *how)
    else:
        drawn, steps = batches.training_batches(train, survey, *how)
    valid = batches.fixed_batches(valid, survey, VALID_BATCH)
    saving = [
        keras.callbacks.TerminateOnNaN(),
        checkpoints.EpochCheckpoint(out, state),
        keras.callbacks.TensorBoard(out / "logs", write_graph=False),
    ]
    model.fit(
        drawn, validation_data=valid, epochs=settings.epochs,
        initial_epoch=state["epochs_done"], steps_per_epoch=steps,
        callbacks=saving + list(callbacks), verbose=verbose, shuffle=False,
    )  # fmt: skip


def compile_model(model, spec, settings, steps, jit=True):
    """Give the model its optimizer, schedule and loss. XLA (``jit``) halves the time on a CPU."""
    total = settings.epochs * steps
    warm_up = max(1, int(settings.warm_up * total))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, total - warm_up), alpha=0.01, warmup_target=settings.learning_rate,
        warmup_steps=warm_up,
    )  # fmt: skip
    optimizer = WholeBatchAdamW(
        schedule, weight_decay=settings.weight_decay, global_clipnorm=settings.clip_norm
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "embedding", "query"])
    model.compile(optimizer, loss=lambda y, params: spec.loss(params, y), jit_compile=jit)
    optimizer.build(model.trainable_variables)


def _describe(library, spec, settings, history):
    """Content of model.json."""
    best = min(history, key=lambda row: row["val_loss"])
    return {
        "schema_version": model_json.SCHEMA_VERSION,
        "name": library.name,
        "version": 1,
        "instrument": library.instrument.to_dict(),
        "z_sun": library.z_sun,
        **({"z_sun_of": library.z_sun_of} if library.z_sun_of else {}),
        "posterior": spec.to_dict(),
        **library.described.to_dict(),
        "emission_lines": library.emission_lines,
        "training": {
            **settings.to_dict(),
            "best": best,
            "minutes": sum(row["seconds"] for row in history) / 60,
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "n_galaxies": {split: library.n_galaxies(split) for split in ("train", "valid")},
            "library_seed": library.content.get("seed"),
            "prior": library.content.get("prior"),
            "ssp": library.content.get("ssp"),
        },
    }


def _save_model(model, spec, settings, library, out):
    """Write model.keras: the network alone, without optimizer, loss or distribution strategy."""
    bare = _bare(library, spec, settings)
    bare.set_weights(model.get_weights())
    with whole_file(out / "model.keras") as temporary:
        bare.save(temporary)
