"""From a quantity to what the network predicts of it, and back: one transform a kind of quantity.

The posterior is a mixture of normals over real numbers without edges (*targets*). A transform maps
a quantity to its targets. ``elementwise`` ones are increasing functions of one number, so that a
quantile of the target is the quantile of the quantity, exactly. Numbers go through ``keras.ops``
(imported when needed: the labels are read by commands that never compute).
"""

from dataclasses import asdict, dataclass

import numpy as np

SMALLEST_SHARE, LARGEST_SHARE = 1e-12, 1.0 - 1e-7


@dataclass(frozen=True)
class Identity:
    """The target is the quantity itself."""

    elementwise = True

    def n_targets(self, size):
        return size

    def to_target(self, value, noise=None):
        return value

    def from_target(self, target):
        return target


@dataclass(frozen=True)
class Softplus:
    """A positive quantity: about logarithmic below ``softness``, linear well above.

    A normal density cannot end at an edge; on this scale there is none at 0.

    Attributes
    ----------
    softness : float, in the quantity's unit
    smallest : float; smaller values count as this
    """

    softness: float = 0.2
    smallest: float = 1e-3
    elementwise = True

    def n_targets(self, size):
        return size

    def to_target(self, value, noise=None):
        """ln(exp(value / softness) - 1)."""
        from keras import ops

        x = ops.maximum(value, self.smallest) / self.softness
        return x + ops.log(-ops.expm1(-x))

    def from_target(self, target):
        """softness · ln(1 + exp(target)): positive."""
        from keras import ops

        return self.softness * ops.softplus(target)


@dataclass(frozen=True)
class StickBreaking:
    """Shares f that sum to 1, one real number fewer than shares.

    Target i is ln(f_i / (f_{i+1} + ... + f_n)), natural logarithm: the log-odds that what is not
    in an earlier share is in share i. Any real numbers are valid shares, and a share hangs on the
    targets of its own and earlier shares alone.

    Attributes
    ----------
    floor : added to every share before the logarithm: an empty one has none otherwise
    spread : scatter of the floor's natural logarithm from one draw to the next. Without it every
        empty share has the same target and a density could grow without bound there.
    """

    floor: float = 1e-5
    spread: float = 0.5
    elementwise = False

    def n_targets(self, size):
        return size - 1

    def to_target(self, shares, noise=None):
        """Targets (..., n - 1) of shares (..., n); ``noise``: standard normal, see ``floored``."""
        from keras import ops

        total = shares + self._floor(shares, noise)
        rest = ops.flip(ops.cumsum(ops.flip(total, axis=-1), axis=-1), axis=-1)
        return ops.log(total[..., :-1]) - ops.log(rest[..., 1:])

    def from_target(self, target):
        from keras import ops

        return ops.clip(ops.exp(self.log_shares(target)), SMALLEST_SHARE, LARGEST_SHARE)

    def log_shares(self, target):
        """Natural logarithm of the shares (..., n), whose exponentials sum to 1."""
        from keras import ops

        log_taken, log_left = ops.log_sigmoid(target), self.log_left(target)
        zero = ops.zeros_like(target[..., :1])
        before = ops.concatenate([zero, log_left], axis=-1)
        return before + ops.concatenate([log_taken, zero], axis=-1)

    def log_left(self, target):
        """Natural logarithm of what is left after each share but the last, (..., n - 1)."""
        from keras import ops

        # log(1 - σ(x)) = log σ(x) - x
        return ops.cumsum(ops.log_sigmoid(target) - target, axis=-1)

    def floored(self, shares, noise=None):
        """Shares with the floor in each, summing to 1; numpy arrays.

        ``noise``, standard normal of the same shape, spreads the floor by e**(spread · noise).
        Shares well above the floor are not changed by it.
        """
        floor = self.floor if noise is None else self.floor * np.exp(self.spread * noise)
        total = shares + floor
        return total / total.sum(axis=-1, keepdims=True)

    def _floor(self, shares, noise):
        from keras import ops

        if noise is None:
            return self.floor
        return self.floor * ops.exp(self.spread * ops.cast(noise, shares.dtype))


KINDS = {"identity": Identity, "softplus": Softplus, "stick_breaking": StickBreaking}


def to_dict(transform):
    """JSON of a transform: its ``kind`` and its settings."""
    kind = next(name for name, known in KINDS.items() if isinstance(transform, known))
    return {"kind": kind, **asdict(transform)}


def from_dict(content):
    """Inverse of ``to_dict``. Raises KeyError or TypeError for what is no transform."""
    settings = dict(content)
    return KINDS[settings.pop("kind")](**settings)
