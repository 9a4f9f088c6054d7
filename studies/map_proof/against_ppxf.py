"""The bins of a map file fitted with pPXF: the same spectra, the same templates, another method."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits

from phangs_sfh.instrument.emission_lines import window_mask
from phangs_sfh.maps.bin_stack import BinStack
from phangs_sfh.maps.input.cube import open_cube
from phangs_sfh.maps.input.cube_spectra import CubeSpectra
from phangs_sfh.peers.ppxf import SCALARS, PpxfPeer
from studies.map_proof.against_truth import read_answer

N_TRIED = 5
"""Spectra on which the regularisation is chosen."""


@dataclass(frozen=True)
class Fits:
    """pPXF's answers, one a bin.

    Attributes
    ----------
    values, errors : dict of (n_bins,) arrays by scalar; errors are standard deviations of the
        bootstraps, 0 without
    chi2 : (n_bins,) array, reduced
    regul : float, 1 / regularisation error
    snr : (n_bins,) array, median S/N of the spectra fitted
    seconds, seconds_bootstraps : float, for all bins
    """

    values: dict
    errors: dict
    chi2: np.ndarray
    regul: float
    snr: np.ndarray
    seconds: float
    seconds_bootstraps: float


def bin_spectra(cube, bins, redshift, instrument, covariance=0.0):
    """Mean spectra of the bins of a cube on the rest-frame grid.

    Parameters
    ----------
    cube : path
    bins : (ny, nx) int array, -1 = none
    redshift : float
    instrument : Instrument
    covariance : as ``map --bin-covariance``

    Returns
    -------
    flux, error : (n_bins, n_pixels) arrays, error 0 = missing
    """
    opened = open_cube(cube)
    spectra = CubeSpectra(opened, np.full(opened.shape, redshift), instrument)
    n_bins = int(bins.max()) + 1
    stack = BinStack(n_bins, instrument.n_pixels)
    for rows in spectra.blocks():
        for index, flux, error in spectra.resampled(rows):
            stack.add(bins[rows].ravel()[index], flux, error)
    return stack.mean(slice(0, n_bins), covariance)


def fit_bins(flux, error, instrument, bootstraps, gas=False, progress=lambda n: None):
    """Fit every spectrum with pPXF, regularised as its documentation says for N_TRIED of them.

    Parameters
    ----------
    flux, error : (n_bins, n_pixels) arrays
    instrument : Instrument
    bootstraps : int, refits a spectrum
    gas : bool, fit emission lines
    progress : callable, given how many more are done

    Returns
    -------
    fits : Fits
    """
    peer = PpxfPeer(instrument=instrument)
    tried = np.linspace(0, len(flux) - 1, min(N_TRIED, len(flux))).astype(int)
    peer.regul = float(np.median(peer.choose_regul([(flux[i], error[i]) for i in tried])))
    answers = []
    for number, (one, its_error) in enumerate(zip(flux, error, strict=True)):
        answers.append(peer.fit(one, its_error, gas=gas, bootstraps=bootstraps, seed=number))
        progress(1)
    errors = {
        name: np.array([np.nanstd(a.bootstraps.get(name, [0.0])) for a in answers])
        for name in SCALARS
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error > 0, flux / error, np.nan)
    return Fits(
        values={name: np.array([getattr(a, name) for a in answers]) for name in SCALARS},
        errors=errors,
        chi2=np.array([a.chi2 for a in answers]),
        regul=peer.regul,
        snr=np.nanmedian(ratio, axis=1),
        seconds=sum(a.seconds for a in answers),
        seconds_bootstraps=sum(a.seconds_bootstraps for a in answers),
    )


def by_bin(maps, name, bins):
    """Percentiles of a map file's quantity, one a bin: (3, n_bins) array."""
    answer = read_answer(maps, name)
    _, first = np.unique(bins[bins >= 0], return_index=True)
    return answer[:, bins >= 0][:, first]


def painted(values, bins):
    """Values of bins on their spaxels, NaN outside; (ny, nx)."""
    return np.where(bins >= 0, np.asarray(values, float)[np.maximum(bins, 0)], np.nan)


def read_bin_map(maps):
    """Bin numbers of a map file, (ny, nx)."""
    with fits.open(maps) as hdus:
        return np.array(hdus["BIN"].data, int)


def mask_lines(source, output, redshift, lines, half_width, sky):
    """Copy a MUSE cube, with emission lines and sky lines flagged in DQ.

    Parameters
    ----------
    source, output : paths; the source has extensions DATA, STAT and DQ
    redshift : float
    lines : dict of wavelengths at rest, air [Å], by name
    half_width : [km/s]
    sky : pairs of observed wavelengths [Å] between which all is flagged
    """
    wave = open_cube(source).wave
    bad = window_mask(wave / (1 + redshift), lines, velocity=half_width)
    for low, high in sky:
        bad |= (wave > low) & (wave < high)
    with fits.open(source) as hdus:
        quality = hdus["DQ"].data
        quality[bad] = 1
        hdus["DQ"].data = quality
        hdus.writeto(output, overwrite=True)
