"""Figures of the report on answers and error bars, each a matplotlib Figure fit for a slide."""

import numpy as np
from matplotlib.colors import LogNorm, TwoSlopeNorm

from phangs_sfh.evaluation import calibration, metrics
from phangs_sfh.evaluation.mocks import joint_groups
from phangs_sfh.evaluation.report.style import (
    COLOURS,
    PANEL,
    bin_ticks,
    colours,
    error_unit,
    new_figure,
    shade,
    symbol,
    title_with_unit,
)

MAIN = 4
"""So many scalars, the first, have a panel each where objects are drawn."""


def predicted_against_true(answers, mocks, title):
    """Two rows: density of answers against truths, and residuals with running percentiles."""
    main = mocks.labels.scalars[:MAIN]
    ratios = {"height_ratios": [2.2, 1]}
    width = max(PANEL * len(main), 5)
    figure, axes = new_figure(width, 6.2, 2, len(main), gridspec_kw=ratios, sharex="col")
    for column, label in enumerate(main):
        truth, answer = mocks.truth[label.name], answers.columns[f"{label.name}_p50"]
        low, high = _limits(np.concatenate([truth, answer]))
        upper, lower = axes[column], axes[len(main) + column]
        _density(upper, truth, answer, (low, high), (low, high))
        upper.plot([low, high], [low, high], color="0.2", lw=1)
        summary = metrics.errors(answer - truth)
        upper.text(
            0.04, 0.96, f"bias {summary['bias_median']:+.3f}\n1.4826 MAD {summary['mad_std']:.3f}\n"
            f"std {summary['std']:.3f} {error_unit(label)}", transform=upper.transAxes, va="top",
            fontsize=11,
        )  # fmt: skip
        upper.set_title(symbol(label), fontsize=13)
        span = max(np.percentile(np.abs(answer - truth), 98.5), 1e-9)
        _density(lower, truth, answer - truth, (low, high), (-span, span), n_bins=(60, 30))
        lower.axhline(0, color="0.2", lw=1)
        _running(lower, truth, answer - truth)
        lower.set_xlabel("true", fontsize=12)
        lower.locator_params(axis="x", nbins=5)
    axes[0].set_ylabel("predicted (median)", fontsize=12)
    axes[len(main)].set_ylabel("predicted − true", fontsize=12)
    figure.suptitle(title, fontsize=14)
    return figure


def _limits(values):
    low, high = np.percentile(values, [0.3, 99.7])
    room = 0.04 * (high - low) or 1.0
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


def coverage_curves(answers, mocks, title):
    """Empirical minus nominal coverage at every level: scalars, and each label with bins."""
    levels = np.linspace(0.02, 0.98, 49)
    shares = calibration.coverage(answers.probability, levels) - levels
    panels = _panels(mocks.labels)
    figure, axes = new_figure(max(5 * len(panels), 8), 4.8, 1, len(panels), sharey=True)
    noise = 2 * np.sqrt(levels * (1 - levels) / len(answers))
    for one, (columns, text, names, of_bins) in zip(axes, panels, strict=True):
        one.fill_between(levels, -noise, noise, color="0.88", label="2σ of counting")
        one.axhline(0, color="0.2", lw=1)
        one.axvline(0.68, color="0.7", lw=0.8, ls=":")
        one.axvline(0.95, color="0.7", lw=0.8, ls=":")
        n = len(columns)
        tints = [shade(i, n) for i in range(n)] if of_bins else colours(n)
        for curve, tint, name in zip(shares[columns], tints, names, strict=True):
            one.plot(levels, curve, lw=1.8, color=tint, label=name)
        one.set_title(text, fontsize=13)
        one.set_xlabel("credible level", fontsize=12)
        one.set_xlim(0, 1)
        if n <= 40:
            one.legend(fontsize=9, ncols=3 if of_bins else 1, frameon=False)
    reach = max(0.06, 1.1 * np.abs(shares).max())
    axes[0].set_ylim(-reach, 1.8 * reach)
    axes[0].set_ylabel("share of truths inside − level", fontsize=12)
    figure.suptitle(title + "   (below zero: error bars too small)", fontsize=14)
    return figure


def _panels(labels):
    """Columns, title and names of the lines of each panel, and whether they are bins."""
    found, places = [], labels.places
    if labels.scalars:
        columns = [places[label.name].start for label in labels.scalars]
        names = [symbol(label) for label in labels.scalars]
        found.append((columns, f"{len(columns)} single numbers", names, False))
    for label in labels.vectors:
        place = places[label.name]
        columns = list(range(place.start, place.stop))
        found.append((columns, f"{symbol(label)} of each bin", label.axis.names, True))
    return found


