"""What a model says of mock galaxies: bias, scatter and 68 % intervals of the four scalars, and how
far its history is from the truth."""

import numpy as np

from phangs_sfh.evaluation import metrics
from phangs_sfh.galaxy import ages
from phangs_sfh.peers.ppxf import SCALARS

AGE_EDGES = np.log10(np.maximum(ages.EDGES_YR, 1e6))


def scalars(columns, truth):
    """By scalar: ``bias`` (median), ``mad`` (1.4826 MAD), ``std`` and ``held``, the share of truths
    in the 68 % intervals."""
    found = {}
    for name in SCALARS:
        low, middle, high = (columns[f"{name}_{q}"] for q in ("p16", "p50", "p84"))
        errors = metrics.errors(middle - truth[name])
        inside = (truth[name] >= low) & (truth[name] <= high)
        found[name] = {
            "bias": errors["bias_median"],
            "mad": errors["mad_std"],
            "std": errors["std"],
            "held": float(inside.mean()),
        }
    return found


def distance(true_sfh, sfh):
    """Mean |difference of the cumulative mass| over log age from 1 Myr on, (n,).

    Linear in log age within bins.
    """
    gap = np.abs(np.cumsum(true_sfh - sfh, axis=1))  # at the older edges
    ends = np.concatenate([np.zeros((len(gap), 1)), gap], axis=1)
    width = np.diff(AGE_EDGES)
    return (0.5 * (ends[:, 1:] + ends[:, :-1]) * width).sum(axis=1) / width.sum()


def row(name, columns, truth):
    """One line of text: bias, MAD and held of the four scalars, and the history's distance."""
    found = scalars(columns, truth)
    cells = [f"{e['bias']:+.2f} {e['mad']:.2f} {100 * e['held']:3.0f}" for e in found.values()]
    far = distance(truth["sfh"], columns["sfh_mean"]).mean() if "sfh_mean" in columns else np.nan
    return f"{name:24s}| " + " | ".join(cells) + f" | {far:.4f}"
