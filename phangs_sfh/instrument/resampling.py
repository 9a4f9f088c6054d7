"""Flux-conserving resampling onto a grid, with errors and gaps; plain numpy, no units.

Flux density is taken as constant within an input pixel. The value of a grid pixel is the mean over
the part of it that good input pixels cover: exact overlaps, no interpolation.
"""

import numpy as np
from scipy import sparse

GAP = 1.5
"""A step this many times the step on the other side of a pixel is a gap, not half its width."""

MIN_COVERAGE = 0.5
"""Share of a grid pixel that good input pixels must cover; below it the pixel is missing."""


def pixel_bounds(wave):
    """Lower and upper bounds of pixels of which the centres are known.

    Bounds lie half-way between centres. Beside a gap, where pixels have been cut out, a pixel is as
    wide as towards its other neighbour: its flux is not spread over the gap.

    Parameters
    ----------
    wave : (n,) array, strictly ascending, n >= 2

    Returns
    -------
    low, high : (n,) arrays
    """
    steps = np.diff(wave)
    before = np.concatenate([steps[:1], steps])
    after = np.concatenate([steps, steps[-1:]])
    low = wave - 0.5 * np.where(before > GAP * after, after, before)
    high = wave + 0.5 * np.where(after > GAP * before, before, after)
    return low, high


def overlaps(low, high, edges):
    """Length that each grid pixel shares with each input pixel.

    Parameters
    ----------
    low, high : (n_in,) arrays, bounds of the input pixels
    edges : (n_out + 1,) array, edges of the grid's pixels, ascending

    Returns
    -------
    lengths : (n_out, n_in) scipy CSR matrix, in the unit of the wavelengths
    """
    n_out = len(edges) - 1
    first = np.searchsorted(edges, low, side="right") - 1
    last = np.searchsorted(edges, high, side="left") - 1
    first, last = np.maximum(first, 0), np.minimum(last, n_out - 1)
    counts = np.maximum(last - first + 1, 0)
    column = np.repeat(np.arange(len(low)), counts)
    nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    row = first[column] + nth
    length = np.minimum(high[column], edges[row + 1]) - np.maximum(low[column], edges[row])
    return sparse.csr_matrix((length, (row, column)), shape=(n_out, len(low)))


def resample(flux, error, good, low, high, edges):
    """Resample spectra that share their input pixels.

    The error of a grid pixel is the larger of two. One is the exact propagation of independent
    input errors through the mean. It tells the scatter of that pixel, but neighbours that share
    an input pixel share its noise, and a reader who takes them as independent would count the same
    photons twice. The other shares out the information (inverse variance) of every input pixel
    among the grid pixels in proportion to the overlap, so that all of them together hold no more
    than the input did: an input pixel k times as wide as the grid's gives errors sqrt(k) times its
    own.

    Parameters
    ----------
    flux, error : (n, n_in) arrays, flux density and its standard deviation
    good : (n, n_in) bool array; what is elsewhere is not looked at
    low, high : (n_in,) arrays, see ``pixel_bounds``
    edges : (n_out + 1,) array

    Returns
    -------
    flux, error : (n, n_out) float64 arrays; zero where missing
    """
    lengths = overlaps(low, high, edges)
    flux = np.where(good, flux, 0.0)
    error = np.where(good, error, 1.0)
    covered = (lengths @ good.T.astype(np.float64)).T
    present = covered >= MIN_COVERAGE * np.diff(edges) * (1 - 1e-9)
    covered = np.where(present, covered, 1.0)
    mean = (lengths @ flux.T).T / covered
    squares = sparse.csr_matrix((lengths.data**2, lengths.indices, lengths.indptr), lengths.shape)
    propagated = (squares @ np.where(good, error**2, 0.0).T).T / covered**2
    share = lengths.data / (high - low)[lengths.indices]
    shares = sparse.csr_matrix((share, lengths.indices, lengths.indptr), lengths.shape)
    information = (shares @ np.where(good, error**-2.0, 0.0).T).T
    shared = np.divide(1.0, information, out=np.zeros_like(mean), where=present)
    return (
        np.where(present, mean, 0.0),
        np.where(present, np.sqrt(np.maximum(propagated, shared)), 0.0),
    )
