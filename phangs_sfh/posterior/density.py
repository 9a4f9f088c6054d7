"""The answer's probability density: a mixture of full-covariance normals over all 37 targets.

Each component is written as a chain of linear regressions, target i given those before it,

    y_i = μ_i + Σ_{j<i} a_ij (y_j - μ_j) + σ_i ε_i.

Means μ and widths σ are each component's own; the regression coefficients a are one set for all.
Sets of their own gain 0.06 in the loss and cost a third of the training time and a quarter of an
answer's (docs/training.md).

With W = D⁻¹ (I - A), lower triangular, ε = W (y - μ) is standard normal. The density needs
neither a solve nor an inverse, and no product of parameters leaves the scale of one of them. The
scale matrix is L = W⁻¹ (covariance L Lᵀ), and its leading block is the inverse of W's leading
block: the marginal density of the first targets comes from their own parameters alone.
"""

from dataclasses import asdict, dataclass, field

import numpy as np
from keras import ops

from phangs_sfh.errors import InputError
from phangs_sfh.problems import targets

N_LEADING = targets.N_SCALARS + 6
LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class PosteriorSpec:
    """Shape of the density and the units of its targets; JSON-able.

    Attributes
    ----------
    n_components : number of normals, K
    mean, scale : tuples of 37; the standardised target is (y - mean) / scale
    sigma_floor : least conditional standard deviation, standardised units
    n_leading : number of leading targets whose marginal density is trained for as well
    leading_weight : weight of that marginal in the loss
    mean_weight : weight of the squared error of the mixture's mean in the loss
    """

    n_components: int = 4
    mean: tuple = field(default=(0.0,) * targets.N_TARGETS)
    scale: tuple = field(default=(1.0,) * targets.N_TARGETS)
    sigma_floor: float = 2e-3
    n_leading: int = N_LEADING
    leading_weight: float = 1.0
    mean_weight: float = 1.0

    @property
    def n_params(self):
        """P: logits, means and widths of all components, and the regression coefficients."""
        n = targets.N_TARGETS
        return self.n_components * (1 + 2 * n) + n * (n - 1) // 2

    def to_dict(self):
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, content):
        """Inverse of ``to_dict``. Raises InputError where a field is unknown."""
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
        try:
            return cls(**values)
        except TypeError as error:
            raise InputError(f"posterior: {error}; use a model.json of this version") from None

    @classmethod
    def standardised_by(cls, y, **settings):
        """Spec whose mean and scale are those of a sample of targets y [m, 37]."""
        y = np.asarray(y, np.float64)
        scale = np.maximum(y.std(axis=0), 1e-3)
        mean = y.mean(axis=0)
        return cls(mean=tuple(map(float, mean)), scale=tuple(map(float, scale)), **settings)

    def standardise(self, y):
        """(y - mean) / scale; keras.ops."""
        return (y - ops.cast(self.mean, y.dtype)) / ops.cast(self.scale, y.dtype)

    def restore(self, standardised):
        """Inverse of ``standardise``."""
        dtype = standardised.dtype
        return standardised * ops.cast(self.scale, dtype) + ops.cast(self.mean, dtype)

    def split(self, params):
        """Parts of the head's output.

        Parameters
        ----------
        params : [n, P]

        Returns
        -------
        logits [n, K], loc [n, K, 37], sigma [n, K, 37] (conditional), coefficients a [n, 37, 37]
        (strictly lower triangular); standardised units
        """
        k, n = self.n_components, targets.N_TARGETS
        logits = params[:, :k]
        own = ops.reshape(params[:, k : k * (1 + 2 * n)], (-1, k, 2 * n))
        sigma = ops.softplus(own[..., n:]) + self.sigma_floor
        # The packed triangle, row by row; the zero appended last fills the rest of the matrix.
        packed = ops.pad(params[:, k * (1 + 2 * n) :], [[0, 0], [0, 1]])
        index = np.full((n, n), n * (n - 1) // 2)
        index[np.tril_indices(n, -1)] = np.arange(n * (n - 1) // 2)
        coefficients = ops.reshape(ops.take(packed, index.ravel(), axis=-1), (-1, n, n))
        return logits, own[..., :n], sigma, coefficients

    def unpack(self, params):
        """Mixture in the usual form: logits [n, K], loc [n, K, 37], scale_tril [n, K, 37, 37]."""
        logits, loc, sigma, coefficients = self.split(params)
        n = targets.N_TARGETS
        eye = ops.eye(n, dtype=params.dtype)
        ones = ops.zeros_like(coefficients) + eye
        inverse = ops.solve_triangular(eye - coefficients, ones, lower=True)
        return logits, loc, inverse[:, None] * sigma[..., None, :]

    def log_densities(self, params, y):
        """Log of the joint density and of the leading targets' marginal, each [n]; per unit of y.

        Parameters
        ----------
        params : [n, P]; y : [n, 37]
        """
        logits, loc, sigma, coefficients = self.split(params)
        residual = self.standardise(y)[:, None, :] - loc
        explained = ops.matmul(residual, ops.swapaxes(coefficients, -1, -2))
        terms = -0.5 * ops.square((residual - explained) / sigma) - ops.log(sigma) - 0.5 * LOG_2PI
        terms = terms - ops.log(ops.cast(self.scale, y.dtype))
        log_weights = ops.log_softmax(logits, axis=-1)
        joint = ops.logsumexp(log_weights + ops.sum(terms, axis=-1), axis=-1)
        leading = ops.sum(terms[..., : self.n_leading], axis=-1)
        return joint, ops.logsumexp(log_weights + leading, axis=-1)

    def negative_log_likelihood(self, params, y):
        """-log p(y), [n]."""
        return -self.log_densities(params, y)[0]

    def loss(self, params, y):
        """What training minimises, [n], per target.

        The joint negative log-likelihood of all targets, plus that of the scalars and the six
        youngest bins alone, which makes the young bins count more than their share. Both are proper
        scoring rules: each is least, on average, for the true posterior and for nothing else. So
        their weighted sum is too, and favouring young bins this way does not bias or narrow the
        answer, as weights on squared errors in a likelihood would.

        The squared error of the mixture's mean is a proper score of the mean in the same way. It is
        there for speed: the likelihood alone learns widths and correlations long before it learns
        where the answer lies (measured: docs/choices.md).
        """
        return self.total(*self.log_densities(params, y), self.squared_error(params, y))

    def total(self, joint, leading, squared_error):
        """The loss from its three parts, each [n]."""
        likelihood = -joint / targets.N_TARGETS - self.leading_weight * leading / self.n_leading
        return likelihood + self.mean_weight * squared_error

    def squared_error(self, params, y):
        """Mean squared error of the mixture's mean over the standardised targets, [n]."""
        return ops.mean(ops.square(self.standardise(y) - self.mean_of(params)), axis=-1)

    def mean_of(self, params):
        """Mean of the mixture, standardised units, [n, 37]."""
        logits, loc, _, _ = self.split(params)
        return ops.sum(ops.softmax(logits, axis=-1)[..., None] * loc, axis=1)

    def initial_bias(self, seed=0):
        """Bias of the head for a sane start: unit widths, no correlations, spread means; [P]."""
        rng = np.random.default_rng(seed)
        k, n = self.n_components, targets.N_TARGETS
        own = np.zeros((k, 2 * n), np.float32)
        own[:, :n] = 0.5 * rng.normal(size=(k, n)) * (k > 1)
        own[:, n:] = np.log(np.expm1(1.0 - self.sigma_floor))
        rest = np.zeros(self.n_params - k - own.size, np.float32)
        return np.concatenate([np.zeros(k, np.float32), own.ravel(), rest])

    def distribution(self, params):
        """The density of standardised targets as a TFP distribution."""
        import tensorflow_probability as tfp

        logits, loc, scale_tril = self.unpack(params)
        normals = tfp.distributions.MultivariateNormalTriL(loc=loc, scale_tril=scale_tril)
        weights = tfp.distributions.Categorical(logits=logits)
        return tfp.distributions.MixtureSameFamily(weights, normals)
