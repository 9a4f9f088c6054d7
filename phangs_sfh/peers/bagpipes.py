"""bagpipes (Carnall et al. 2018) on the same inputs as the network, in a process of its own.

Run as ``python -m phangs_sfh.peers.bagpipes GIVEN ANSWER``: bagpipes keeps its settings
in a module, writes into the folder it is imported in, and peak memory is that of a process.
Nothing else in this package imports it.

The model is that of bagpipes' own examples for spectra and for Leja et al. (2019): star formation
constant in bins of age with the continuity prior, one metallicity, power-law dust with twice as
much on birth clouds, free velocity dispersion, a calibration polynomial and scaled noise. Emission
lines are masked and bagpipes' nebular emission is off: it ties the lines' fluxes to the young stars
and their widths to the stars', and the benchmark's galaxies, like real ones, do neither; with it,
their true histories are ruled out (docs/benchmark.md).
"""

import contextlib
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.files.whole import whole_file
from phangs_sfh.instrument.description import Instrument
from phangs_sfh.instrument.emission_lines import FAINT_LINES, LINES, window_mask
from phangs_sfh.observations.rest_frame import INPUTS
from phangs_sfh.peers.one_core import peak_megabytes
from phangs_sfh.peers.ppxf import BAND_FLOOR

EDGES_MYR = (0.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 6000.0)
"""Edges of the bins of age; the last bin ends at the age of bagpipes' Universe."""
LIVE_POINTS = 400  # bagpipes' default
DRAWS = 500  # of the posterior, bagpipes' default
REBIN = 2
"""Pixels added up, to 2.5 Å, about the LSF's FWHM: bagpipes' time goes with their number."""
MODEL_R = 2500.0
"""λ/Δλ of bagpipes' model in the spectrum's range, two points each; its default is 1000."""
CALIBRATION_ORDER = 4
LEVEL = 1e40
"""What the spectrum's median is made to be [erg/s/Å]: masses are then those of galaxies."""
IGNORED = 1e6  # error of pixels that are not fitted, in units of LEVEL
BANDS_UNIT = "ergscma"


def main(given, output):
    """What the child does: arrays and instrument of one spectrum in, posterior samples out."""
    output = Path(output).resolve()
    with np.load(given) as stored:
        row = {name: stored[name] for name in INPUTS}
        instrument = Instrument.from_dict(json.loads(str(stored["instrument"])))
        labels = {name: str(stored[name]) for name in ("fingerprint", "settings")}
        live_points = int(stored["live_points"])
    with tempfile.TemporaryDirectory() as folder:
        home = os.getcwd()
        os.chdir(folder)  # before the import: bagpipes looks up the folder it writes to there
        try:
            # Whoever started this may be gone, and the pipe that bagpipes talks to with it.
            with contextlib.redirect_stdout(io.StringIO()):
                answer = fit(row, instrument, live_points) | {"failed": ""}
        except (OSError, MemoryError, ImportError):  # the machine's fault, not the spectrum's
            raise
        except Exception as error:  # bagpipes and its sampler let linear algebra fail
            answer = {"failed": f"{type(error).__name__}: {error}"[:200]}
        finally:
            os.chdir(home)
    save(output, answer | labels)


def save(path, answer):
    """Write an answer whole or not at all."""
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **answer)


def fit(row, instrument, live_points=LIVE_POINTS):
    """Posterior samples of one spectrum; writes into the current folder.

    Parameters
    ----------
    row : dict of the four arrays of ``INPUTS``, error 0 = missing
    instrument : instrument.description.Instrument
    live_points : int

    Returns
    -------
    answer : dict
        ``samples`` (n, n_parameters), ``parameters`` (their bagpipes names), ``edges_myr`` of the
        bins of age, ``seconds`` (processor time of the fit alone), ``megabytes`` (peak)
    """
    import bagpipes

    bagpipes.config.max_redshift = 0.01  # the fine part of the model's grid depends on it
    bagpipes.config.R_spec = MODEL_R
    universe = float(bagpipes.utils.cosmo.age(0).value) * 1e3
    filters = []
    for band in instrument.bands:
        filters.append(f"{band.name}.txt")
        np.savetxt(filters[-1], np.transpose([band.wave, band.throughput]))
    spectrum, bands, used = observed(row, instrument.wave)
    started = time.process_time()
    galaxy = bagpipes.galaxy(
        "galaxy",
        lambda _: (spectrum, bands),
        filt_list=[name for name, is_used in zip(filters, used, strict=True) if is_used],
        phot_units=BANDS_UNIT,
    )
    run = bagpipes.fit(galaxy, instructions(universe), n_posterior=DRAWS)
    run.fit(verbose=False, n_live=live_points, sampler="nautilus")
    return {
        "samples": np.asarray(run.results["samples2d"], float),
        "parameters": np.array(run.fitted_model.params),
        "edges_myr": np.array([*EDGES_MYR, universe]),
        "seconds": time.process_time() - started,
        "megabytes": peak_megabytes(),
    }


