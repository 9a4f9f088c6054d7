"""Spectra and band fluxes added up by spatial bin, as they come."""

import os
import tempfile

import numpy as np
from scipy import sparse

MIN_BIN_SHARE = 0.5
"""Share of a bin's spaxels that must be good in a pixel or band for it to count in the bin."""


class BinStack:
    """Sums of spectra by bin: 18 kB a bin.

    Parameters
    ----------
    n_bins, n_pixels : int
    largest : int, spaxels in the largest bin
    """

    def __init__(self, n_bins, n_pixels, largest=2**16):
        counter = np.uint16 if largest < 2**16 else np.uint32
        self.flux = np.zeros((n_bins, n_pixels), np.float32)
        self.variance = np.zeros((n_bins, n_pixels), np.float32)
        self.count = np.zeros((n_bins, n_pixels), counter)
        self.members = np.zeros(n_bins, np.int64)

    @property
    def arrays(self):
        """All that the sums consist of (dict of arrays), to be saved and put back in place."""
        names = ("flux", "variance", "count", "members")
        return {f"stack_{name}": getattr(self, name) for name in names}

    def add(self, bins, flux, error):
        """Add spectra (n, n_pixels), error 0 = missing, to their bins (n,), -1 = none."""
        used = np.flatnonzero((bins >= 0) & error.any(axis=1))
        if not len(used):
            return
        found, place = np.unique(bins[used], return_inverse=True)
        shape = (len(found), len(used))
        ones = np.ones(len(used), np.float32)
        adder = sparse.csr_matrix((ones, (place, np.arange(len(used)))), shape)
        error = error[used]
        self.flux[found] += adder @ flux[used]
        self.variance[found] += adder @ error**2
        self.count[found] += (adder @ (error > 0).astype(np.float32)).astype(self.count.dtype)
        self.members[found] += np.bincount(place)

    def mean(self, chosen, covariance=0.0):
        """Mean spectra of some bins and their errors, (n, n_pixels); error 0 = missing."""
        count, members = self.count[chosen], self.members[chosen][:, None]
        enough = (count > 0) & (count >= MIN_BIN_SHARE * members)
        n = np.maximum(count, 1).astype(np.float32)
        error = np.sqrt(self.variance[chosen]) / n
        error *= 1 + covariance * np.log10(np.maximum(members, 1)).astype(np.float32)
        return np.where(enough, self.flux[chosen] / n, 0), np.where(enough, error, 0)


class MeansOnDisk:
    """Mean spectra of bins in a nameless file: sums and network need not be in memory at once.

    Parameters
    ----------
    stack : BinStack
    covariance : see ``BinStack.mean``
    folder : where there is room
    step : int, bins worked on at a time
    """

    def __init__(self, stack, covariance, folder, step=512):
        n, self.n_pixels = stack.flux.shape
        self.file = tempfile.TemporaryFile(dir=folder, prefix=".bins-")
        for start in range(0, n, step):
            means = np.stack(stack.mean(slice(start, min(start + step, n)), covariance), axis=1)
            self.file.write(means.astype(np.float32).tobytes())
        self.file.flush()

    def read(self, first, last):
        """Mean spectra of the bins from ``first`` to before ``last`` and their errors."""
        size = 2 * self.n_pixels * 4
        content = os.pread(self.file.fileno(), (last - first) * size, first * size)
        means = np.frombuffer(content, np.float32).reshape(last - first, 2, self.n_pixels)
        return means[:, 0], means[:, 1]


class BandStack:
    """Sums of band fluxes by bin.

    Parameters
    ----------
    n_bins, n_bands : int
    """

    def __init__(self, n_bins, n_bands):
        self.flux, self.variance, self.count = np.zeros((3, n_bins, n_bands))
        self.members = np.zeros(n_bins, np.int64)

    @property
    def arrays(self):
        """All that the sums consist of (dict of arrays), to be saved and put back in place."""
        names = ("flux", "variance", "count", "members")
        return {f"bands_{name}": getattr(self, name) for name in names}

    def add(self, bins, flux, error):
        """Add band fluxes (n, n_bands), error 0 = missing, to their bins (n,), -1 = none."""
        used = bins >= 0
        bins, n = bins[used], len(self.members)
        self.members += np.bincount(bins, minlength=n)
        for index, (value, spread) in enumerate(zip(flux[used].T, error[used].T, strict=True)):
            good = spread > 0
            self.count[:, index] += np.bincount(bins[good], minlength=n)
            self.flux[:, index] += np.bincount(bins[good], value[good], n)
            self.variance[:, index] += np.bincount(bins[good], spread[good] ** 2.0, n)

    def mean(self, chosen):
        """Mean band fluxes of some bins and their errors, (n, n_bands); error 0 = missing."""
        count = self.count[chosen]
        enough = (count > 0) & (count >= MIN_BIN_SHARE * self.members[chosen][:, None])
        n = np.maximum(count, 1)
        error = np.sqrt(self.variance[chosen]) / n
        return np.where(enough, self.flux[chosen] / n, 0), np.where(enough, error, 0)