def ranks(answers, mocks, title):
    """Rank histograms of the scalars; for labels with bins a map of the relative excess."""
    labels, n_bins = mocks.labels, calibration.N_RANK_BINS
    n_columns = min(4, len(labels))
    n_rows = -(-len(labels) // n_columns)
    figure, axes = new_figure(max(PANEL * n_columns, 5), 3.4 * n_rows, n_rows, n_columns)
    expected = len(answers) / n_bins
    edges = np.linspace(0, 1, n_bins + 1)
    for one, label in zip(axes, [*labels.scalars, *labels.vectors], strict=False):
        columns = answers.probability[:, labels.places[label.name]]
        if label.axis is None:
            counts = calibration.rank_histogram(columns[:, 0])
            one.stairs(counts / expected, edges, fill=True, color=COLOURS[0], alpha=0.75)
            spread = 2 / np.sqrt(expected)
            one.axhspan(1 - spread, 1 + spread, color="0.6", alpha=0.35, lw=0)
            one.axhline(1, color="0.2", lw=1)
            one.set_ylim(0, max(1.8, 1.1 * counts.max() / expected))
            one.set_ylabel("relative frequency", fontsize=11)
        else:
            image = _excess(one, columns, expected, label)
            figure.colorbar(image, ax=one, label="excess", extend="both")
        one.set_title(symbol(label), fontsize=12)
        one.set_xlabel("rank of the truth", fontsize=11)
    for one in axes[len(labels) :]:
        one.set_axis_off()
    figure.suptitle(title, fontsize=14)
    return figure


def _excess(axes, probability, expected, label):
    excess = [calibration.rank_histogram(column) / expected - 1 for column in probability.T]
    image = axes.imshow(
        excess, aspect="auto", origin="lower", extent=(0, 1, -0.5, label.size - 0.5),
        cmap="RdBu_r", norm=TwoSlopeNorm(0, -0.5, 0.5), interpolation="nearest",
    )  # fmt: skip
    every = -(-label.size // 6)
    axes.set_yticks(range(0, label.size, every), label.axis.names[::every], fontsize=9)
    return image


def tarp(cases, labels, title):
    """TARP expected coverage of the joint posterior, by case.

    Parameters
    ----------
    cases : dict label -> summary from ``assess.assess``
    labels : Labels
    """
    groups = joint_groups(labels)
    figure, axes = new_figure(max(PANEL * len(groups), 5), 4.4, 1, len(groups), sharey=True)
    for one, (group, columns) in zip(axes, groups.items(), strict=True):
        one.plot([0, 1], [0, 1], color="0.2", lw=1)
        for colour, (label, summary) in zip(COLOURS, cases.items(), strict=False):
            curve = summary["calibration"]["tarp"][group]
            one.plot(
                curve["level"], curve["coverage"], color=colour, lw=2,
                label=f"{label}: {curve['deviation']:.3f}",
            )  # fmt: skip
            level = np.array(curve["level"])
        noise = 2 * np.sqrt(level * (1 - level) / summary["n"])
        one.fill_between(level, level - noise, level + noise, color="0.85", zorder=0)
        one.set_title(f"{group} ({len(columns)})", fontsize=13)
        one.set_xlabel("credible level", fontsize=12)
        one.set_xlim(0, 1)
        one.set_ylim(0, 1)
        one.legend(fontsize=10, frameon=False, title="largest deviation", loc="upper left")
    axes[0].set_ylabel("expected coverage (TARP)", fontsize=12)
    figure.suptitle(title, fontsize=14)
    return figure


def bins(cases, labels, instead, title):
    """Coverage and errors in every bin, a column for each label with bins.

    Parameters
    ----------
    cases : dict label -> summary from ``assess.assess``
    labels : Labels
    instead : dict, see ``extras.Pages.bins``
    """
    n = len(labels.vectors)
    figure, axes = new_figure(max(7.5 * n, 8), 7.6, 2, n, sharex="col")
    for column, label in enumerate(labels.vectors):
        upper, lower = axes[column], axes[n + column]
        for nominal, goal in ((0.68, 0.06), (0.95, 0.01)):
            upper.axhspan(nominal - goal, nominal + goal, color="0.9", lw=0)
            upper.axhline(nominal, color="0.4", lw=0.8)
        key, words = _shown(label, instead)
        x = np.arange(label.size)
        for colour, (case, summary) in zip(COLOURS[:4], cases.items(), strict=False):
            shares = summary["calibration"]["coverage"]
            covered = np.array([shares[name] for name in label.quantities])
            style = {"color": colour, "lw": 1.6, "marker": "o", "ms": 5}
            upper.plot(x, covered[:, 1], label=case, **style)
            upper.plot(x, covered[:, 3], **style)
            lower.plot(x, metrics.bin_values(summary["bins"], key, "mad_std"), **style)
            bias = metrics.bin_values(summary["bins"], key, "bias_median")
            lower.plot(x, bias, color=colour, lw=1.2, ls="--", marker="o", ms=3)
        upper.set_ylim(0.5, 1.0)
        upper.set_title(symbol(label), fontsize=13)
        lower.axhline(0, color="0.2", lw=0.8)
        lower.set_ylabel(f"{words}:\nscatter (solid), bias (dashed)", fontsize=11)
        bin_ticks(lower, label)
    axes[0].set_ylabel("truths inside 68 % and 95 %", fontsize=12)
    axes[n - 1].legend(fontsize=10, frameon=False, loc="lower left", ncols=2)
    figure.suptitle(title, fontsize=14)
    return figure


def _shown(label, instead):
    """Key of a label's errors in the summary's ``bins``, and what they are of."""
    if label.name in instead:
        key, words = instead[label.name]
        return key, f"{title_with_unit(label.name, error_unit(label))} {words}"
    if label.transform.elementwise:
        return label.name, title_with_unit(label.name, error_unit(label))
    return f"log_{label.name}", f"log {label.name} [dex]"
