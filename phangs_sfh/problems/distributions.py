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
    chain = _of_transform(label.transform, label.n_targets)
    if label.axis is None:  # one number, not a vector of one
        chain = [tfb.Reshape(event_shape_out=[], event_shape_in=[1]), *chain]
    return tfb.Chain(chain) if chain else tfb.Identity()


def _of_transform(transform, n_targets):
    if isinstance(transform, Identity):
        return []
    if isinstance(transform, Softplus):
        return [tfb.Scale(np.float32(transform.softness)), tfb.Softplus()]
    if isinstance(transform, StickBreaking):
        # TFP centres its log-odds on equal shares: σ(x - ln(number of shares left)).
        left = np.log(np.arange(n_targets, 0, -1, dtype=np.float32))
        return [tfb.IteratedSigmoidCentered(), tfb.Shift(left)]
    raise TypeError(f"no bijector for {type(transform).__name__}")


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
