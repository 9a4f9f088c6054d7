"""The demo: one real MUSE spectrum, from the file to a result table and a figure."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar

from phangs_sfh.errors import InputError
from phangs_sfh.files.tables import check_output, read_table, write_table
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.galaxy.rebuild import rebuild
from phangs_sfh.observations import flags
from phangs_sfh.observations.table import observations_from_table
from phangs_sfh.plots import figures
from phangs_sfh.prediction.model import load_model
from phangs_sfh.prediction.results import PERCENTILES
from phangs_sfh.problems.histories.labels import SFH
from phangs_sfh.ssp.engines import load_ssp

SPECTRUM_FILE = "demo_spectrum.fits"
TABLE_FILE, FIGURE_FILE = "demo_result.ecsv", "demo.png"
TITLE = "Abell 478, brightest cluster galaxy, MUSE, z = {z:.4f}"
POLYNOMIAL_DEGREE = 3
HIGHEST_SIGMA = 400.0  # km/s
SCALAR_LABELS = {
    "mw_logage": r"log age$_{\rm mass}$ [yr]",
    "lw_logage": r"log age$_{\rm light}$ [yr]",
    "mw_mh": r"[M/H]$_{\rm mass}$",
    "lw_mh": r"[M/H]$_{\rm light}$",
    "logml": r"log $M/L_{\rm F555W}$",
    "av": r"$A_V$ [mag]",
}


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


@dataclass(frozen=True)
class Demonstration:
    """What a run of the demo made.

    Attributes
    ----------
    table : QTable, the result
    table_path, figure_path : Path
    rebuilt : RebuiltSpectrum
    chi2 : reduced χ² of the rebuilt spectrum over the pixels used
    """

    table: object
    table_path: Path
    figure_path: Path
    rebuilt: RebuiltSpectrum
    chi2: float


def run(folder, model_path=None, overwrite=False):
    """Predict the embedded spectrum; write a result table and a figure into ``folder``.

    Returns
    -------
    demonstration : Demonstration

    Raises
    ------
    InputError
        If an output exists and ``overwrite`` is False, or the model cannot be used.
    OSError
        If the folder cannot be written.
    """
    folder = Path(folder)
    table_path, figure_path = folder / TABLE_FILE, folder / FIGURE_FILE
    if figure_path.exists() and not overwrite:
        raise InputError(f"{figure_path}: output exists; use --overwrite to replace it")
    if table_path.exists():
        check_output(table_path, overwrite)
    model = load_model(model_path)
    folder.mkdir(parents=True, exist_ok=True)
    with resources.as_file(resources.files("phangs_sfh.data") / SPECTRUM_FILE) as path:
        source = read_table(path)
    observed = observations_from_table(
        source, model.instrument, mask_emission_lines=model.masks_emission_lines
    )
    table = model.predict(observed)
    draws = posterior_draws(model, observed)
    flux, error = observed.flux[0].astype(float), observed.flux_err[0].astype(float)
    rebuilt = rebuild_to_data(ForwardModel(load_ssp(), model.instrument), draws, flux, error)
    used = error > 0
    chi2 = np.mean(((flux - rebuilt.flux)[used] / error[used]) ** 2)
    write_table(table, table_path, overwrite)
    figure = draw(source, observed, draws, rebuilt, table)
    figures.save_figure(figure, figure_path)
    return Demonstration(table, table_path, figure_path, rebuilt, float(chi2))


def posterior_draws(model, observed):
    """Samples of the first row's posterior, dict of float64 (n_draws, ...) arrays."""
    import tensorflow as tf

    inputs = {name: tf.constant(value[:1]) for name, value in observed.inputs().items()}
    samples = model.saved.signatures["posterior"](**inputs)
    return {name: value.numpy()[0].astype(float) for name, value in samples.items()}


def unmasked_flux(source, observed):
    """The spectrum on the grid with its masked pixels, scaled as in ``observed``, for the eye."""
    whole = source.copy()
    whole.remove_column("mask")
    shown = observations_from_table(whole, observed.instrument)
    used = (observed.flux_err[0] > 0) & (shown.flux_err[0] > 0)
    scale = np.median(observed.flux[0][used] / shown.flux[0][used])
    return np.where(shown.flux_err[0] > 0, shown.flux[0] * scale, np.nan)


def draw(source, observed, draws, rebuilt, table):
    """The figure of the demo."""
    error = observed.flux_err[0].astype(float)
    spectrum = figures.Spectrum(
        wave=observed.instrument.wave,
        flux=unmasked_flux(source, observed),
        flux_err=error,
        used=error > 0,
        model=rebuilt.flux,
    )
    scalars = [
        (label, *[first_value(table[f"{name}_{p}"]) for p in PERCENTILES])
        for name, label in SCALAR_LABELS.items()
    ]
    caption = (
        f"Model: mean spectrum of {len(draws['av'])} posterior draws, stars alone, broadened by "
        f"{rebuilt.sigma_v:.0f} km/s and times a cubic (within {rebuilt.correction:.0%} of its "
        "mean), both fitted.\nBands: 68 % and 95 % of the posterior, from the spectrum alone, "
        "without HST bands. Errors of the numbers are 68 %. $A_V$ includes the Milky Way."
    )
    return figures.answer_figure(
        spectrum,
        np.quantile(draws["sfh"], figures.QUANTILES, axis=0),
        np.quantile(draws["mh"], figures.QUANTILES, axis=0),
        scalars,
        TITLE.format(z=source["redshift"][0]),
        caption,
        SFH.floor,
    )


def first_value(column):
    return float(np.asarray(getattr(column, "value", column))[0])


def summary(demonstration):
    """A few lines to read: what was found, how far to trust it, where the files are."""
    table, rebuilt = demonstration.table, demonstration.rebuilt

    def interval(name, digits=2):
        low, middle, high = (first_value(table[f"{name}_{p}"]) for p in PERCENTILES)
        return f"{middle:.{digits}f} (68 %: {low:.{digits}f} to {high:.{digits}f})"

    flag = int(table["flag"][0])
    return "\n".join(
        [
            "Abell 478, brightest cluster galaxy; one MUSE spectrum, no HST bands",
            f"  log mean age, by mass   {interval('mw_logage')} log yr",
            f"  log mean age, by light  {interval('lw_logage')} log yr",
            f"  [M/H], by mass          {interval('mw_mh')} dex",
            f"  A_V, Milky Way included {interval('av')} mag",
            f"  rebuilt spectrum        reduced chi2 {demonstration.chi2:.2f}, "
            f"sigma {rebuilt.sigma_v:.0f} km/s",
            f"  surprise                {float(table['surprise'][0]):.2f}",
            f"  flag                    {flag}: {flags.describe(flag)}",
            f"table:  {demonstration.table_path}",
            f"figure: {demonstration.figure_path}",
        ]
    )
