"""Figures of the evaluation report, each a matplotlib Figure fit for a slide."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm, TwoSlopeNorm
from matplotlib.figure import Figure

from phangs_sfh.evaluation import calibration, metrics
from phangs_sfh.evaluation.assess import bin_values
from phangs_sfh.evaluation.mocks import GROUPS, QUANTITIES, SCALARS
from phangs_sfh.galaxy import ages

LABELS = {
    "mw_logage": "log age, mass-weighted [yr]",
    "lw_logage": "log age, light-weighted [yr]",
    "mw_mh": "[M/H], mass-weighted",
    "lw_mh": "[M/H], light-weighted",
    "logml": r"log $M/L_{\rm F555W}$",
    "av": r"$A_V$ [mag]",
}
FOUR = ["mw_logage", "lw_logage", "mw_mh", "lw_mh"]
COLOURS = ["#2a6f97", "#61a5c2", "#d1495b", "#edae49", "#66a182", "#5e548e"]
GROUP_LABELS = {
    "scalars": "six scalars",
    "sfh": "history, 16 bins",
    "mh": "[M/H], 16 bins",
    "all": "all 38 together",
}
DPI = 130
SMALL = 10


def new_figure(width, height, rows=1, columns=1, **grid):
    """A figure with its axes as a flat list; no display and no pyplot state."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **grid)
    for one in axes.ravel():
        one.tick_params(direction="in", top=True, right=True, labelsize=SMALL)
    return figure, list(axes.ravel())


def predicted_against_true(answers, mocks, title):
    """Two rows: density of answers against truths, and residuals with running percentiles."""
    ratios = {"height_ratios": [2.2, 1]}
    figure, axes = new_figure(15, 6.2, 2, 4, gridspec_kw=ratios, sharex="col")
    for column, name in enumerate(FOUR):
        truth, answer = mocks.truth[name], answers.columns[f"{name}_p50"]
        low, high = _limits(np.concatenate([truth, answer]))
        upper, lower = axes[column], axes[4 + column]
        _density(upper, truth, answer, (low, high), (low, high))
        upper.plot([low, high], [low, high], color="0.2", lw=1)
        summary = metrics.errors(answer - truth)
        upper.text(
            0.04, 0.96, f"bias {summary['bias_median']:+.3f}\n1.4826 MAD {summary['mad_std']:.3f}\n"
            f"std {summary['std']:.3f} dex", transform=upper.transAxes, va="top", fontsize=11,
        )  # fmt: skip
        upper.set_title(LABELS[name], fontsize=13)
        span = np.percentile(np.abs(answer - truth), 98.5)
        _density(lower, truth, answer - truth, (low, high), (-span, span), n_bins=(60, 30))
        lower.axhline(0, color="0.2", lw=1)
        _running(lower, truth, answer - truth)
        lower.set_xlabel("true", fontsize=12)
        lower.locator_params(axis="x", nbins=5)
    axes[0].set_ylabel("predicted (median)", fontsize=12)
    axes[4].set_ylabel("predicted − true", fontsize=12)
    figure.suptitle(title, fontsize=14)
    return figure


def _limits(values):
    low, high = np.percentile(values, [0.3, 99.7])
    room = 0.04 * (high - low)
    return low - room, high + room


def _density(axes, x, y, x_limits, y_limits, n_bins=(60, 60)):
    axes.hist2d(
        x, y, bins=n_bins, range=(x_limits, y_limits), cmap="Blues", norm=LogNorm(vmin=0.7),
        rasterized=True,
    )  # fmt: skip
    axes.set_xlim(x_limits)
    axes.set_ylim(y_limits)


def _running(axes, x, y, n_steps=14):
    """Median and 16-84 % of y along x, in bins of equal numbers."""
    groups = np.array_split(np.argsort(x), n_steps)
    middle = [np.median(x[g]) for g in groups]
    low, centre, high = np.array([np.percentile(y[g], [16, 50, 84]) for g in groups]).T
    axes.plot(middle, centre, color=COLOURS[2], lw=2)
    for edge in (low, high):
        axes.plot(middle, edge, color=COLOURS[2], lw=1, ls="--")


