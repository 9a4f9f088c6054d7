"""Maps against the truth they were made from, pixel by pixel."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits
from scipy.stats import spearmanr

from phangs_sfh.evaluation.metrics import mad_std
from phangs_sfh.prediction.results import PERCENTILES

NAMES = {
    "mw_logage": "log age [yr], by mass",
    "lw_logage": "log age [yr], by light",
    "mw_mh": "[M/H] [dex], by mass",
    "lw_mh": "[M/H] [dex], by light",
    "logml": "log M/L",
    "av": "A_V [mag]",
    "logsigma": "log mass [M_sun / pc2]",
    "logssfr10": "log SFR / mass, 10 Myr [1/yr]",
    "logssfr100": "log SFR / mass, 100 Myr [1/yr]",
    "logsigsfr10": "log SFR, 10 Myr [M_sun / yr / kpc2]",
    "logsigsfr100": "log SFR, 100 Myr [M_sun / yr / kpc2]",
}
"""Quantities compared, with headings."""


@dataclass(frozen=True)
class Recovery:
    """How well one quantity is recovered over n pixels.

    Attributes
    ----------
    n : int
    bias : median of posterior median minus truth
    scatter : 1.4826 times the median absolute deviation of it
    error : median of half the 68 % interval
    within68 : share of truths inside the 68 % interval
    within95 : share inside twice its half-widths, 95 % if the posterior is Gaussian
    rank : Spearman's rank correlation of answer and truth
    """

    n: int
    bias: float
    scatter: float
    error: float
    within68: float
    within95: float
    rank: float


def read_answer(maps, name):
    """Three maps (16th, 50th, 84th percentile) of a quantity in a map file, None if not in it."""
    with fits.open(maps) as hdus:
        if f"{name}_P50".upper() not in hdus:
            return None
        return np.array([hdus[f"{name}_{p}".upper()].data for p in PERCENTILES], float)


def pull(answer, truth):
    """(Median - truth) over the half of the 68 % interval on the truth's side."""
    low, middle, high = answer
    difference = middle - truth
    with np.errstate(invalid="ignore", divide="ignore"):
        return difference / np.where(difference > 0, middle - low, high - middle)


def recovery(answer, truth, chosen=None):
    """Compare.

    Parameters
    ----------
    answer : (3, ...) array of percentiles, NaN = not answered
    truth : (...) array
    chosen : (...) bool array, pixels to compare; default all

    Returns
    -------
    recovery : Recovery, or None if fewer than 10 pixels are left
    """
    used = np.isfinite(answer).all(axis=0) & np.isfinite(truth)
    if chosen is not None:
        used &= chosen
    if used.sum() < 10:
        return None
    answer, truth = answer[:, used], truth[used]
    low, middle, high = answer
    difference, off = middle - truth, np.abs(pull(answer, truth))
    bias = np.median(difference)
    return Recovery(
        n=int(used.sum()),
        bias=float(bias),
        scatter=float(mad_std(difference)),
        error=float(np.median(high - low) / 2),
        within68=float(np.mean(off <= 1)),
        within95=float(np.mean(off <= 2)),
        rank=float(spearmanr(middle, truth).statistic),
    )


def classes(values, edges):
    """Pixels between edges: dict of name to bool array."""
    found = {}
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        name = f"> {low:g}" if np.isinf(high) else f"{low:g} to {high:g}"
        found[name] = (values >= low) & (values < high)
    return found


def row(found):
    """Cells of a table for a Recovery, '-' for None."""
    if found is None:
        return ["-"] * 7
    numbers = (found.bias, found.scatter, found.error)
    shares = (found.within68, found.within95)
    return [
        f"{found.n}", *(f"{x:+.3f}" if i == 0 else f"{x:.3f}" for i, x in enumerate(numbers)),
        *(f"{100 * x:.0f}" for x in shares), f"{found.rank:.2f}",
    ]  # fmt: skip


HEADINGS = ["n", "bias", "scatter", "error", "in 68 %", "in 95 %", "rank corr."]
