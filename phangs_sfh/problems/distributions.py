"""The posterior over labels as a distribution of TensorFlow Probability.

A mixture of normals over the targets under a chain of ``tfp.bijectors`` that gives the labels by
name. It is the definition: what runs in training and in served graphs is a faster equal.
"""

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from phangs_sfh.problems.transforms import Identity, Softplus, StickBreaking

tfb = tfp.bijectors
N_FOR_MEAN = 2048


def label_bijector(labels):
    """Bijector from a target vector [..., T] to a dict of labels, [...] or [..., n_bins].

    Parameters
    ----------
    labels : Labels
    """
    parts = {label.name: _of_label(label) for label in labels}
    sizes = [label.n_targets for label in labels]
    named = tfb.Restructure({label.name: i for i, label in enumerate(labels)})
    return tfb.Chain([tfb.JointMap(parts), named, tfb.Split(sizes)])


def _of_label(label):
    chain = _of_transform(label.transform)
    if label.axis is None:  # one number, not a vector of one
        chain = [tfb.Reshape(event_shape_out=[], event_shape_in=[1]), *chain]
    return tfb.Chain(chain) if chain else tfb.Identity()


def _of_transform(transform):
    if isinstance(transform, Identity):
        return []
    if isinstance(transform, Softplus):
        return [tfb.Scale(np.float32(transform.softness)), tfb.Softplus()]
    if isinstance(transform, StickBreaking):
        return [Shares()]
    raise TypeError(f"no bijector for {type(transform).__name__}")


class Shares(tfb.Bijector):
    """Log-ratios x [..., n - 1] to shares f [..., n] that sum to 1: f_i = σ(x_i) of what is left.

    The density is over the first n - 1 shares. ``tfb.IteratedSigmoidCentered`` is the same but for
    a shift; it takes the last share from 1 minus the others, which in single precision gives zeros
    and negative numbers where old stars are few.
    """

    def __init__(self, name="shares"):
        super().__init__(forward_min_event_ndims=1, name=name)

    def _forward(self, x):
        left = tf.cumsum(tf.math.log_sigmoid(-x), axis=-1)
        zero = tf.zeros_like(x[..., :1])
        before = tf.concat([zero, left], axis=-1)
        return tf.exp(tf.concat([tf.math.log_sigmoid(x), zero], axis=-1) + before)

    def _inverse(self, shares):
        later = tf.cumsum(shares, axis=-1, exclusive=True, reverse=True)
        return tf.math.log(shares[..., :-1]) - tf.math.log(later[..., :-1])

    def _forward_log_det_jacobian(self, x):
        # The matrix of derivatives is triangular, with f_i (1 - σ(x_i)) on its diagonal.
        left = tf.cumsum(tf.math.log_sigmoid(-x), axis=-1, exclusive=True)
        return tf.reduce_sum(tf.math.log_sigmoid(x) + left + tf.math.log_sigmoid(-x), axis=-1)

    def _forward_event_shape(self, shape):
        return shape[:-1].concatenate(shape[-1] + 1)

    def _forward_event_shape_tensor(self, shape):
        return tf.concat([shape[:-1], shape[-1:] + 1], axis=0)

    def _inverse_event_shape(self, shape):
        return shape[:-1].concatenate(shape[-1] - 1)

    def _inverse_event_shape_tensor(self, shape):
        return tf.concat([shape[:-1], shape[-1:] - 1], axis=0)


class LabelDistribution(tfp.distributions.TransformedDistribution):
    """Posterior over the labels: ``sample``, ``log_prob`` and ``mean`` by label name.

    Parameters
    ----------
    targets : tfp distribution over target vectors, event shape [T]
    labels : Labels
    """

    def __init__(self, targets, labels, name="LabelDistribution"):
        parameters = {"targets": targets, "labels": labels, "name": name}
        super().__init__(targets, label_bijector(labels), parameters=parameters, name=name)

    @classmethod
    def _parameter_properties(cls, dtype, num_classes=None):
        return {"targets": tfp.util.BatchedComponentProperties()}

    def _mean(self, seed=0):
        """Mean over 2048 draws of a fixed seed: a nonlinear function has no mean in closed form."""
        drawn = self.sample(N_FOR_MEAN, seed=tf.constant([seed, N_FOR_MEAN]))
        return {name: tf.reduce_mean(value, axis=0) for name, value in drawn.items()}
