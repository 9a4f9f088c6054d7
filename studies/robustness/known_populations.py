"""Populations whose truth is simple, of stars that the model never saw: old single ages, poor in
metals, and a galaxy with a gradient of metallicity."""

import numpy as np
from scipy.stats import spearmanr

from phangs_sfh.evaluation.report.markdown import table
from phangs_sfh.galaxy import star_formation
from phangs_sfh.galaxy.forward_model import ForwardModel, Screen, Stars
from phangs_sfh.peers.benchmark import sample
from studies.robustness import foreign_ssps
from studies.robustness.comparison import ask

OLD_YR = (4e9, 13e9)
POOR = (-2.2, -1.0)
N_OLD = 150
GRADIENT = (-0.7, 0.2)
N_SPAXELS = 200
ONSET_YR, TAU_YR = 12e9, 4e9
"""Of the galaxy: a delayed exponential, the same everywhere."""


def old_and_poor(grid, instrument, seed=0, masks_lines=False):
    """Single-age populations of 4 to 13 Gyr and [M/H] -2.2 to -1, as far as a grid goes there.

    Returns
    -------
    spectra : sample.Spectra, S/N 50, little dust; None if the grid does not go there
    """
    forward, rng = ForwardModel(grid, instrument), np.random.default_rng([seed, 5])
    low, high = max(POOR[0], grid.mh[0]), POOR[1]
    if low >= high:
        return None
    edges = forward.cell_edges
    middle = np.sqrt(np.maximum(edges[:-1], 1e5) * edges[1:])
    oldest = min(OLD_YR[1], grid.provenance.get("covered_age", OLD_YR)[1])
    cells = np.flatnonzero((middle > OLD_YR[0]) & (middle < oldest))
    mass = np.zeros((N_OLD, len(middle)))
    mass[np.arange(N_OLD), rng.choice(cells, N_OLD)] = 1.0
    mh = np.repeat(rng.uniform(low, high, (N_OLD, 1)), len(middle), axis=1)
    return _observed(forward, grid, Stars(mass, mh), rng, masks_lines)


def with_gradient(grid, instrument, seed=0, masks_lines=False):
    """Spaxels of a galaxy with one history and [M/H] from -0.7 to 0.2: sample.Spectra, S/N 50."""
    forward, rng = ForwardModel(grid, instrument), np.random.default_rng([seed, 6])
    lowest = max(GRADIENT[0], grid.mh[0])
    highest = min(GRADIENT[1], grid.mh[-1])
    one = np.ones(1)
    younger = star_formation.delayed_tau(forward.cell_edges, ONSET_YR * one, TAU_YR * one)
    youngest = grid.provenance.get("covered_age", [0.0])[0]
    mass = np.diff(younger, axis=1) * (forward.cell_edges[1:] > youngest)
    mass = np.repeat(mass / mass.sum(), N_SPAXELS, axis=0)
    mh = np.repeat(np.linspace(lowest, highest, N_SPAXELS)[:, None], mass.shape[1], axis=1)
    return _observed(forward, grid, Stars(mass, mh), rng, masks_lines)


def _observed(forward, grid, stars, rng, masks_lines):
    n = len(stars.mass)
    ones = np.ones(n)
    screen = Screen(
        law=np.zeros(n, int), av=rng.uniform(0.0, 0.3, n), slope=0.7 * ones, av_young=0.0 * ones,
        slope_young=0.7 * ones, sigma_v=rng.uniform(40.0, 200.0, n),
    )  # fmt: skip
    spectrum, bands = forward.noiseless(stars, screen)
    level = np.median(spectrum, axis=1, keepdims=True)
    truth = forward.labels(stars, bands) | {"av": screen.av, "sigma_v": screen.sigma_v}
    covered = foreign_ssps.covered_bands(grid, forward.instrument)
    seen = np.where(covered, bands[:, : forward.instrument.n_bands] / level, np.nan)
    columns = {"spectrum": spectrum / level, "bands": seen}
    source = "single populations"
    return sample.observed(columns, truth, forward.instrument, 4, masks_lines, source)


def old_table(models, grids):
    """Table of answers on ``old_and_poor``.

    Parameters
    ----------
    models : dict of Model by what is said to be assumed; grids : dict of SSPGrid by name
    """
    header = ["library", "assumed", "n", "[M/H], mass: bias, held [%]", "age, light: bias, held",
              "flagged [%]"]  # fmt: skip
    rows = []
    for name, grid in grids.items():
        for assumed, model in models.items():
            seen = old_and_poor(grid, model.instrument, masks_lines=model.masks_emission_lines)
            if seen is None:
                continue
            columns = ask(model, seen)
            cells = [_bias_held(columns, seen.truth, key) for key in ("mw_mh", "lw_logage")]
            flagged = f"{100 * np.mean(columns['flag'] > 0):.0f}"
            rows.append([name, assumed, len(seen), *cells, flagged])
    return table(header, rows)


def gradient_table(models, grids):
    """Slope and rank correlation of recovered against true light-weighted [M/H]; as above."""
    header = ["library", "assumed", "slope", "rank correlation", "offset at -0.25 [dex]"]
    rows = []
    for name, grid in grids.items():
        for assumed, model in models.items():
            seen = with_gradient(grid, model.instrument, masks_lines=model.masks_emission_lines)
            found, true = ask(model, seen)["lw_mh_p50"], seen.truth["lw_mh"]
            slope, start = np.polyfit(true, found, 1)
            offset = slope * -0.25 + start + 0.25
            rank = spearmanr(true, found).statistic
            rows.append([name, assumed, f"{slope:.2f}", f"{rank:.2f}", f"{offset:+.2f}"])
    return table(header, rows)


def _bias_held(columns, truth, name):
    low, middle, high = (columns[f"{name}_{p}"] for p in ("p16", "p50", "p84"))
    held = np.mean((truth[name] >= low) & (truth[name] <= high))
    return f"{np.median(middle - truth[name]):+.2f}, {100 * held:.0f}"