def coverage_curves(answers, title):
    """Empirical minus nominal coverage at every level, for scalars, history and [M/H]."""
    levels = np.linspace(0.02, 0.98, 49)
    shares = calibration.coverage(answers.probability, levels) - levels
    figure, axes = new_figure(15, 4.8, 1, 3, sharey=True)
    names = [["scalars", "six scalars"], ["sfh", "mass fraction of each bin"], ["mh", "[M/H]"]]
    noise = 2 * np.sqrt(levels * (1 - levels) / len(answers))
    for one, (group, text) in zip(axes, names, strict=True):
        one.fill_between(levels, -noise, noise, color="0.88", label="2σ of counting")
        one.axhline(0, color="0.2", lw=1)
        one.axvline(0.68, color="0.7", lw=0.8, ls=":")
        one.axvline(0.95, color="0.7", lw=0.8, ls=":")
        curves = shares[GROUPS[group]]
        for number, curve in enumerate(curves):
            one.plot(levels, curve, lw=1.8, **_line_style(group, number))
        one.set_title(text + (" of each bin" if group == "mh" else ""), fontsize=13)
        one.set_xlabel("credible level", fontsize=12)
        one.set_xlim(0, 1)
        if group != "mh":  # the same colours as for the mass fractions
            one.legend(fontsize=9, ncols=1 if group == "scalars" else 3, frameon=False)
    reach = max(0.06, 1.1 * np.abs(shares).max())
    axes[0].set_ylim(-reach, 1.8 * reach)
    axes[0].set_ylabel("share of truths inside − level", fontsize=12)
    figure.suptitle(title + "   (below zero: error bars too small)", fontsize=14)
    return figure


def _line_style(group, number):
    if group == "scalars":
        return {"color": COLOURS[number], "label": LABELS[SCALARS[number]]}
    import matplotlib

    colour = matplotlib.colormaps["viridis"](number / (ages.N_BINS - 1))
    return {"color": colour, "label": ages.labels()[number]}


def ranks(answers, title):
    """Rank histograms of the scalars; for the bins a map of the relative excess."""
    n_bins = calibration.N_RANK_BINS
    figure, axes = new_figure(15, 6.8, 2, 4)
    expected = len(answers) / n_bins
    edges = np.linspace(0, 1, n_bins + 1)
    places = [axes[0], axes[1], axes[2], axes[4], axes[5], axes[6]]
    for number, (one, name) in enumerate(zip(places, SCALARS, strict=True)):
        counts = calibration.rank_histogram(answers.probability[:, number])
        one.stairs(counts / expected, edges, fill=True, color=COLOURS[0], alpha=0.75)
        spread = 2 / np.sqrt(expected)
        one.axhspan(1 - spread, 1 + spread, color="0.6", alpha=0.35, lw=0)
        one.axhline(1, color="0.2", lw=1)
        one.set_ylim(0, max(1.8, 1.1 * counts.max() / expected))
        one.set_title(LABELS[name], fontsize=12)
        one.set_xlabel("rank of the truth", fontsize=11)
    axes[0].set_ylabel("relative frequency", fontsize=12)
    axes[4].set_ylabel("relative frequency", fontsize=12)
    for one, group in ((axes[3], "sfh"), (axes[7], "mh")):
        excess = [
            calibration.rank_histogram(column) / expected - 1
            for column in answers.probability[:, GROUPS[group]].T
        ]
        image = one.imshow(
            excess, aspect="auto", origin="lower", extent=(0, 1, -0.5, ages.N_BINS - 0.5),
            cmap="RdBu_r", norm=TwoSlopeNorm(0, -0.5, 0.5), interpolation="nearest",
        )  # fmt: skip
        one.set_yticks(range(0, 16, 3), ages.labels()[::3], fontsize=9)
        one.set_title("mass fractions" if group == "sfh" else "[M/H] of bins", fontsize=12)
        one.set_xlabel("rank of the truth", fontsize=11)
        figure.colorbar(image, ax=one, label="excess", extend="both")
    figure.suptitle(title, fontsize=14)
    return figure


