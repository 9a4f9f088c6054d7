"""From the objects of a library to batches of observations and targets, in ``tf.data``."""

import os

import numpy as np
import tensorflow as tf

from phangs_sfh.library import records

VALID_SEED, TEST_SEED = 1_000_003, 1_000_033
"""Observations of the valid and test splits are always the same."""

SHARE_OF_MEMORY = 0.5
"""Of the memory there is; a larger split is streamed from disk."""

SHUFFLED = 20_000
"""Objects among which a streamed epoch is shuffled, besides the order of its shards."""

SHARDS_AT_ONCE = 8


def n_objects(examples):
    """Objects in a dict of arrays."""
    return len(next(iter(examples.values())))


def fits_memory(library, split="train"):
    """True if a split can be held in memory beside a training."""
    there_is = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return records.bytes_in_memory(library, split) < SHARE_OF_MEMORY * there_is


def steps_per_epoch(n, batch_size):
    """Full batches in one pass through ``n`` objects; at least one."""
    return n // min(batch_size, n)


def training_batches(examples, survey, batch_size, seed, epochs, first_epoch=0, steps=None):
    """All batches of epochs ``first_epoch`` to ``epochs``, one after the other.

    Order and noise hang on (seed, epoch, step) alone: a run that resumes at an epoch sees what an
    unbroken one sees. Every epoch is a new permutation; objects that do not fill a batch are left
    out of that epoch.

    Parameters
    ----------
    examples : dict of arrays from records.load
    survey : Survey
    batch_size : objects a batch; at most as many as there are
    steps : batches an epoch, optional; by default all that can be filled

    Returns
    -------
    dataset : tf.data.Dataset of (inputs, y); steps : batches an epoch
    """
    n = n_objects(examples)
    batch_size = min(batch_size, n)
    steps = steps or steps_per_epoch(n, batch_size)
    constants = {key: tf.constant(value) for key, value in examples.items()}

    def batch(step):
        epoch, place = step // steps, step % steps
        order = tf.stack([tf.constant(seed, tf.int64), epoch])
        index = place * batch_size + tf.range(batch_size, dtype=tf.int64)
        index = tf.random.experimental.index_shuffle(index, order, n - 1)
        drawn = {key: tf.gather(value, index) for key, value in constants.items()}
        return survey.batch(drawn, _own_seed(seed, step))

    numbers = tf.data.Dataset.range(first_epoch * steps, epochs * steps)
    return _mapped(numbers, batch), steps


def streamed_batches(library, survey, batch_size, seed, epochs, first_epoch=0):
    """``training_batches`` of a library that is too large for memory, read anew in every epoch.

    The order of shards is a new permutation in every epoch, eight are read at once, and objects are
    shuffled among 20 000: nearly as good as a permutation of all where shards are drawn alike.
    It, too, hangs on (seed, epoch) alone.

    Returns
    -------
    dataset : tf.data.Dataset of (inputs, y); steps : batches an epoch
    """
    n = library.n_galaxies("train")
    batch_size = min(batch_size, n)
    steps = steps_per_epoch(n, batch_size)
    paths = tf.constant([str(path) for path in library.shard_paths("train")])

    def epoch_of(epoch):
        order = tf.range(len(paths), dtype=tf.int64)
        key = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.index_shuffle(order, key, len(paths) - 1)
        shards = tf.data.Dataset.from_tensor_slices(tf.gather(paths, order))
        objects = shards.interleave(
            lambda path: tf.data.TFRecordDataset(path, compression_type=records.COMPRESSION),
            cycle_length=SHARDS_AT_ONCE, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True,
        )  # fmt: skip
        objects = objects.shuffle(SHUFFLED, seed=seed * 1_000_003 + epoch)
        batches = objects.batch(batch_size, drop_remainder=True).take(steps)
        return batches.enumerate(epoch * steps)

    def batch(step, serialized):
        return survey.batch(records.parse(serialized, library), _own_seed(seed, step))

    numbered = tf.data.Dataset.range(first_epoch, epochs).flat_map(epoch_of)
    return _mapped(numbered, batch), steps


def fixed_batches(examples, survey, batch_size, seed=VALID_SEED, part=(0, 1)):
    """All objects in stored order, always with the same observation of each batch.

    ``part`` (i, n) gives every n-th batch, from the i-th on, as the whole would have it.

    Returns
    -------
    dataset : tf.data.Dataset of (inputs, y); the last batch may be smaller
    """
    rows = tf.data.Dataset.from_tensor_slices(examples).batch(batch_size).enumerate()
    rows = rows.shard(part[1], part[0])
    return _mapped(rows, lambda number, drawn: survey.batch(drawn, _own_seed(seed, number)))


def target_sample(examples, labels, n_most=20000, seed=0):
    """Targets of the first objects as an array [m, T], for standardisation."""
    some = {label.name: examples[label.name][:n_most] for label in labels}
    shape = n_objects(some), labels.n_shares
    noise = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return np.asarray(labels.target(some, tf.constant(noise)))


def _own_seed(seed, number):
    return tf.stack([tf.cast(seed, tf.int32), tf.cast(number, tf.int32)])


def _mapped(dataset, batch):
    return dataset.map(batch, num_parallel_calls=tf.data.AUTOTUNE).prefetch(4)
