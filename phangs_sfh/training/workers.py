"""Training on several machines at once: tf.distribute's MultiWorkerMirroredStrategy.

Keras 3's own ``fit`` fails under that strategy (it hands PerReplica values to its metrics), so the
loop is written out here: each worker takes the gradient of its share of the batch, the shares are
summed over all, and every worker makes the same step. The first worker, the chief, alone writes;
what it read from an old run it sends to the others, who need not see its disk.
"""

import dataclasses
import json
import time
from contextlib import ExitStack
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from phangs_sfh.errors import InputError
from phangs_sfh.library import batches, records
from phangs_sfh.training import checkpoints, run_folder
from phangs_sfh.training import fit as training

SEED_STEP = 100_003  # between workers: each draws its own order and noise
STUCK = 600.0  # seconds that a sum over workers may wait for the slowest


def worker_strategy(cluster):
    """MultiWorkerMirroredStrategy over ``cluster``; returns when all workers are there.

    Raises
    ------
    InputError
        If this worker's port cannot be opened, or TensorFlow has been used already.
    """
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=STUCK)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except tf.errors.OpError as error:
        raise InputError(
            f"TF_CONFIG: worker {cluster.index} cannot serve at {cluster.address} "
            f"({error.message.splitlines()[0]}); give a free port of this machine"
        ) from None
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"multi-worker training: {reason}; start a new process") from None


def part_of(library, worker, workers):
    """The library as one worker sees it: every ``workers``-th shard of the train split."""
    splits = dict(library.content["splits"])
    shards = splits["train"]["shards"]
    if len(shards) < workers:
        raise InputError(
            f"{library.folder}: train split has {len(shards)} shards for {workers} workers; "
            "use fewer workers or make a larger library"
        )
    splits["train"] = {**splits["train"], "shards": shards[worker::workers]}
    return dataclasses.replace(library, content={**library.content, "splits": splits})


def share(library, batch_size, workers):
    """Galaxies of each worker in a step, and steps in an epoch: the same for all workers."""
    fewest = min(part_of(library, w, workers).n_galaxies("train") for w in range(workers))
    own = min(batch_size // workers, fewest)
    return own, fewest // own


def part_batches(galaxies, library, settings, worker, workers, first_epoch=0):
    """One worker's batches, from the galaxies of its part of the train split.

    Returns
    -------
    dataset : tf.data.Dataset of (inputs, y), of B / workers galaxies each
    """
    own, steps = share(library, settings.batch_size, workers)
    dataset, _ = batches.training_batches(
        galaxies, library.survey(settings.conditions), own, settings.seed + SEED_STEP * worker,
        settings.epochs, first_epoch, steps,
    )  # fmt: skip
    return dataset


def fit(library, out, settings, cluster, *, resume=False, overwrite=False, callbacks=(), verbose=0,
        jit=None, started=lambda: None):  # fmt: skip
    """Train as ``training.fit`` does, on all workers of a cluster; called on each of them.

    Parameters
    ----------
    library : records.Library, readable on every worker
    out : path of the run folder; the chief's alone matters
    settings : FitSettings; ``batch_size`` is that of all workers together
    cluster : cluster.Cluster
    resume, overwrite : as in ``training.fit``
    callbacks : further Keras callbacks; of theirs, those of epochs are called
    verbose : Keras' progress bar, on the chief
    jit : compile losses and gradients with XLA; by default where a worker has one replica
    started : called when all workers are there

    Returns
    -------
    history : list of dict, one an epoch

    Raises
    ------
    InputError
        As ``training.fit``, the same on all workers where the chief refuses; if the batch cannot
        be shared equally; or if another worker stopped.
    """
    # each worker holds no more than its part
    settings = dataclasses.replace(settings, stream=False).settled(library)
    strategy = worker_strategy(cluster)
    try:
        return _fit(library, Path(out), settings, cluster, strategy, resume, overwrite, callbacks,
                    verbose, jit, started)  # fmt: skip
    except LOST as error:
        silent = ", ".join(cluster.silent())
        who = f"the worker at {silent}" if silent else "another worker"
        raise InputError(
            f"worker {cluster.index} of {cluster.size}: lost {who} ({type(error).__name__}); see "
            "what it said, then start all of them again with --resume"
        ) from None


LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnknownError,
)
"""What a sum over workers raises on the others when one is gone."""


