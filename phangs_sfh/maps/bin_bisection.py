"""Spatial bins of a target S/N, by bisection.

A part of the field that holds signal for k bins is cut across its longer side into two that hold
it for k/2 each, and so on down to single bins. Next to Voronoi tessellations (Cappellari & Copin
2003, MNRAS 342, 345), whose code may not be handed on, bins are less round but as even in S/N;
none is below the target, and the time grows as n log n: two million spaxels take seconds.
"""

import numpy as np

from phangs_sfh.errors import InputError

MAX_SPAXELS = 2500
"""A spaxel so faint that more than this many like it would make a bin belongs to none."""


WORTH_CUTTING = 1.9
"""Two bins are looked for in this many bins' worth: parts may hold a little more than the whole."""


def bins_of_target(signal, noise, target, covariance=0.0):
    """Bins whose S/N reaches a target.

    Parameters
    ----------
    signal, noise : (ny, nx) arrays; NaN = no data
    target : float, S/N
    covariance : α of the factor 1 + α log10(n) on the noise of n spaxels

    Returns
    -------
    bins : (ny, nx) int32 array, 0 to n - 1, -1 = in no bin

    Raises
    ------
    InputError
        If all spaxels together do not reach the target.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        snr = np.where((noise > 0) & np.isfinite(signal), signal / noise, -np.inf)
    used = snr >= target / np.sqrt(MAX_SPAXELS)
    bins = np.full(signal.shape, -1, np.int32)
    alone = snr >= target
    n = np.count_nonzero(alone)
    bins[alone] = np.arange(n)
    y, x = np.nonzero(used & ~alone)
    if len(y):
        field = _Part(y, x, signal[y, x].astype(float), noise[y, x].astype(float) ** 2, covariance)
        everything = np.arange(len(y))
        if field.snr2(everything) >= target**2:
            for leaf in _leaves(field, everything, target**2):
                bins[y[leaf], x[leaf]] = n
                n += 1
    if not n:
        reached = np.sqrt(field.snr2(everything)) if len(y) else max(float(snr.max()), 0.0)
        raise InputError(
            f"--snr {target:g}: all spaxels together reach only S/N {reached:.3g}; lower --snr"
        )
    return bins


class _Part:
    """Spaxels to be binned: places, signals and variances."""

    def __init__(self, y, x, signal, variance, covariance):
        self.axes, self.signal, self.variance = (y, x), signal, variance
        self.covariance = covariance

    def snr2(self, index):
        """Squared S/N of some spaxels added up."""
        return self._ratio(self.signal[index].sum(), self.variance[index].sum(), len(index))

    def halves(self, index):
        """Squared S/N of two equal halves of some spaxels together."""
        signal, variance = self.signal[index].sum(), self.variance[index].sum()
        return self._ratio(signal, variance, len(index) / 2)

    def snr2_both_sides(self, order):
        """Squared S/N of the first 1, 2 ... n - 1 spaxels of some, and of the others."""
        total = np.cumsum(self.signal[order]), np.cumsum(self.variance[order])
        count = np.arange(1, len(order))
        first = [part[:-1] for part in total]
        rest = [part[-1] - part[:-1] for part in total]
        return self._ratio(*first, count), self._ratio(*rest, count[::-1])

    def _ratio(self, signal, variance, count):
        grown = 1 + self.covariance * np.log10(count)
        return np.maximum(signal, 0) ** 2 / (np.maximum(variance, 1e-300) * grown**2)

    def orders(self, index):
        """The spaxels sorted along the longer side, then along the other."""
        sides = [np.ptp(axis[index]) for axis in self.axes]
        for axis in np.argsort(sides)[::-1]:
            # ties are broken along the other side, so that a cut within a line leaves both whole
            keys = self.axes[1 - axis][index], self.axes[axis][index]
            yield index[np.lexsort(keys)]


def _leaves(field, everything, least):
    """Parts that cannot be cut in two that both reach the least squared S/N (lists of indices)."""
    waiting = [everything]
    while waiting:
        index = waiting.pop()
        cut = _cut(field, index, least)
        if cut is None:
            yield index
        else:
            waiting.extend(cut)


def _cut(field, index, least):
    """Two parts that hold signal for whole numbers of bins, or None."""
    if len(index) < 2:
        return None
    holds = field.halves(index) / least
    if holds < WORTH_CUTTING:
        return None
    k = max(int(holds), 2)
    for order in field.orders(index):
        first, rest = field.snr2_both_sides(order)
        good = (first >= least) & (rest >= least)
        if good.any():
            share = (k // 2) / (k - k // 2)
            with np.errstate(divide="ignore"):
                off = np.where(good, np.abs(np.log(first / (rest * share))), np.inf)
            place = int(np.argmin(off)) + 1
            return order[:place], order[place:]
    return None
