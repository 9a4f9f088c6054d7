"""How far answers are from the truth: plain numpy, one number or a small dict at a time.

Everywhere an error is ``answer - truth``, the answer being the posterior's median (p50). Robust
scatter is 1.4826 times the median absolute deviation from the median, which is the standard
deviation if errors are normal.
"""

import numpy as np

from phangs_sfh.instrument.constants import SIGMA_PER_MAD

SMALLEST_SHARE = 1e-12


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


def bin_errors(labels, truth, answer, floored):
    """Errors of the labels with bins, bin by bin.

    Parameters
    ----------
    labels : Labels
    truth : dict of (n, n_bins) arrays by label
    answer : dict with ``NAME_p50`` of each
    floored : dict of (n, n_bins) arrays, true shares with the floor of training added

    Returns
    -------
    summary : dict of lists with one entry a bin, from ``errors``: ``NAME`` and, of shares,
        ``log_NAME``, log10 of the share [dex] against the floored truth
    """
    summary = {}
    for name in [label.name for label in labels.vectors]:
        median = answer[f"{name}_p50"]
        if name in floored:
            summary[f"log_{name}"] = by_bin(log_share(median) - log_share(floored[name]))
        summary[name] = by_bin(median - truth[name])
    return summary


def by_bin(error):
    """``errors`` of each column of an (n, n_bins) array."""
    return [errors(column) for column in np.asarray(error).T]


def bin_values(summary, key, number):
    """One number of every bin, e.g. ``bin_values(bins, "log_sfh", "mad_std")``: (n_bins,) array."""
    values = [entry[number] for entry in summary[key]]
    return np.array([np.nan if v is None else v for v in values])


def log_share(share):
    """log10 of shares, finite also where one has underflowed to 0."""
    return np.log10(np.maximum(share, SMALLEST_SHARE))


def percentiles(values):
    """Mean and percentiles of an (n,) array, as a dict."""
    low, middle, high = np.percentile(values, [16, 50, 84]).tolist()
    return {"mean": float(np.mean(values)), "p16": low, "p50": middle, "p84": high}


def terciles(values):
    """Index 0, 1 or 2 of each value's third (low, middle, high), and the two limits.

    Returns
    -------
    index : (n,) int array
    limits : list of 2 floats
    """
    limits = np.quantile(values, [1 / 3, 2 / 3])
    return np.searchsorted(limits, values, side="right"), limits.tolist()