def observed(row, wave):
    """Spectrum and bands as bagpipes wants them.

    Parameters
    ----------
    row : dict of the four arrays of ``INPUTS``
    wave : (n_pixels,) array [Å], air, as bagpipes' BC03 is

    Returns
    -------
    spectrum : (n, 3) array, wavelength [Å], flux, error [erg/s/Å]; starts and ends with fitted
        pixels
    bands : (n_used, 2) array, flux and error
    used : (n_bands,) bool array

    Raises
    ------
    InputError
        If nothing of the spectrum or no band is there.
    """
    row = {name: np.asarray(row[name], float) for name in INPUTS}
    flux, error = row["flux"], row["flux_err"]
    good = np.isfinite(flux) & np.isfinite(error) & (error > 0) & ~near_lines(wave)
    used = np.isfinite(row["band_flux"]) & (row["band_flux_err"] > 0)
    if good.sum() < 100 or not used.any():
        raise InputError("bagpipes needs 100 or more pixels and a band")
    size = len(wave) // REBIN * REBIN
    wave, flux, good, error = (
        x[:size].reshape(-1, REBIN) for x in (wave, flux, good, np.where(good, error, 1.0))
    )
    whole = good.all(axis=1)
    spectrum = np.column_stack(
        [
            wave.mean(axis=1),
            np.where(whole, flux.mean(axis=1), 1.0),
            np.sqrt((error**2).sum(axis=1)) / REBIN,
        ]
    )
    spectrum = kept(spectrum, whole)
    bands = np.column_stack(
        [row["band_flux"], np.hypot(row["band_flux_err"], BAND_FLOOR * np.abs(row["band_flux"]))]
    )[used]
    spectrum[:, 1:] *= LEVEL
    return spectrum, bands * LEVEL, used


def near_lines(wave):
    """True at wavelengths [Å] where gas may shine, faint lines too: up to 70 σ in nebulae."""
    return window_mask(wave, LINES | FAINT_LINES)


def kept(spectrum, good):
    """Good pixels, and those at the edges of gaps with such errors that they do not count.

    bagpipes takes a pixel to reach half-way to its neighbours, and its noise scaling counts every
    pixel it is given: ones that are masked by their errors alone would feign a better fit.
    """
    beside = good.copy()
    beside[1:] |= good[:-1]
    beside[:-1] |= good[1:]
    first, last = np.flatnonzero(good)[[0, -1]]
    beside[:first] = beside[last + 1 :] = False
    spectrum = spectrum.copy()
    spectrum[~good, 2] = IGNORED
    return spectrum[beside]


def instructions(universe):
    """bagpipes' ``fit_instructions``.

    Parameters
    ----------
    universe : float, age of the Universe [Myr]
    """
    history = {
        "massformed": (5.0, 15.0),
        "metallicity": (0.01, 5.0),
        "metallicity_prior": "log_10",
        "bin_edges": [*EDGES_MYR, universe],
    }
    for number in range(1, len(EDGES_MYR)):
        history[f"dsfr{number}"] = (-10.0, 10.0)
        history[f"dsfr{number}_prior"] = "student_t"
    dust = {
        "type": "CF00",
        "eta": 2.0,
        "Av": (0.0, 4.0),
        "n": (0.3, 2.5),
        "n_prior": "Gaussian",
        "n_prior_mu": 0.7,
        "n_prior_sigma": 0.3,
    }
    return {
        "redshift": 0.0,
        "t_bc": 0.01,
        "veldisp": (1.0, 400.0),
        "continuity": history,
        "dust": dust,
        "calib": {"type": "polynomial_max_like", "order": CALIBRATION_ORDER},
        "noise": {"type": "white_scaled", "scaling": (1.0, 10.0), "scaling_prior": "log_10"},
    }


def require_bagpipes():
    """Raise InputError if bagpipes or its sampler cannot be imported."""
    from importlib.util import find_spec

    for module, package in (("bagpipes", "bagpipes"), ("nautilus", "nautilus-sampler")):
        if find_spec(module) is None:
            raise InputError(f"{package} is not installed; pip install 'phangs-sfh[bagpipes]'")


if __name__ == "__main__":
    main(*sys.argv[1:])
