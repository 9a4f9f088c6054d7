"""The network's last dense layer and the unpacking of the posterior as two matrix products.

``PosteriorSpec.unpack`` gathers the packed triangle, element by element, and leaves the
standardised units to be undone: in an exported graph that costs more than the last dense layer
itself. Both are linear but for the widths, so they are worked into the layer's weights once.

The upper triangle is left out block by block: the targets that shares hang on first, which is the
cut that the quantiles need, the others after them. Two small inverses cost less than half of one
large one.
"""

import numpy as np
from keras import ops


class FusedHead:
    """Hidden layer to mixture, in physical units.

    Parameters
    ----------
    spec : PosteriorSpec
    cut : int, leading targets of the first block, see ``Labels.cut``; 0: about half
    kernel, bias : (h, P), (P,) arrays of the layer ``params``
    variable : callable that makes of an array what the graph shall hold, e.g. ``tf.Variable``
    """

    def __init__(self, spec, cut, kernel, bias, variable=np.asarray):
        n = self.n_targets = spec.n_targets
        self.cut = cut or -(-n // 2)
        self.n_components, self.floor = spec.n_components, np.float32(spec.sigma_floor)
        self.scale = np.asarray(spec.scale, np.float32)
        rows = np.concatenate([kernel, bias[None]]).astype(np.float32)  # the bias is the last one
        logits, loc, _, coefficients = (ops.convert_to_numpy(part) for part in spec.split(rows))
        k = spec.n_components
        widths = rows[:, k : k * (1 + 2 * n)].reshape(len(rows), k, 2 * n)[..., n:]
        loc = loc * self.scale
        loc[-1] += np.asarray(spec.mean, np.float32)
        unit = -coefficients * self.scale[:, None] / self.scale
        unit[-1] += np.eye(n, dtype=np.float32)
        small = [part.reshape(len(rows), -1) for part in (logits, loc, widths)]
        self.small = _layer(np.concatenate(small, 1), variable)
        first, rest = slice(0, self.cut), slice(self.cut, n)
        blocks = (first, first), (rest, first), (rest, rest)
        self.unit = [_layer(unit[..., row, column], variable) for row, column in blocks]

    @property
    def weights(self):
        """All that ``variable`` made."""
        return [part for layer in (self.small, *self.unit) for part in layer]

    def __call__(self, hidden):
        """Mixture of a hidden vector.

        Parameters
        ----------
        hidden : (n, h) tensor

        Returns
        -------
        logits : (n, K) tensor
        loc : (n, K, T) tensor
        scale_tril : (n, K, T, T) tensor; both in the targets' own units
        """
        logits, loc, sigma, first, cross, rest = self._mixture(hidden)
        upper = ops.concatenate([first, ops.zeros_like(ops.swapaxes(cross, -1, -2))], axis=-1)
        lower = ops.concatenate([cross, rest], axis=-1)
        inverse = ops.concatenate([upper, lower], axis=-2)
        return logits, loc, inverse[:, None] * sigma[..., None, :]

    def marginals(self, hidden):
        """As much of the mixture as ``marginals.marginal_quantiles`` needs.

        Returns
        -------
        logits, loc : as above
        std : (n, K, T) tensor, standard deviations
        unit, sigma : (n, 1, cut, cut), (n, K, cut) tensors, factors of the scale matrix of the
            leading targets
        """
        logits, loc, sigma, first, cross, rest = self._mixture(hidden)
        variances = ops.square(sigma)
        leading, others = variances[..., : self.cut], variances[..., self.cut :]
        std = [
            _weighted_squares(leading, first),
            _weighted_squares(leading, cross) + _weighted_squares(others, rest),
        ]
        std = ops.sqrt(ops.concatenate(std, axis=-1))
        return logits, loc, std, first[:, None], sigma[..., : self.cut]

    def _mixture(self, hidden):
        """Logits, means, widths, and W⁻¹ in three blocks, (n, T, T) for all."""
        k, n, cut = self.n_components, self.n_targets, self.cut
        small = _dense(hidden, self.small)
        loc = ops.reshape(small[:, k : k * (1 + n)], (-1, k, n))
        sigma = ops.softplus(ops.reshape(small[:, k * (1 + n) :], (-1, k, n))) + self.floor
        first, cross, rest = (_dense(hidden, layer) for layer in self.unit)
        first = _inverse(ops.reshape(first, (-1, cut, cut)))
        rest = _inverse(ops.reshape(rest, (-1, n - cut, n - cut)))
        cross = ops.reshape(cross, (-1, n - cut, cut))
        cross = -ops.matmul(rest, ops.matmul(cross, first))
        return small[:, :k], loc, sigma * self.scale, first, cross, rest


def _layer(rows, variable):
    """Kernel and bias of rows (h + 1, ...), the last of which is the bias."""
    rows = rows.reshape(len(rows), -1)
    return variable(np.ascontiguousarray(rows[:-1])), variable(rows[-1])


def _dense(hidden, layer):
    # ops.add, unlike +, becomes part of the matrix product in TensorFlow
    return ops.add(ops.matmul(hidden, layer[0]), layer[1])


def _inverse(matrix):
    """Inverses of lower-triangular matrices (n, m, m) with a unit diagonal."""
    ones = ops.zeros_like(matrix) + np.eye(matrix.shape[-1], dtype=np.float32)
    return ops.solve_triangular(matrix, ones, lower=True)


def _weighted_squares(weights, matrix):
    """Σ_j weights_kj matrix_ij², (n, K, j) and (n, i, j) to (n, K, i)."""
    return ops.matmul(weights, ops.swapaxes(ops.square(matrix), -1, -2))
