"""A normalising flow in place of the mixture, for the comparison in docs/training.md.

The chain of regressions of ``posterior/density.py`` with one component, whose innovations pass
through sinh-arcsinh transforms (Jones & Pewsey 2009) with a skewness and a tail weight of each
target and galaxy:

    z_i = sinh(δ_i arcsinh((y_i - μ_i - Σ a_ij (y_j - μ_j)) / σ_i) - ε_i),  z standard normal.
"""

from dataclasses import dataclass

import numpy as np
from keras import ops

from phangs_sfh.posterior.density import LOG_2PI, PosteriorSpec

N_SAMPLES = 128


@dataclass(frozen=True)
class SinhArcsinhFlow(PosteriorSpec):
    """As PosteriorSpec, with 2 T parameters more: ε and the logarithm of δ."""

    @property
    def n_params(self):
        return PosteriorSpec.n_params.fget(self) + 2 * self.n_targets

    def _parts(self, params):
        n = self.n_targets
        _, loc, sigma, coefficients = super().split(params[:, : -2 * n])
        skewness = 2.0 * ops.tanh(params[:, -2 * n : -n])
        tail = ops.exp(ops.tanh(params[:, -n:]))
        return loc[:, 0], sigma[:, 0], coefficients, skewness, tail

    def initial_bias(self, seed=0):
        n = self.n_targets
        bias = np.zeros(self.n_params, np.float32)
        bias[1 + n : 1 + 2 * n] = np.log(np.expm1(1.0 - self.sigma_floor))
        return bias

    def log_densities(self, params, y):
        loc, sigma, coefficients, skewness, tail = self._parts(params)
        residual = self.standardise(y) - loc
        explained = ops.matmul(coefficients, residual[..., None])[..., 0]
        x = (residual - explained) / sigma
        inner = ops.clip(tail * ops.arcsinh(x) - skewness, -8.0, 8.0)
        slope = ops.log(tail) + ops.log(ops.cosh(inner)) - 0.5 * ops.log1p(ops.square(x))
        terms = slope - 0.5 * ops.square(ops.sinh(inner)) - ops.log(sigma) - 0.5 * LOG_2PI
        terms = terms - ops.log(ops.cast(self.scale, y.dtype))
        return ops.sum(terms, axis=-1), ops.sum(terms[..., : self.n_leading], axis=-1)

    def squared_error(self, params, y):
        loc = self._parts(params)[0]
        return ops.mean(ops.square(self.standardise(y) - loc), axis=-1)

    def mean_of(self, params):
        """Mean of fixed samples, standardised units, [n, T]."""
        loc, sigma, coefficients, skewness, tail = self._parts(params)
        n = self.n_targets
        z = np.random.default_rng(0).normal(size=(N_SAMPLES, n)).astype(np.float32)
        x = ops.sinh((ops.arcsinh(z) + skewness[:, None]) / tail[:, None])
        mean = ops.mean(x, axis=1) * sigma
        unit = np.eye(n, dtype=np.float32) - coefficients
        return loc + ops.solve_triangular(unit, mean[..., None], lower=True)[..., 0]