def _fit(library, out, settings, cluster, strategy, resume, overwrite, callbacks, verbose, jit,
         started):  # fmt: skip
    stored = {**settings.to_dict(), "library": training.identity(library), "workers": cluster.size}
    stored = json.loads(json.dumps(stored))
    summed = _sum_over(strategy)
    state = _said_by_chief(
        summed, cluster, lambda: _open_run(library, out, stored, settings, resume, overwrite)
    )
    started()
    _check_share(library, settings, strategy, cluster)
    own = part_of(library, cluster.index, cluster.size)
    galaxies = {split: records.load(own, split) for split in ("train", "valid")}
    model, spec, start = _model(library, settings, strategy, cluster)
    with ExitStack() as stack:
        folder = None
        if cluster.is_chief:
            # Only now: what is refused must neither cost an old run nor leave a new one.
            held = run_folder.held(out, stored, resume, overwrite)
            folder = stack.enter_context(held)
            if state["weights"]:
                model.load_weights(folder / state["weights"])
        _same_everywhere(summed, cluster, [*model.variables, *model.optimizer.variables])
        if state["epochs_done"] < settings.epochs:
            loop = Loop(model, spec, strategy, summed, settings, library, cluster, galaxies, jit)
            saving = []
            if cluster.is_chief:
                saving = [
                    checkpoints.EpochCheckpoint(folder, state),
                    keras.callbacks.TensorBoard(folder / "logs", write_graph=False),
                ]
            rows = loop.run(state["epochs_done"], [*saving, *callbacks], verbose * bool(saving))
            state["history"] = state["history"] + rows
        if cluster.is_chief:
            return training.finish(model, spec, settings, library, folder, start)
    return state["history"]


def _open_run(library, out, stored, settings, resume, overwrite):
    """On the chief: checks of the run's folder as in ``training.fit``; the state to start from."""
    training.check(settings, library)
    run_folder.check(out, stored, resume, overwrite)
    return checkpoints.read_state(run_folder.resumed(out) if resume else out / "none")


def _check_share(library, settings, strategy, cluster):
    replicas = strategy.num_replicas_in_sync
    if settings.batch_size % replicas:
        raise InputError(
            f"fit: batch of {settings.batch_size} cannot be shared by {replicas} replicas; give a "
            f"--batch-size that is a multiple of {replicas}"
        )
    share(library, settings.batch_size, cluster.size)


def _model(library, settings, strategy, cluster):
    """The compiled model, its PosteriorSpec and what it started from: equal on all workers."""
    head = records.load(library, "train", training.STANDARDISED_BY)
    start = training.load_start(settings, library)
    spec = training.posterior_for(settings, library, head, start)
    _, steps = share(library, settings.batch_size, cluster.size)
    with strategy.scope():
        model = training.build(library, head, spec, settings)
        if start:
            model.set_weights(start.weights)
        training.compile_model(model, spec, settings, steps, jit=False)
    return model, spec, start


def _sum_over(strategy):
    """A function that sums float64 vectors over all workers, one replica of each counting."""
    local = strategy.extended._num_devices_per_worker  # noqa: SLF001

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float64)])
    def total(values):
        def one(values):
            context = tf.distribute.get_replica_context()
            counts = tf.equal(context.replica_id_in_sync_group % local, 0)
            part = tf.where(counts, values, tf.zeros_like(values))
            return context.all_reduce(tf.distribute.ReduceOp.SUM, part)

        return strategy.run(one, args=(values,))

    def summed(values):
        values = tf.constant(values, tf.float64)
        return strategy.experimental_local_results(total(values))[0].numpy()

    return summed


LAST_WORD = 2.0
"""Seconds that the chief stays after a refusal: gone, it could not be heard out by the others."""


def _said_by_chief(summed, cluster, work):
    """Run ``work`` on the chief; its result, JSON-able, or its refusal, on every worker."""
    text = b""
    if cluster.is_chief:
        try:
            text = json.dumps({"result": work()}).encode()
        except InputError as error:
            text = json.dumps({"refusal": str(error)}).encode()
    length = int(summed([len(text)])[0])
    letters = np.zeros(length)
    letters[: len(text)] = list(text)
    letters = summed(letters).astype(np.uint8)
    said = json.loads(letters.tobytes())
    if "refusal" in said:
        if cluster.is_chief:
            time.sleep(LAST_WORD)
        raise InputError(said["refusal"])
    return said["result"]


