"""pPXF (Cappellari 2023) on the same inputs as the network, set up as its author recommends.

Templates come from this package's SSP grid (``ppxf_templates``). Stars and gas have kinematics of
their own; lines are free but for fixed doublets. A multiplicative polynomial takes up the flux
calibration of the spectrum. Bands, where there are any, enter through ``phot``,
with pPXF's default dust curve of free A_V and slope; without them the polynomial takes up the dust
too. Weights are regularised to second order, with ``regul`` found by the recipe in pPXF's
documentation (``choose_regul``). Uncertainties are a wild bootstrap of the residuals of the
regularised fit, refitted without regularisation, as in ``ppxf_example_population_bootstrap``.
"""

import contextlib
import io
import time
from dataclasses import dataclass, field, replace

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.peers import ppxf_templates

SCALARS = ("mw_logage", "lw_logage", "mw_mh", "lw_mh")
PERCENTILES = {"p025": 2.5, "p16": 16, "p50": 50, "p84": 84, "p975": 97.5}
MDEGREE = 8  # as in ppxf_example_population_photometry
BAND_FLOOR = 0.05
"""Relative error added to each band's, for zero points and apertures."""
MASKED_SHARE = 0.2
REGUL = 1000.0
"""Typical result of ``choose_regul`` at S/N 50 with bands (docs/benchmark.md)."""
REGUL_LADDER = (1.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
FIRST_GUESS = [0.0, 120.0]  # velocity and dispersion [km/s]
BOUNDS = [[-400.0, 400.0], [1.0, 500.0]]


@dataclass
class PpxfAnswer:
    """What pPXF says of one spectrum.

    Attributes
    ----------
    mw_logage, lw_logage : float [log10 yr]; lw_* weighted by dust-free F555W light
    mw_mh, lw_mh : float [dex]
    sfh : (16,) array, mass fractions
    mh : (16,) array [dex], mass-weighted; NaN in bins without mass
    av : float [mag], NaN without bands; velocity, sigma : float [km/s], of the stars
    chi2 : float, per degree of freedom
    seconds : float, of the fit, processor time
    wave, flux, bestfit : (n,) arrays, log-rebinned spectrum as fitted, in units of its median
    good : (n,) bool array, pixels fitted
    bootstraps : dict of (n_bootstraps,) arrays by scalar and (n_bootstraps, 16) ``sfh``; empty
        without bootstraps
    seconds_bootstraps : float
    """

    mw_logage: float
    lw_logage: float
    mw_mh: float
    lw_mh: float
    sfh: np.ndarray
    mh: np.ndarray
    av: float
    velocity: float
    sigma: float
    chi2: float
    seconds: float
    wave: np.ndarray
    flux: np.ndarray
    bestfit: np.ndarray
    good: np.ndarray
    bootstraps: dict = field(default_factory=dict)
    seconds_bootstraps: float = 0.0

    def percentiles(self, name):
        """Percentiles of the bootstraps of a scalar or of ``sfh``, keys of ``PERCENTILES``."""
        values = self.bootstraps[name]
        return {key: np.nanpercentile(values, q, axis=0) for key, q in PERCENTILES.items()}


@dataclass(frozen=True)
class _Problem:
    """Arguments of one pPXF call, and the units of its flux."""

    galaxy: np.ndarray
    noise: np.ndarray
    good: np.ndarray
    phot: dict | None
    options: dict


class PpxfPeer:
    """pPXF with templates of one SSP grid for one instrument.

    Parameters
    ----------
    ssp : ssp.grid.SSPGrid, default the embedded BC03
    instrument : instrument.description.Instrument, default the package's
    regul : float, 1 / regularisation error of light weights
    log_age_step : float [dex]
    mdegree : int, degree of the multiplicative polynomial
    templates : ppxf_templates.PpxfTemplates made earlier, instead of ``ssp``

    Raises
    ------
    InputError
        If pPXF is not installed.
    """

    def __init__(
        self, ssp=None, instrument=None, regul=REGUL, log_age_step=None, mdegree=MDEGREE,
        templates=None,
    ):  # fmt: skip
        require_ppxf()
        from phangs_sfh.instrument.description import load_instrument

        self.instrument = load_instrument() if instrument is None else instrument
        self.regul = regul
        self.mdegree = mdegree
        if templates is None:
            from phangs_sfh.ssp.engines import load_ssp

            step = ppxf_templates.LOG_AGE_STEP if log_age_step is None else log_age_step
            ssp = load_ssp() if ssp is None else ssp
            templates = ppxf_templates.make_templates(ssp, self.instrument, step)
        self.templates = t = templates
        self.reg_dim = t.spectra.shape[1:]
        self._n_stars = int(np.prod(self.reg_dim))
        self._lines, self._line_names = self._line_templates()
        stars = t.spectra.reshape(len(t.wave), -1)
        self._matrix = np.column_stack([stars, self._lines])
        line_flux, line_wave = ppxf_templates.line_bands(t.wave, self._lines, self.instrument)
        n_bands = self.instrument.n_bands
        self._band_matrix = np.column_stack([t.bands.reshape(n_bands, -1), line_flux])
        self._band_wave = np.column_stack([t.band_wave.reshape(n_bands, -1), line_wave])

    def _line_templates(self):
        from ppxf import ppxf_util

        wave = self.instrument.wave
        with contextlib.redirect_stdout(io.StringIO()):
            lines, names, _ = ppxf_util.emission_lines(
                np.log(self.templates.wave),
                [wave[0], wave[-1]],
                self.instrument.lsf_fwhm,
            )
        return lines, np.asarray(names)

    def fit(
        self, flux, flux_err, band_flux=None, band_flux_err=None, gas=True, bootstraps=0, seed=0
    ):
        """Fit one rest-frame spectrum on the instrument's grid, with bands where there are any.

        Parameters
        ----------
        flux, flux_err : (n_pixels,) arrays; error ≤ 0 or not finite = missing
        band_flux, band_flux_err : (n_bands,) arrays in the same unit, likewise; optional
        gas : bool, fit emission lines
        bootstraps : int, refits of resampled residuals
        seed : int, of the bootstraps

        Returns
        -------
        answer : PpxfAnswer

        Raises
        ------
        InputError
            If fewer pixels than templates' parameters are usable.
        """
        problem = self._problem(flux, flux_err, band_flux, band_flux_err, gas)
        started = time.process_time()
        fit = self._run(problem, problem.galaxy, problem.phot, self.regul)
        seconds = time.process_time() - started
        answer = self._answer(fit, problem, seconds)
        if bootstraps:
            started = time.process_time()
            answer.bootstraps = self._bootstrap(fit, problem, bootstraps, seed)
            answer.seconds_bootstraps = time.process_time() - started
        return answer

    def choose_regul(self, inputs, ladder=REGUL_LADDER):
        """The regularisation that pPXF's documentation recommends, for each of some spectra.

        Noise is scaled so that the unregularised fit has χ² = N; ``regul`` is then raised until χ²
        has grown by sqrt(2 N).

        Parameters
        ----------
        inputs : iterable of tuples, arguments of ``fit``
        ladder : ascending floats that are tried

        Returns
        -------
        regul : (n,) array, interpolated in logarithm
        """
        return np.array([self._choose_one(self._problem(*row, gas=True), ladder) for row in inputs])

    def _choose_one(self, problem, ladder):
        first = self._run(problem, problem.galaxy, problem.phot, 0.0)
        base = _chi2(first, problem)
        n_data = int(problem.good.sum())
        factor = np.sqrt(base / n_data)
        phot = problem.phot and {**problem.phot, "noise": problem.phot["noise"] * factor}
        scaled = replace(problem, noise=problem.noise * factor, phot=phot)
        grown = []
        for regul in ladder:
            fit = self._run(scaled, scaled.galaxy, scaled.phot, regul, start=list(first.sol))
            grown.append(_chi2(fit, scaled) - n_data)
            if grown[-1] > np.sqrt(2 * n_data):
                break
        grown = np.maximum.accumulate(np.maximum(grown, 1e-6))
        tried = np.log(ladder[: len(grown)])
        return float(np.exp(np.interp(np.log(np.sqrt(2 * n_data)), np.log(grown), tried)))

    def _problem(self, flux, flux_err, band_flux=None, band_flux_err=None, gas=True):
        from ppxf import ppxf_util

        flux, error = np.asarray(flux, dtype=float), np.asarray(flux_err, dtype=float)
        usable = np.isfinite(flux) & np.isfinite(error) & (error > 0)
        if usable.sum() < 100:
            raise InputError(f"spectrum: {usable.sum()} usable pixels, pPXF needs 100 or more")
        level = np.median(flux[usable])
        wave = self.instrument.wave
        index = np.arange(len(wave))
        filled = np.interp(index, index[usable], flux[usable]) / level
        variance = np.interp(index, index[usable], error[usable] ** 2) / level**2
        stacked = np.column_stack([filled, variance, ~usable])
        rebinned, ln_wave, _ = ppxf_util.log_rebin(wave, stacked)
        good = rebinned[:, 2] < MASKED_SHARE
        phot = self._phot(band_flux, band_flux_err, level, gas)
        options = self._options(gas, phot is not None)
        options |= {"lam": np.exp(ln_wave), "mask": good}
        return _Problem(rebinned[:, 0], np.sqrt(rebinned[:, 1]), good, phot, options)

    def _phot(self, band_flux, band_flux_err, level, gas):
        if band_flux is None:
            return None
        flux, error = np.asarray(band_flux, float) / level, np.asarray(band_flux_err, float) / level
        n_columns = self._matrix.shape[1] if gas else self._n_stars
        matrix, wave = self._band_matrix[:, :n_columns], self._band_wave[:, :n_columns]
        used = np.isfinite(flux) & np.isfinite(error) & (error > 0) & np.isfinite(matrix[:, 0])
        if not used.any():
            return None
        noise = np.hypot(error, BAND_FLOOR * np.abs(flux))[used]
        return {
            "templates": matrix[used], "galaxy": flux[used], "noise": noise, "lam": wave[used]
        }  # fmt: skip

    def _options(self, gas, bands):
        """Keywords of pPXF that do not depend on the data's values."""
        n_lines = self._lines.shape[1] if gas else 0
        is_gas = np.repeat([False, True], [self._n_stars, n_lines])
        options = {
            "degree": -1, "mdegree": self.mdegree, "moments": 2, "bounds": BOUNDS,
            "reg_dim": self.reg_dim, "quiet": True, "lam_temp": self.templates.wave,
        }  # fmt: skip
        if bands:  # without them the polynomial alone takes up dust
            attenuation = {"start": [0.1, -0.1], "bounds": [[0.0, 4.0], [-1.0, 0.4]]}
            options["dust"] = [attenuation | {"component": ~is_gas}]
        if gas:
            options |= {
                "component": is_gas.astype(int), "gas_component": is_gas, "moments": [2, 2],
                "bounds": [BOUNDS, BOUNDS], "gas_names": self._line_names,
            }  # fmt: skip
        return options

    def _run(self, problem, galaxy, phot, regul, start=None):
        from ppxf.ppxf import ppxf

        gas = "gas_component" in problem.options
        matrix = self._matrix if gas else self._matrix[:, : self._n_stars]
        options = dict(problem.options)
        # pPXF writes its solution into these.
        if "dust" in options:
            options["dust"] = [dict(dust) for dust in options["dust"]]
        if start is None:
            start = [FIRST_GUESS, FIRST_GUESS] if gas else FIRST_GUESS
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            return ppxf(
                matrix, galaxy, problem.noise, self.templates.velscale, start,
                regul=regul, phot=phot, **options,
            )  # fmt: skip

    def _answer(self, fit, problem, seconds):
        numbers = self.populations(fit.weights[: self._n_stars])
        stars = fit.sol[0] if np.ndim(fit.sol[0]) else fit.sol
        return PpxfAnswer(
            **numbers,
            av=float(fit.dust[0]["sol"][0]) if fit.dust else np.nan,
            velocity=float(stars[0]),
            sigma=float(stars[1]),
            chi2=float(fit.chi2),
            seconds=seconds,
            wave=problem.options["lam"],
            flux=problem.galaxy,
            bestfit=fit.bestfit,
            good=problem.good,
        )

    def populations(self, weights):
        """Ages, metallicities and history from light weights.

        Parameters
        ----------
        weights : (n_age * n_z,) array, dust-free F555W light

        Returns
        -------
        numbers : dict of ``SCALARS``, ``sfh`` and ``mh``; NaN if all weights are 0
        """
        t = self.templates
        light = np.reshape(weights, self.reg_dim)
        with np.errstate(invalid="ignore", divide="ignore"):
            light = light / light.sum()
            mass = light / t.light_per_mass
            mass = mass / mass.sum()
            per_bin = t.bins.T @ mass
            mh = per_bin @ t.mh / per_bin.sum(axis=1)
        return {
            "mw_logage": float(mass.sum(axis=1) @ t.log_age),
            "lw_logage": float(light.sum(axis=1) @ t.log_age),
            "mw_mh": float(mass.sum(axis=0) @ t.mh),
            "lw_mh": float(light.sum(axis=0) @ t.mh),
            "sfh": per_bin.sum(axis=1),
            "mh": mh,
        }

    def _bootstrap(self, fit, problem, n, seed):
        """Wild bootstrap (Davidson & Flachaire 2008): residuals keep their size, not their sign."""
        rng = np.random.default_rng(seed)
        residual = problem.galaxy - fit.bestfit
        start = [np.array(sol) for sol in fit.sol] if np.ndim(fit.sol[0]) else np.array(fit.sol)
        found = []
        for _ in range(n):
            signs = rng.choice([-1.0, 1.0], size=len(residual))
            galaxy = fit.bestfit + signs * residual
            phot = problem.phot
            if phot is not None:
                signs = rng.choice([-1.0, 1.0], size=len(phot["galaxy"]))
                moved = fit.phot_bestfit + signs * (phot["galaxy"] - fit.phot_bestfit)
                phot = {**phot, "galaxy": moved}
            again = self._run(problem, galaxy, phot, 0.0, start=start)
            found.append(self.populations(again.weights[: self._n_stars]))
        return {name: np.array([row[name] for row in found]) for name in (*SCALARS, "sfh")}


def _chi2(fit, problem):
    residual = ((problem.galaxy - fit.bestfit) / problem.noise)[problem.good]
    return float(residual @ residual)


def require_ppxf():
    """Raise InputError if pPXF is not installed."""
    from importlib.util import find_spec

    if find_spec("ppxf") is None or find_spec("capfit") is None:
        raise InputError("pPXF is not installed; pip install 'phangs-sfh[benchmark]'")
