"""Spectra added up by spatial bin, as they come."""

import numpy as np
from scipy import sparse

MIN_BIN_SHARE = 0.5
"""Share of a bin's spaxels that must be good in a pixel or band for it to count in the bin."""


class BinStack:
    """Sums of spectra by bin: 14 kB a bin.

    Parameters
    ----------
    n_bins, n_pixels : int
    """

    def __init__(self, n_bins, n_pixels):
        self.flux = np.zeros((n_bins, n_pixels), np.float32)
        self.variance = np.zeros((n_bins, n_pixels), np.float32)
        self.count = np.zeros((n_bins, n_pixels), np.uint16)
        self.members = np.zeros(n_bins, np.int64)

    def add(self, bins, flux, error):
        """Add spectra (n_pixels, n), error 0 = missing, to their bins (n,), -1 = none."""
        used = np.flatnonzero((bins >= 0) & error.any(axis=0))
        if not len(used):
            return
        found, place = np.unique(bins[used], return_inverse=True)
        shape = (len(found), len(used))
        ones = np.ones(len(used), np.float32)
        adder = sparse.csr_matrix((ones, (place, np.arange(len(used)))), shape)
        error = error[:, used].T
        self.flux[found] += adder @ flux[:, used].T
        self.variance[found] += adder @ error**2
        self.count[found] += (adder @ (error > 0).astype(np.float32)).astype(np.uint16)
        self.members[found] += np.bincount(place)

    def mean(self, part, covariance=0.0):
        """Mean spectra of some bins and their errors, (n, n_pixels); error 0 = missing."""
        count, members = self.count[part], self.members[part][:, None]
        enough = (count > 0) & (count >= MIN_BIN_SHARE * members)
        n = np.maximum(count, 1).astype(np.float32)
        error = np.sqrt(self.variance[part]) / n
        error *= 1 + covariance * np.log10(np.maximum(members, 1)).astype(np.float32)
        return np.where(enough, self.flux[part] / n, 0), np.where(enough, error, 0)
