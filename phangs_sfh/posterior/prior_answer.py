"""The answer for a row without data: the prior, as the training set has it."""

import numpy as np

from phangs_sfh.posterior.quantiles import PERCENTILES
from phangs_sfh.posterior.samples import N_SAMPLES

EDGE = 0.005  # of the training set, beyond each edge


def columns(labels, values):
    """Quantiles and joint samples of the training labels.

    Parameters
    ----------
    labels : Labels
    values : dict of arrays by label, (N,) or (N, n_bins)

    Returns
    -------
    columns : dict of arrays: ``prior_sfh_p16`` (16,) and so on as in the result table,
        ``prior_sfh`` (S, 16) and so on as in the samples, and ``edges_mw_mh`` (2,) and so on, where
        the half per cent of the training set lies on either side
    """
    rows = np.linspace(0, len(values[labels.names[0]]) - 1, N_SAMPLES).round().astype(int)
    found = {}
    for label in labels:
        value = values[label.name]
        found[f"prior_{label.name}"] = value[rows]
        found |= _percentiles(label.name, value)
        if label.older:
            left = np.cumsum(value[:, ::-1], axis=1)[:, ::-1]
            found |= _percentiles(label.older, left / left[:, :1])
        if label.mean:
            found[f"prior_{label.mean}"] = value.mean(axis=0)
        if label.edges:
            found[f"edges_{label.name}"] = np.quantile(value, [EDGE, 1.0 - EDGE])
    return found


def _percentiles(name, values):
    return {
        f"prior_{name}_{percentile}": np.quantile(values, probability, axis=0)
        for percentile, probability in PERCENTILES.items()
    }
