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
    age : (n_edges,) array [yr], lookback times, or (n, n_edges) with a galaxy's own in each row
    onset : (n,) array [yr], lookback time of the first star
    log_timescale : (n,) array, T0, natural logarithm of the median time since onset [yr]
    width : (n,) array, τ

    Returns
    -------
    younger : (n, n_edges) array, fraction of the mass younger than ``age``, rising from 0 to 1
    """
    since_onset = np.maximum(onset[:, None] - np.atleast_2d(age), 0.0)
    with np.errstate(divide="ignore"):
        older = ndtr((np.log(since_onset) - log_timescale[:, None]) / width[:, None])
        total = ndtr((np.log(onset) - log_timescale) / width)
    return 1.0 - older / total[:, None]


def delayed_tau(age, onset, timescale):
    """Delayed exponential, SFR(t) ∝ t exp(-t / τ) in the time t since the onset.

    Parameters and returns as ``delayed_lognormal``; ``timescale`` (n,) is τ [yr].
    """

    def formed(t):
        return 1.0 - (1.0 + t) * np.exp(-t)

    since_onset = np.maximum(onset[:, None] - age[None, :], 0.0) / timescale[:, None]
    return 1.0 - formed(since_onset) / formed(onset / timescale)[:, None]


def double_power_law(age, onset, peak, falling, rising):
    """Double power law, SFR(t) ∝ 1 / ((t / peak)^falling + (t / peak)^-rising)
    (Carnall et al. 2018, equation 10), integrated numerically between the edges.

    Parameters
    ----------
    age : (n_edges,) array [yr], from 0 upwards
    onset, peak : (n,) arrays [yr], lookback time of the first star and time of the turn since then
    falling, rising : (n,) arrays, slopes
    """
    since_onset = np.maximum(onset[:, None] - age[None, :], 0.0)
    node, weight = np.polynomial.legendre.leggauss(12)
    node, weight = 0.5 * (node + 1), 0.5 * weight
    low, high = since_onset[:, 1:], since_onset[:, :-1]
    # A shallow rise has a cusp at the onset: there t = high x^4 makes the integrand smooth.
    cusp = (low == 0.0)[..., None]
    t = low[..., None] + np.where(cusp, node**4, node) * (high - low)[..., None]
    log_x = np.log(np.maximum(t, 1e-3) / peak[:, None, None])
    rate = np.exp(-np.logaddexp(falling[:, None, None] * log_x, -rising[:, None, None] * log_x))
    rate *= np.where(cusp, 4 * node**3, 1.0)
    mass = (high - low) * (rate @ weight)
    younger = np.concatenate([np.zeros((len(mass), 1)), np.cumsum(mass, axis=1)], axis=1)
    return younger / younger[:, -1:]


def constant(age, onset):
    """Constant rate since ``onset`` (n,) [yr]; returns as ``delayed_lognormal``."""
    return np.clip(age[None, :] / onset[:, None], 0.0, 1.0)


def quench(younger, lost):
    """Cut a history off: its youngest stars, a fraction ``lost`` of the mass, never form.

    Parameters
    ----------
    younger : (n, n_edges) array
    lost : (n,) array, ``younger`` at the lookback time of quenching. A history without older
        stars (1, but for rounding) is left as it is.
    """
    lost = np.where(lost < 1.0 - 1e-6, lost, 0.0)[:, None]
    return np.maximum(younger - lost, 0.0) / (1.0 - lost)


def piecewise_constant(age, edges, fractions):
    """Constant rates within bins.

    Parameters
    ----------
    age : (n_edges,) array [yr]
    edges : (n_bins + 1,) array [yr], from 0
    fractions : (n, n_bins) array, mass fractions, summing to 1
    """
    total = np.concatenate([np.zeros((len(fractions), 1)), np.cumsum(fractions, axis=1)], axis=1)
    index = np.interp(age, edges, np.arange(len(edges)))
    left = np.minimum(index.astype(int), len(edges) - 2)
    part = index - left
    return total[:, left] * (1 - part) + total[:, left + 1] * part


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
