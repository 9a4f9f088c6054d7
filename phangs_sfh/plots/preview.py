"""A dozen galaxies of a library before it is made: what a network would be trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from phangs_sfh.errors import InputError
from phangs_sfh.files.paths import PathLike
from phangs_sfh.galaxy import ages
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.plots.figures import save_figure
from phangs_sfh.problems.histories.priors import (
    DEFAULT,
    ENRICHMENTS,
    FAMILIES,
    GAS_STATES,
    load_prior,
)
from phangs_sfh.problems.histories.simulator import DEFAULT_SSP, galaxies
from phangs_sfh.ssp.engines import load_ssp

N_SHOWN = 12
N_DRAWN = 240  # from which a dozen of many kinds are chosen
STARS, METALS, LIGHT = "#2a6f97", "#b5651d", "0.25"
YOUNGEST_SHOWN_MYR = 1.0


def preview_figure(forward, prior, seed=0):
    """Star formation history, metallicity, spectrum and bands of a dozen galaxies.

    Parameters
    ----------
    forward : galaxy.forward_model.ForwardModel
    prior : dict from ``priors.load_prior``
    seed : int

    Returns
    -------
    figure : matplotlib Figure, a row for each galaxy
    """
    drawn = next(galaxies(forward, prior, np.random.default_rng(seed), N_DRAWN))
    chosen = _of_many_kinds(drawn["family"])
    figure = Figure(figsize=(15, 1.55 * len(chosen) + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(chosen), 3, width_ratios=[1, 1, 2.6], sharex="col", squeeze=False)
    for row, number in zip(axes, chosen, strict=True):
        galaxy = {name: values[number] for name, values in drawn.items()}
        _draw_history(row[0], galaxy)
        _draw_metallicity(row[1], galaxy)
        _draw_light(row[2], galaxy, forward.instrument)
    for axis, title in zip(axes[0], ("star formation rate", "[M/H]", "light"), strict=True):
        axis.set_title(title, fontsize=11)
    for axis in axes[-1, :2]:
        axis.set_xlabel("lookback time [Myr]")
    axes[-1, 2].set_xlabel("rest wavelength [Å]")
    name = prior.get("name", "user's")
    figure.suptitle(
        f"{len(chosen)} galaxies of the prior “{name}”, {forward.ssp.provenance['engine']} stars, "
        f"seed {seed}: noiseless spectrum (line) and bands (dots)",
        fontsize=12,
    )
    return figure


def preview_library(
    path: PathLike,
    *,
    prior: str | None = None,
    instrument: str = "phangs",
    ssp: str | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> Path:
    """Draw a dozen galaxies of what ``make_library`` would simulate, of histories.

    Parameters
    ----------
    path : of the figure, .png
    prior, instrument, ssp, seed : as for ``make_library``
    overwrite : replace an existing figure

    Returns
    -------
    path : Path

    Raises
    ------
    InputError
        If the figure exists, or prior, instrument or SSPs are none.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> print(ps.preview_library("preview.png", prior="paper", seed=3))
    preview.png
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise InputError(f"{path}: exists already; use --overwrite or another name")
    settings = load_prior(prior or DEFAULT)
    forward = ForwardModel(load_ssp(ssp or DEFAULT_SSP), load_instrument(instrument))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_figure(preview_figure(forward, settings, seed), path)
    return path


def _of_many_kinds(family):
    """Indices of a dozen galaxies that take the families in turn, in order of family."""
    rank = np.array([np.sum(family[:i] == kind) for i, kind in enumerate(family)])
    first = np.lexsort((family, rank))[:N_SHOWN]
    return first[np.argsort(family[first], kind="stable")]


def _steps(axis, values, **style):
    edges = np.maximum(ages.EDGES_MYR, YOUNGEST_SHOWN_MYR)
    axis.stairs(values, edges, baseline=None, **style)
    axis.set_xscale("log")
    axis.set_xlim(edges[0], edges[-1])


def _draw_history(axis, galaxy):
    rate = galaxy["sfh"] / np.diff(ages.EDGES_MYR)
    rate = np.where(rate > 0, rate / rate.max(), np.nan)
    _steps(axis, np.fmax(rate, 1e-5), color=STARS, lw=1.6)
    axis.set_yscale("log")
    axis.set_ylim(5e-5, 2)
    axis.text(
        *(0.03, 0.08),
        FAMILIES[galaxy["family"]].replace("_", " "),
        transform=axis.transAxes,
        fontsize=8,
    )


def _draw_metallicity(axis, galaxy):
    formed = galaxy["sfh"] > 1e-5
    _steps(axis, galaxy["mh"], color=METALS, lw=1.0, alpha=0.35)
    _steps(axis, np.where(formed, galaxy["mh"], np.nan), color=METALS, lw=1.8)
    axis.set_ylim(-2.2, 0.6)
    label = ENRICHMENTS[galaxy["enrichment"]].replace("_", " ")
    axis.text(0.03, 0.08, label, transform=axis.transAxes, fontsize=8)


def _draw_light(axis, galaxy, instrument):
    pivots = [band.pivot for band in instrument.bands]
    axis.plot(instrument.wave, galaxy["spectrum"], color=LIGHT, lw=0.6)
    axis.plot(pivots, galaxy["bands"], "o", color="#d1495b", ms=6, mec="k", mew=0.5)
    low, high = np.quantile(galaxy["spectrum"], [0.002, 0.9])
    low, high = min([low, *galaxy["bands"]]), max([high, *galaxy["bands"]])
    axis.set_ylim(low - 0.15 * (high - low), high + 0.35 * (high - low))
    axis.set_xscale("log")
    axis.set_xlim(min([2500, *instrument.wave, *pivots]), max([8700, *instrument.wave, *pivots]))
    axis.set_xticks([3000, 4000, 5000, 6000, 7000, 8000], minor=False)
    axis.set_xticks([], minor=True)
    axis.set_xticklabels(["3000", "4000", "5000", "6000", "7000", "8000"])
    said = (
        f"log age {galaxy['mw_logage']:.1f} (mass) {galaxy['lw_logage']:.1f} (light),  "
        f"$A_V$ {galaxy['av']:.1f}+{galaxy['av_young']:.1f},  σ {galaxy['sigma_v']:.0f} km/s,  "
        f"bursts {100 * galaxy['burst_fraction']:.2g} %,  gas {GAS_STATES[galaxy['gas_state']]}"
    )
    axis.text(0.99, 0.87, said, transform=axis.transAxes, fontsize=8, ha="right")
