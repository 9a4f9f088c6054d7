"""How far answers are from the truth: plain numpy, one number or a small dict at a time.

Everywhere an error is ``answer - truth``, the answer being the posterior's median (p50). Robust
scatter is 1.4826 times the median absolute deviation from the median, which is the standard
deviation if errors are normal.
"""

import numpy as np

from phangs_sfh.galaxy import ages
from phangs_sfh.instrument.constants import SIGMA_PER_MAD

SMALLEST_FRACTION = 1e-12
YOUNG_AGE_YR = 10e6
YOUNG_THRESHOLDS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
CLASS_HALF_WIDTH = 0.3
"""Half-width [dex] of the truths that count as 0.1 % or as 1 % of mass in young stars."""
MASS_LIMIT = 0.01
"""Mass fraction from which a bin's [M/H] is that of stars and not of the label's convention."""


def mad_std(values, axis=None):
    """Robust scatter along ``axis``: 1.4826 times the median absolute deviation from the median."""
    middle = np.median(values, axis=axis, keepdims=True)
    return SIGMA_PER_MAD * np.median(np.abs(values - middle), axis=axis)


def errors(error):
    """Bias and scatter of errors.

    Parameters
    ----------
    error : (n,) array; values that are not finite are left out

    Returns
    -------
    summary : dict with ``n``, ``bias_median``, ``bias_mean``, ``std`` and ``mad_std`` (robust
        scatter); None instead of numbers where nothing is left
    """
    error = np.asarray(error, dtype=np.float64)
    error = error[np.isfinite(error)]
    if len(error) == 0:
        return {"n": 0, "bias_median": None, "bias_mean": None, "std": None, "mad_std": None}
    median = np.median(error)
    return {
        "n": len(error),
        "bias_median": float(median),
        "bias_mean": float(error.mean()),
        "std": float(error.std()),
        "mad_std": float(mad_std(error)),
    }


def bin_errors(truth, answer, floored):
    """Errors of history and [M/H] in the 16 bins.

    Parameters
    ----------
    truth : dict with ``sfh`` (n, 16), mass fractions as formed, and ``mh`` (n, 16)
    answer : dict with ``sfh_p50`` and ``mh_p50`` (n, 16)
    floored : (n, 16) array, true mass fractions with the floor of training added

    Returns
    -------
    summary : dict of lists with one entry a bin
        ``log_sfh`` errors of log10 mass fraction [dex] against the floored truth; ``sfh`` errors
        of the mass fraction itself; ``mh`` [dex]; ``mh_with_mass`` the same for galaxies with at
        least 1 % of their mass in the bin; ``mh_mass_weighted_rms`` [dex]
    """
    log_error = log_fraction(answer["sfh_p50"]) - log_fraction(floored)
    linear = answer["sfh_p50"] - truth["sfh"]
    mh = answer["mh_p50"] - truth["mh"]
    massive = np.where(truth["sfh"] >= MASS_LIMIT, mh, np.nan)
    mass = truth["sfh"].sum(axis=0)
    rms = np.sqrt(np.sum(truth["sfh"] * mh**2, axis=0) / np.maximum(mass, 1e-30))
    bins = range(ages.N_BINS)
    return {
        "log_sfh": [errors(log_error[:, i]) for i in bins],
        "sfh": [errors(linear[:, i]) for i in bins],
        "mh": [errors(mh[:, i]) for i in bins],
        "mh_with_mass": [errors(massive[:, i]) for i in bins],
        "mh_mass_weighted_rms": rms.tolist(),
    }


def log_fraction(fraction):
    """log10 of mass fractions, finite also where one has underflowed to 0."""
    return np.log10(np.maximum(fraction, SMALLEST_FRACTION))


def total_variation(true_sfh, median_sfh):
    """Total-variation distance between histories: the share of the mass put in a wrong bin.

    Half the sum of absolute differences. Medians of the bins need not sum to 1: they are
    normalised here.

    Returns
    -------
    distance : (n,) array, 0 to 1
    """
    normalised = median_sfh / median_sfh.sum(axis=-1, keepdims=True)
    return 0.5 * np.abs(true_sfh - normalised).sum(axis=-1)


def young_fraction(sfh):
    """Mass fraction formed in the last 10 Myr, at a constant rate within the bin 8-13 Myr.

    Parameters
    ----------
    sfh : (..., 16) array

    Returns
    -------
    fraction : (...) array
    """
    low, high = ages.EDGES_YR[:-1], ages.EDGES_YR[1:]
    share = np.clip((YOUNG_AGE_YR - low) / (high - low), 0.0, 1.0)
    return np.asarray(sfh) @ share


def young_stars(true, estimate):
    """How well small masses of young stars are seen.

    A galaxy is claimed to hold more than a threshold if its median estimate does. ``completeness``
    is the share of galaxies within half a dex above the threshold that are claimed, ``found`` that
    of all above it, and ``purity`` the share of claims that are true.

    Parameters
    ----------
    true, estimate : (n,) arrays, mass fraction younger than 10 Myr

    Returns
    -------
    summary : dict
        ``thresholds``, with completeness, found, purity (None without a case) and numbers;
        ``classes`` 0.001 and 0.01: truths within 0.3 dex of it and percentiles of log10 estimates;
        ``separation``: the chance that a galaxy of the class 0.01 is given more young stars than
        one of the class 0.001 (area under the ROC curve)
    """
    rows = []
    for threshold in YOUNG_THRESHOLDS:
        above, claimed = true > threshold, estimate > threshold
        near = above & (true < threshold * np.sqrt(10))
        rows.append(
            {
                "threshold": threshold,
                "n_above": int(above.sum()),
                "n_near": int(near.sum()),
                "n_claimed": int(claimed.sum()),
                "completeness": _share(claimed[near]),
                "found": _share(claimed[above]),
                "purity": _share(above[claimed]),
            }
        )
    classes = {f"{centre:g}": _class(true, estimate, centre) for centre in (1e-3, 1e-2)}
    low, high = (estimate[in_class(true, centre)] for centre in (1e-3, 1e-2))
    return {"thresholds": rows, "classes": classes, "separation": separation(low, high)}


def in_class(true, centre):
    """True where log10 ``true`` is within 0.3 dex of log10 ``centre``."""
    return np.abs(log_fraction(true) - np.log10(centre)) <= CLASS_HALF_WIDTH


def _class(true, estimate, centre):
    chosen = log_fraction(estimate[in_class(true, centre)])
    if len(chosen) == 0:
        return {"n": 0, "p16": None, "p50": None, "p84": None}
    low, middle, high = np.percentile(chosen, [16, 50, 84]).tolist()
    return {"n": len(chosen), "p16": low, "p50": middle, "p84": high}


def _share(values):
    return float(np.mean(values)) if len(values) else None


def separation(low, high):
    """Chance that a draw from ``high`` exceeds one from ``low``; ties count half. None if empty."""
    if len(low) == 0 or len(high) == 0:
        return None
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, side="left")
    upto = np.searchsorted(ordered, high, side="right")
    return float(np.mean(0.5 * (below + upto)) / len(low))


def terciles(values):
    """Index 0, 1 or 2 of each value's third (low, middle, high), and the two limits.

    Returns
    -------
    index : (n,) int array
    limits : list of 2 floats
    """
    limits = np.quantile(values, [1 / 3, 2 / 3])
    return np.searchsorted(limits, values, side="right"), limits.tolist()
