"""Young stars: how small a mass of them is seen."""

import numpy as np

from phangs_sfh.evaluation.metrics import log_share
from phangs_sfh.galaxy import ages

YOUNG_AGE_YR = 10e6
YOUNG_THRESHOLDS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
CLASS_HALF_WIDTH = 0.3
"""Half-width [dex] of the truths that count as 0.1 % or as 1 % of mass in young stars."""


def keep(samples):
    """16, 50 and 84 % of the mass fraction in young stars, from the samples of each galaxy."""
    fraction = young_fraction(samples["sfh"])
    return {"young": np.quantile(fraction, [0.16, 0.5, 0.84], axis=1).T}


def assess(answers, mocks):
    """``young_stars`` of answers."""
    return {"young": young_stars(young_fraction(mocks.truth["sfh"]), answers.kept["young"][:, 1])}


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
    return np.abs(log_share(true) - np.log10(centre)) <= CLASS_HALF_WIDTH


def _class(true, estimate, centre):
    chosen = log_share(estimate[in_class(true, centre)])
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
