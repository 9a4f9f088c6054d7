"""The stars of an answer brought to the data: what is drawn as the model."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from phangs_sfh.galaxy.rebuild import rebuild

POLYNOMIAL_DEGREE = 3
HIGHEST_SIGMA = 400.0  # km/s


@dataclass(frozen=True)
class RebuiltSpectrum:
    """The stars of an answer, brought to the data.

    Attributes
    ----------
    flux : (n_pixels,) array, in the data's unit
    sigma_v : velocity dispersion that fits best [km/s]
    correction : largest departure of the polynomial from its mean, as a fraction
    """

    flux: np.ndarray
    sigma_v: float
    correction: float


def rebuild_to_data(forward, draws, flux, flux_err):
    """Spectrum of the answer: mean over posterior draws, times a polynomial, broadened to the data.

    What an answer leaves open is fitted by least squares: the velocity dispersion and a polynomial
    of degree 3 for the flux calibration and the unknown slope of the dust law.

    Parameters
    ----------
    forward : galaxy.forward_model.ForwardModel
    draws : dict with ``sfh``, ``mh`` (n_draws, 16) and ``av`` (n_draws,) [mag]
    flux, flux_err : (n_pixels,) arrays on the instrument's grid; error <= 0 where not used

    Returns
    -------
    rebuilt : RebuiltSpectrum
    """
    used = flux_err > 0
    x = np.linspace(-1, 1, len(flux))
    powers = np.polynomial.legendre.legvander(x, POLYNOMIAL_DEGREE)

    def at(sigma_v):
        """Best polynomial and its χ² at one velocity dispersion."""
        spectra, _ = rebuild(forward, draws["sfh"], draws["mh"], draws["av"], sigma_v)
        stars = np.mean(spectra / spectra.mean(axis=1, keepdims=True), axis=0)
        terms = stars[used, None] * powers[used] / flux_err[used, None]
        data = flux[used] / flux_err[used]
        coefficients = np.linalg.lstsq(terms, data, rcond=None)[0]
        return stars, powers @ coefficients, np.sum((data - terms @ coefficients) ** 2)

    best = minimize_scalar(
        lambda sigma_v: at(sigma_v)[2], bounds=(0, HIGHEST_SIGMA), method="bounded",
        options={"xatol": 2.0},
    )  # fmt: skip
    stars, polynomial, _ = at(best.x)
    correction = np.max(np.abs(polynomial / polynomial.mean() - 1))
    return RebuiltSpectrum(stars * polynomial, float(best.x), float(correction))


def rebuild_bands(forward, draws, flux, flux_err, sigma_v=0.0):
    """Band fluxes of the answer: mean over posterior draws, times one factor for all, fitted.

    Parameters
    ----------
    forward, draws : as for ``rebuild_to_data``
    flux, flux_err : (n_bands,) arrays; error <= 0 where missing
    sigma_v : [km/s]

    Returns
    -------
    bands : (n_bands,) array, in the data's unit
    """
    spectra, bands = rebuild(forward, draws["sfh"], draws["mh"], draws["av"], sigma_v)
    stars = np.mean(bands / spectra.mean(axis=1, keepdims=True), axis=0)
    used = flux_err > 0
    weight = stars[used] / flux_err[used] ** 2
    return stars * np.sum(weight * flux[used]) / np.sum(weight * stars[used])