def tarp(conditions, title):
    """TARP expected coverage of the joint posterior, by condition.

    Parameters
    ----------
    conditions : dict label -> summary from ``assess.assess``
    """
    figure, axes = new_figure(15, 4.4, 1, 4, sharey=True)
    for one, (group, text) in zip(axes, GROUP_LABELS.items(), strict=True):
        one.plot([0, 1], [0, 1], color="0.2", lw=1)
        for colour, (label, summary) in zip(COLOURS, conditions.items(), strict=False):
            curve = summary["calibration"]["tarp"][group]
            one.plot(
                curve["level"], curve["coverage"], color=colour, lw=2,
                label=f"{label}: {curve['deviation']:.3f}",
            )  # fmt: skip
            level = np.array(curve["level"])
        noise = 2 * np.sqrt(level * (1 - level) / summary["n"])
        one.fill_between(level, level - noise, level + noise, color="0.85", zorder=0)
        one.set_title(text, fontsize=13)
        one.set_xlabel("credible level", fontsize=12)
        one.set_xlim(0, 1)
        one.set_ylim(0, 1)
        one.legend(fontsize=10, frameon=False, title="largest deviation", loc="upper left")
    axes[0].set_ylabel("expected coverage (TARP)", fontsize=12)
    figure.suptitle(title, fontsize=14)
    return figure


def age_bins(conditions, title):
    """Coverage and errors in every age bin, for mass fractions (left) and [M/H] (right)."""
    figure, axes = new_figure(15, 7.6, 2, 2, sharex=True)
    x = np.arange(ages.N_BINS)
    for column, key in enumerate(("sfh", "mh")):
        upper, lower = axes[column], axes[2 + column]
        for nominal, goal in ((0.68, 0.06), (0.95, 0.01)):
            upper.axhspan(nominal - goal, nominal + goal, color="0.9", lw=0)
            upper.axhline(nominal, color="0.4", lw=0.8)
        for colour, (label, summary) in zip(COLOURS[:4], conditions.items(), strict=False):
            covered = np.array(
                [summary["calibration"]["coverage"][name] for name in QUANTITIES[GROUPS[key]]]
            )
            style = {"color": colour, "lw": 1.6, "marker": "o", "ms": 5}
            upper.plot(x, covered[:, 1], label=label, **style)
            upper.plot(x, covered[:, 3], **style)
            number = "log_sfh" if key == "sfh" else "mh_with_mass"
            scatter = bin_values(summary["bins"], number, "mad_std")
            bias = bin_values(summary["bins"], number, "bias_median")
            lower.plot(x, scatter, **style)
            lower.plot(x, bias, color=colour, lw=1.2, ls="--", marker="o", ms=3)
        upper.set_ylim(0.5, 1.0)
        upper.set_title("mass fraction" if key == "sfh" else "[M/H]", fontsize=13)
        lower.axhline(0, color="0.2", lw=0.8)
        lower.set_xticks(x, ages.labels(), rotation=60, ha="right", fontsize=9)
    axes[0].set_ylabel("truths inside 68 % and 95 %", fontsize=12)
    axes[1].legend(fontsize=10, frameon=False, loc="lower left", ncols=2)
    axes[2].set_ylabel("log mass fraction [dex]:\nscatter (solid), bias (dashed)", fontsize=11)
    axes[3].set_ylabel("[M/H] [dex] where ≥ 1 % of mass:\nscatter, bias", fontsize=11)
    figure.suptitle(title, fontsize=14)
    return figure


def save(figure, path):
    figure.savefig(path, format="png")
