"""From galaxies in memory to batches of observations and targets, in ``tf.data``."""

import numpy as np
import tensorflow as tf

from phangs_sfh.library.observing import observe
from phangs_sfh.problems import targets

VALID_SEED, TEST_SEED = 1_000_003, 1_000_033
"""Observations of the valid and test splits are always the same."""


def target_vector(examples, floor_noise):
    """Target vectors y [n, 37] of a batch; see problems/targets.py.

    Parameters
    ----------
    examples : dict with ``sfh``, ``mh`` [n, 16] and the six scalars [n]
    floor_noise : [n, 16], standard normal; spreads the floor under empty bins
    """
    stretched = {**examples, "av": targets.av_to_target(examples["av"])}
    scalars = tf.stack([stretched[name] for name in targets.SCALARS], axis=1)
    floor = targets.FRACTION_FLOOR * tf.exp(targets.FLOOR_SPREAD * floor_noise)
    fractions = examples["sfh"] + floor
    older = tf.cumsum(fractions, axis=1, reverse=True)
    ratios = tf.math.log(fractions[:, :-1]) - tf.math.log(older[:, 1:])
    return tf.concat([scalars, ratios, examples["mh"]], axis=1)


def observed(examples, instrument, conditions, seed):
    """One batch of network inputs and targets, drawn from ``seed`` ([2] integers)."""
    inputs = observe(examples["spectrum"], examples["bands"], instrument, conditions, seed)
    shape = tf.shape(examples["sfh"])
    noise = tf.random.stateless_normal(shape, tf.random.experimental.stateless_fold_in(seed, 0))
    return inputs, target_vector(examples, noise)


def steps_per_epoch(galaxies, batch_size):
    """Full batches in one pass through ``galaxies``; at least one."""
    n = len(galaxies["sfh"])
    return n // min(batch_size, n)


def training_batches(galaxies, instrument, conditions, batch_size, seed, epochs, first_epoch=0,
                     steps=None):  # fmt: skip
    """All batches of epochs ``first_epoch`` to ``epochs``, one after the other.

    Order and noise hang on (seed, epoch, step) alone: a run that resumes at an epoch sees what an
    unbroken one sees. Every epoch is a new permutation; galaxies that do not fill a batch are left
    out of that epoch.

    Parameters
    ----------
    galaxies : dict of arrays from records.load
    batch_size : galaxies a batch; at most as many as there are
    steps : batches an epoch, optional; by default all that can be filled

    Returns
    -------
    dataset : tf.data.Dataset of (inputs, y); steps : batches an epoch
    """
    n = len(galaxies["sfh"])
    batch_size = min(batch_size, n)
    steps = steps or steps_per_epoch(galaxies, batch_size)
    constants = {key: tf.constant(value) for key, value in galaxies.items()}

    def batch(step):
        epoch, place = step // steps, step % steps
        order = tf.stack([tf.constant(seed, tf.int64), epoch])
        index = place * batch_size + tf.range(batch_size, dtype=tf.int64)
        index = tf.random.experimental.index_shuffle(index, order, n - 1)
        examples = {key: tf.gather(value, index) for key, value in constants.items()}
        own_seed = tf.stack([tf.cast(seed, tf.int32), tf.cast(step, tf.int32)])
        return observed(examples, instrument, conditions, own_seed)

    numbers = tf.data.Dataset.range(first_epoch * steps, epochs * steps)
    return numbers.map(batch, num_parallel_calls=2).prefetch(4), steps


def fixed_batches(galaxies, instrument, conditions, batch_size, seed=VALID_SEED, part=(0, 1)):
    """All galaxies in stored order, always with the same observation of each batch.

    ``part`` (i, n) gives every n-th batch, from the i-th on, as the whole would have it.

    Returns
    -------
    dataset : tf.data.Dataset of (inputs, y); the last batch may be smaller
    """
    rows = tf.data.Dataset.from_tensor_slices(galaxies).batch(batch_size).enumerate()
    rows = rows.shard(part[1], part[0])

    def batch(number, examples):
        own_seed = tf.stack([tf.constant(seed, tf.int32), tf.cast(number, tf.int32)])
        return observed(examples, instrument, conditions, own_seed)

    return rows.map(batch, num_parallel_calls=2).prefetch(4)


def target_sample(galaxies, n_most=20000, seed=0):
    """Targets of the first galaxies as an array [m, 37], for standardisation."""
    some = {key: value[:n_most] for key, value in galaxies.items() if key != "spectrum"}
    noise = np.random.default_rng(seed).normal(size=some["sfh"].shape).astype(np.float32)
    return target_vector(some, tf.constant(noise)).numpy()
