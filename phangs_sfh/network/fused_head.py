"""The network's last dense layer and the unpacking of the posterior as two matrix products.

``PosteriorSpec.unpack`` gathers the packed triangle, element by element, and leaves the
standardised units to be undone: in an exported graph that costs more than the last dense layer
itself. Both are linear but for the widths, so they are worked into the layer's weights once.
"""

import numpy as np
from keras import ops

from phangs_sfh.network import targets


class FusedHead:
    """Hidden layer to mixture, in physical units.

    Parameters
    ----------
    spec : PosteriorSpec
    kernel, bias : (h, P), (P,) arrays of the layer ``params``
    variable : callable that makes of an array what the graph shall hold, e.g. ``tf.Variable``
    """

    def __init__(self, spec, kernel, bias, variable=np.asarray):
        n = targets.N_TARGETS
        self.n_components, self.floor = spec.n_components, np.float32(spec.sigma_floor)
        self.scale = np.asarray(spec.scale, np.float32)
        rows = np.concatenate([kernel, bias[None]]).astype(np.float32)  # the bias is the last one
        logits, loc, _, coefficients = (ops.convert_to_numpy(part) for part in spec.split(rows))
        widths = rows[:, spec.n_components :].reshape(len(rows), spec.n_components, -1)
        loc = loc * self.scale
        loc[-1] += np.asarray(spec.mean, np.float32)
        unit = -coefficients * self.scale[:, None] / self.scale
        unit[-1] += np.eye(n, dtype=np.float32)
        small = [logits, loc, widths[..., n : 2 * n]]
        small = np.concatenate([part.reshape(len(rows), -1) for part in small], axis=1)
        self.small = variable(small[:-1]), variable(small[-1])
        unit = unit.reshape(len(rows), -1)
        self.unit = variable(unit[:-1]), variable(unit[-1])

    def __call__(self, hidden):
        """Mixture of a hidden vector.

        Parameters
        ----------
        hidden : (n, h) tensor

        Returns
        -------
        logits : (n, K) tensor
        loc : (n, K, 37) tensor
        scale_tril : (n, K, 37, 37) tensor; both in the targets' own units
        """
        k, n = self.n_components, targets.N_TARGETS
        small = ops.matmul(hidden, self.small[0]) + self.small[1]
        loc = ops.reshape(small[:, k : k * (1 + n)], (-1, k, n))
        sigma = ops.softplus(ops.reshape(small[:, k * (1 + n) :], (-1, k, n))) + self.floor
        unit = ops.reshape(ops.matmul(hidden, self.unit[0]) + self.unit[1], (-1, k, n, n))
        diagonal = ops.expand_dims(sigma * self.scale, -1) * np.eye(n, dtype=np.float32)
        return small[:, :k], loc, ops.solve_triangular(unit, diagonal, lower=True)