def _same_everywhere(summed, cluster, variables):
    """Give all workers the chief's values of ``variables``."""
    values = [keras.ops.convert_to_numpy(v).astype(np.float64) for v in variables]
    flat = np.concatenate([value.ravel() for value in values])
    if not cluster.is_chief:
        flat = np.zeros_like(flat)
    parts = np.split(summed(flat), np.cumsum([v.size for v in values])[:-1])
    for variable, value, part in zip(variables, values, parts, strict=True):
        variable.assign(part.reshape(value.shape).astype(variable.dtype))


class Loop:
    """Epochs of one worker: steps made with the others, loss on the valid split."""

    def __init__(self, model, spec, strategy, summed, settings, library, cluster, galaxies, jit):
        self.model, self.spec, self.settings = model, spec, settings
        self.strategy, self.summed = strategy, summed
        self.library, self.cluster, self.galaxies = library, cluster, galaxies
        self.local = strategy.extended._num_devices_per_worker  # noqa: SLF001
        self.jit = self.local == 1 if jit is None else jit
        self.batch, self.steps = share(library, settings.batch_size, cluster.size)
        self.total = self.batch * cluster.size

    def run(self, first_epoch, callbacks, verbose=0):
        """Train to the last epoch; rows of the history: list of dict."""
        everyone = keras.callbacks.CallbackList(
            callbacks, add_progbar=verbose > 0, model=self.model, verbose=verbose,
            epochs=self.settings.epochs, steps=self.steps,
        )  # fmt: skip
        drawn = iter(self.strategy.distribute_datasets_from_function(self._own(first_epoch)))
        valid = batches.fixed_batches(
            self.galaxies["valid"], self.library.survey(self.settings.conditions),
            training.VALID_BATCH, part=(self.cluster.index, self.cluster.size),
        )  # fmt: skip
        step, losses, rows = self._step(), self._losses(), []
        everyone.on_train_begin()
        for epoch in range(first_epoch, self.settings.epochs):
            everyone.on_epoch_begin(epoch)
            seen = []
            for number in range(self.steps):
                everyone.on_train_batch_begin(number)
                seen.append(step(next(drawn)))
                everyone.on_train_batch_end(number)
            row = {"loss": float(np.mean([float(loss) for loss in seen]))}
            row["val_loss"] = self._valid_loss(losses, valid)
            everyone.on_epoch_end(epoch, dict(row))
            if not np.isfinite(row["loss"] + row["val_loss"]):  # the same on all workers
                break
            rows.append({"epoch": epoch, **row})
        everyone.on_train_end()
        return rows

    def _own(self, first_epoch):
        def dataset(context):
            own = part_batches(
                self.galaxies["train"], self.library, self.settings, self.cluster.index,
                self.cluster.size, first_epoch,
            )  # fmt: skip
            return own.rebatch(self.batch // self.local) if self.local > 1 else own

        return dataset

    def _losses(self):
        @tf.function(jit_compile=self.jit, reduce_retracing=True)
        def losses(inputs, y):
            return self.spec.loss(self.model(inputs, training=False), y)

        return losses

    def _step(self):
        model, spec, total = self.model, self.spec, float(self.total)
        variables = [variable.value for variable in model.trainable_variables]

        @tf.function(jit_compile=self.jit)  # XLA: half the time, but sums cannot be in it
        def gradients(inputs, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(spec.loss(model(inputs, training=True), y)) / total
            return loss, tape.gradient(loss, variables)

        @tf.function
        def step(batch):
            def one(inputs, y):
                loss, slopes = gradients(inputs, y)
                model.optimizer.apply(slopes, model.trainable_variables)
                return loss

            parts = self.strategy.run(one, args=batch)
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, parts, axis=None)

        return step

    def _valid_loss(self, losses, valid):
        found = np.zeros(2, np.float64)
        for inputs, y in valid:
            some = losses(inputs, y).numpy()
            found += [some.sum(dtype=np.float64), len(some)]
        found = self.summed(found)
        return float(found[0] / found[1])
