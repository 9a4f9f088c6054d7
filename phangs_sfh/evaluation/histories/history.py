"""Errors of whole histories, and of [M/H] where there are stars to have one."""

import numpy as np

from phangs_sfh.evaluation import metrics

MASS_LIMIT = 0.01
"""Mass fraction from which a bin's [M/H] is that of stars and not of the label's convention."""


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


def bin_errors(answers, mocks):
    """``metallicity_errors`` of answers."""
    return metallicity_errors(mocks.truth["sfh"], mocks.truth["mh"], answers.columns["mh_p50"])


def metallicity_errors(sfh, true_mh, mh):
    """Errors of [M/H] that look at the mass in the bins.

    Parameters
    ----------
    sfh : (n, n_bins) array, true mass fractions
    true_mh, mh : (n, n_bins) arrays, [M/H] and its estimate

    Returns
    -------
    summary : dict of lists with one entry a bin: ``mh_with_mass`` [dex], of galaxies with at least
        1 % of their mass in the bin, and ``mh_mass_weighted_rms`` [dex]
    """
    error = mh - true_mh
    massive = np.where(sfh >= MASS_LIMIT, error, np.nan)
    mass = np.maximum(sfh.sum(axis=0), 1e-30)
    rms = np.sqrt(np.sum(sfh * error**2, axis=0) / mass)
    return {"mh_with_mass": metrics.by_bin(massive), "mh_mass_weighted_rms": rms.tolist()}
