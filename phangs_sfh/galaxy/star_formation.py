"""Star formation histories as cumulative distributions of stellar age.

A history is given by ``formed_since(age)``: the fraction of all mass ever formed that is younger
than ``age``. Masses in any interval are differences of it, so mass is conserved exactly whatever
the binning.
"""

import numpy as np
from scipy.special import ndtr


def delayed_lognormal(age, onset, log_timescale, width):
    """Delayed log-normal history (Gladders et al. 2013, with a free onset).

    The rate is log-normal in the time t since the onset: SFR(t) ∝ exp(-(ln t - T0)² / 2τ²) / t,
    cut at the present.

    Parameters
    ----------
    age : (n_edges,) array [yr], lookback times
    onset : (n,) array [yr], lookback time of the first star
    log_timescale : (n,) array, T0, natural logarithm of the median time since onset [yr]
    width : (n,) array, τ

    Returns
    -------
    younger : (n, n_edges) array, fraction of the mass younger than ``age``, rising from 0 to 1
    """
    since_onset = np.maximum(onset[:, None] - age[None, :], 0.0)
    with np.errstate(divide="ignore"):
        older = ndtr((np.log(since_onset) - log_timescale[:, None]) / width[:, None])
        total = ndtr((np.log(onset) - log_timescale) / width)
    return 1.0 - older / total[:, None]


def burst(age, start, duration):
    """Constant star formation between the lookback times ``start`` and ``start - duration``.

    Parameters
    ----------
    age : (n_edges,) array [yr]
    start, duration : (n,) arrays [yr], duration <= start

    Returns
    -------
    younger : (n, n_edges) array
    """
    end = (start - duration)[:, None]
    return np.clip((age[None, :] - end) / duration[:, None], 0.0, 1.0)


def combine(components, fractions):
    """Weighted sum of histories.

    Parameters
    ----------
    components : list of (n, n_edges) arrays
    fractions : list of (n,) arrays, summing to 1 for every galaxy
    """
    return sum(f[:, None] * younger for f, younger in zip(fractions, components, strict=True))
