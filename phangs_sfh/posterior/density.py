"""The answer's probability density: a mixture of full-covariance normals over all targets.

Each component is written as a chain of linear regressions, target i given those before it,

    y_i = μ_i + Σ_{j<i} a_ij (y_j - μ_j) + σ_i ε_i.

Means μ and widths σ are each component's own; the regression coefficients a are one set for all.
Sets of their own gain 0.06 in the loss and cost a third of the training time and a quarter of an
answer's (docs/training.md).

With W = D⁻¹ (I - A), lower triangular, ε = W (y - μ) is standard normal. The density needs
neither a solve nor an inverse, and no product of parameters leaves the scale of one of them. The
scale matrix is L = W⁻¹ (covariance L Lᵀ), and its leading block is the inverse of W's leading
block: the marginal density of the first targets comes from their own parameters alone.

TFP is the definition: ``label_distribution`` is the density of the labels as a distribution of TFP,
and what training minimises and exports compute, written with keras.ops for speed, is tested equal.
"""

from dataclasses import asdict, dataclass

import numpy as np
from keras import ops

from phangs_sfh.errors import InputError
from phangs_sfh.problems.catalogue import described_by

LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class PosteriorSpec:
    """Shape of the density and the units of its targets; JSON-able.

    Attributes
    ----------
    mean, scale : tuples of T; the standardised target is (y - mean) / scale
    n_leading : number of leading targets whose marginal density is trained for as well
    n_components : number of normals, K
    sigma_floor : least conditional standard deviation, standardised units
    leading_weight : weight of that marginal in the loss
    mean_weight : weight of the squared error of the mixture's mean in the loss
    """

    mean: tuple
    scale: tuple
    n_leading: int
    n_components: int = 4
    sigma_floor: float = 2e-3
    leading_weight: float = 1.0
    mean_weight: float = 1.0

    @property
    def n_targets(self):
        return len(self.mean)

    @property
    def n_params(self):
        """P: logits, means and widths of all components, and the regression coefficients."""
        n = self.n_targets
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
    def standard(cls, labels, **settings):
        """Spec for targets that are standardised already."""
        n = labels.n_targets
        return cls((0.0,) * n, (1.0,) * n, labels.n_favoured, **settings)

    @classmethod
    def standardised_by(cls, y, labels, **settings):
        """Spec whose mean and scale are those of a sample of targets y [m, T]."""
        y = np.asarray(y, np.float64)
        scale = np.maximum(y.std(axis=0), 1e-3)
        mean = y.mean(axis=0)
        floats = (tuple(map(float, values)) for values in (mean, scale))
        return cls(*floats, labels.n_favoured, **settings)

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
        logits [n, K], loc [n, K, T], sigma [n, K, T] (conditional), coefficients a [n, T, T]
        (strictly lower triangular); standardised units
        """
        k, n = self.n_components, self.n_targets
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
        """Mixture in standardised units: logits [n, K], loc [n, K, T], scale_tril [n, K, T, T]."""
        logits, loc, sigma, coefficients = self.split(params)
        n = self.n_targets
        eye = ops.eye(n, dtype=params.dtype)
        ones = ops.zeros_like(coefficients) + eye
        inverse = ops.solve_triangular(eye - coefficients, ones, lower=True)
        return logits, loc, inverse[:, None] * sigma[..., None, :]

    def mixture(self, params):
        """``unpack``, in the targets' own units."""
        logits, loc, scale_tril = self.unpack(params)
        scale = np.asarray(self.scale, np.float32)
        return logits, loc * scale + np.asarray(self.mean, np.float32), scale_tril * scale[:, None]

    def log_densities(self, params, y):
        """Log of the joint density and of the leading targets' marginal, each [n]; per unit of y.

        Parameters
        ----------
        params : [n, P]; y : [n, T]
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

        The joint negative log-likelihood of all targets, plus that of the favoured ones alone
        (histories: single numbers and young bins), which makes them count more than their share.
        Both are proper scoring rules: each is least, on average, for the true posterior and for
        nothing else. So their weighted sum is too, and favouring targets this way does not bias or
        narrow the answer, as weights on squared errors in a likelihood would.

        The squared error of the mixture's mean is a proper score of the mean in the same way. It is
        there for speed: the likelihood alone learns widths and correlations long before it learns
        where the answer lies (measured: docs/choices.md).
        """
        return self.total(*self.log_densities(params, y), self.squared_error(params, y))

    def total(self, joint, leading, squared_error):
        """The loss from its three parts, each [n]."""
        loss = -joint / self.n_targets + self.mean_weight * squared_error
        if self.n_leading:
            loss = loss - self.leading_weight * leading / self.n_leading
        return loss

    def squared_error(self, params, y):
        """Mean squared error of the mixture's mean over the standardised targets, [n]."""
        return ops.mean(ops.square(self.standardise(y) - self.mean_of(params)), axis=-1)

    def mean_of(self, params):
        """Mean of the mixture, standardised units, [n, T]."""
        logits, loc, _, _ = self.split(params)
        return ops.sum(ops.softmax(logits, axis=-1)[..., None] * loc, axis=1)

    def initial_bias(self, seed=0):
        """Bias of the head for a sane start: unit widths, no correlations, spread means; [P]."""
        rng = np.random.default_rng(seed)
        k, n = self.n_components, self.n_targets
        own = np.zeros((k, 2 * n), np.float32)
        own[:, :n] = 0.5 * rng.normal(size=(k, n)) * (k > 1)
        own[:, n:] = np.log(np.expm1(1.0 - self.sigma_floor))
        rest = np.zeros(self.n_params - k - own.size, np.float32)
        return np.concatenate([np.zeros(k, np.float32), own.ravel(), rest])

    def distribution(self, params):
        """The density of the targets, in their own units, as a TFP distribution.

        Parameters
        ----------
        params : [n, P]

        Returns
        -------
        distribution : tfp.distributions.MixtureSameFamily of MultivariateNormalTriL; batch shape
            [n], event shape [T]
        """
        import tensorflow_probability as tfp

        logits, loc, scale_tril = self.mixture(params)
        normals = tfp.distributions.MultivariateNormalTriL(loc=loc, scale_tril=scale_tril)
        weights = tfp.distributions.Categorical(logits=logits)
        return tfp.distributions.MixtureSameFamily(weights, normals)


def posterior_of(description, source="model.json"):
    """PosteriorSpec from the content of a model.json. Raises InputError where it has none."""
    try:
        return PosteriorSpec.from_dict(description["posterior"])
    except (KeyError, AttributeError, TypeError):
        raise InputError(
            f"{source}: field 'posterior' is missing or damaged; train the model anew"
        ) from None


def label_distribution(description, params):
    """The posterior over the labels, as the network gives it: without recalibration.

    Parameters
    ----------
    description : dict, content of model.json
    params : [n, P] tensor, the network's output

    Returns
    -------
    distribution : ``problems.distributions.LabelDistribution``, batch shape [n]; its events are
        dicts by label

    Raises
    ------
    InputError
        If the description has no posterior or damaged labels.
    """
    from phangs_sfh.problems.distributions import LabelDistribution

    labels = described_by(description, "model.json").labels
    return LabelDistribution(posterior_of(description).distribution(params), labels)
