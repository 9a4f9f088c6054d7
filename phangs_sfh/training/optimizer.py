"""AdamW that clips the gradient of the whole batch, however many devices share it."""

import keras
import tensorflow as tf


class WholeBatchAdamW(keras.optimizers.AdamW):
    """AdamW (Loshchilov & Hutter 2019) for one replica or many, with the same steps.

    Keras clips each replica's gradient by itself and sums them then, so that a limit on the norm
    would loosen with every device added. Here the sum comes first. On one replica nothing changes.
    """

    def _clip_gradients(self, grads):
        context = tf.distribute.get_replica_context()
        if context is not None and context.num_replicas_in_sync > 1:
            grads = context.all_reduce(tf.distribute.ReduceOp.SUM, list(grads))
        return super()._clip_gradients(grads)

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return grads_and_vars  # summed before they were clipped
