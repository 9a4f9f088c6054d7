"""A survey: what is inferred, with which instrument, under which conditions; it makes batches."""

from dataclasses import dataclass

import tensorflow as tf

from phangs_sfh.instrument.description import Instrument
from phangs_sfh.library.observing import ObservingConditions, observe
from phangs_sfh.problems.assumptions import RECORD
from phangs_sfh.problems.problem import Described


@dataclass(frozen=True)
class Survey:
    """How the objects of a library are observed.

    Attributes
    ----------
    described : problems.problem.Described
    instrument : Instrument
    conditions : ObservingConditions
    """

    described: Described
    instrument: Instrument
    conditions: ObservingConditions

    @property
    def labels(self):
        return self.described.labels

    def observe(self, examples, seed):
        """Network inputs of one observation of each object; see ``observing.observe``."""
        kinds = self.described.inputs
        noiseless = {one.kind: examples[one.record] for one in kinds}
        return observe(noiseless, self.instrument, self.conditions, seed)

    def batch(self, examples, seed):
        """One batch of network inputs and targets, drawn from ``seed`` ([2] integers).

        Returns
        -------
        inputs : dict of tensors, with ``assumption`` (one-hot) where there are some; y : [n, T]
            tensor
        """
        n = tf.shape(examples[self.labels.names[0]])[0]
        noise = tf.random.stateless_normal(
            [n, self.labels.n_shares], tf.random.experimental.stateless_fold_in(seed, 0)
        )
        inputs = self.observe(examples, seed)
        if self.described.assumptions:
            inputs[RECORD] = tf.one_hot(examples[RECORD], len(self.described.assumptions))
        return inputs, self.labels.target(examples, noise)
