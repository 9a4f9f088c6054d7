"""Resampling of spectra that all share wavelengths and redshift: the spaxels of a cube.

The arithmetic is ``resampling.resample``'s, with the weights worked out once, in single precision
and with the spectra as columns, as cubes have them.
"""

import numpy as np
from scipy import sparse

from phangs_sfh.instrument import resampling
from phangs_sfh.instrument.refraction import rest_air


class SharedGrid:
    """Weights from one observed wavelength axis to the rest-frame grid.

    Parameters
    ----------
    wave : (n_in,) array [Å], observed, ascending
    redshift : float
    vacuum : bool
    instrument : Instrument
    """

    def __init__(self, wave, redshift, vacuum, instrument):
        low, high = resampling.pixel_bounds(rest_air(wave, redshift, vacuum))
        edges = instrument.pixel_edges
        lengths = resampling.overlaps(low, high, edges)
        shape = lengths.shape
        share = lengths.data / (high - low)[lengths.indices]

        def matrix(data):
            return sparse.csr_matrix((data.astype("f4"), lengths.indices, lengths.indptr), shape)

        self.lengths, self.squares, self.shares = (
            matrix(data) for data in (lengths.data, lengths.data**2, share)
        )
        step = np.diff(edges)[:, None]
        self.needed = (resampling.MIN_COVERAGE * step * (1 - 1e-5)).astype("f4")

    def resample(self, flux, variance):
        """Bring spectra to the grid.

        Parameters
        ----------
        flux, variance : (n_in, n) float32 arrays, both 0 where missing

        Returns
        -------
        flux, error : (n_pixels, n) float32 arrays, 0 where missing
        """
        good = variance > 0
        covered = self.lengths @ good.astype("f4")
        present = covered >= self.needed
        covered[~present] = 1.0
        mean = (self.lengths @ flux) / covered
        propagated = (self.squares @ variance) / covered**2
        inverse = np.divide(np.float32(1), variance, out=np.zeros_like(variance), where=good)
        information = self.shares @ inverse
        error = np.divide(np.float32(1), information, out=np.zeros_like(mean), where=present)
        np.maximum(error, propagated, out=error)
        np.sqrt(error, out=error)
        mean[~present] = 0
        error[~present] = 0
        return mean, error


def channels_needed(wave, redshifts, vacuum, instrument):
    """Channels of a cube that reach the grid at the lowest or highest of some redshifts.

    Returns
    -------
    channels : slice; empty if none does
    """
    edges = instrument.pixel_edges
    picked = np.zeros(len(wave), bool)
    for z in (min(redshifts), max(redshifts)):
        low, high = resampling.pixel_bounds(rest_air(wave, z, vacuum))
        picked |= (high > edges[0]) & (low < edges[-1])
    index = np.flatnonzero(picked)
    return slice(int(index[0]), int(index[-1]) + 1) if len(index) else slice(0, 0)
