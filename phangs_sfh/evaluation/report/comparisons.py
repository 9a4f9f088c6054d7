"""Figures of the report that compare: kinds of data, groups of objects, surprise, S/N."""

import numpy as np

from phangs_sfh.evaluation import metrics
from phangs_sfh.evaluation.report.figures import MAIN
from phangs_sfh.evaluation.report.style import (
    COLOURS,
    PANEL,
    error_unit,
    new_figure,
    symbol,
    title_with_unit,
    units,
)


def data_sets(cases, labels, measures, title):
    """Robust scatter of the scalars, and the problem's own measures, by what data there are.

    Parameters
    ----------
    cases : dict label -> summary from ``assess.assess``
    labels : Labels
    measures : dict of extras.Measure
    """
    ratios = {"width_ratios": [3.2, *[1 for _ in measures]]}
    n = 1 + len(measures)
    figure, axes = new_figure(10 + 3 * len(measures), 4.8, 1, n, gridspec_kw=ratios)
    width = 0.8 / len(cases)
    for number, (case, summary) in enumerate(cases.items()):
        shift = (number - 0.5 * (len(cases) - 1)) * width
        values = [summary["scalars"][label.name]["mad_std"] for label in labels.scalars]
        bars = axes[0].bar(
            np.arange(len(values)) + shift, values, width * 0.94, color=COLOURS[number], label=case
        )
        axes[0].bar_label(bars, fmt="%.2f", fontsize=8, padding=1)
        for one, key in zip(axes[1:], measures, strict=True):
            bar = one.bar([number], [summary[key]["p50"]], 0.8, color=COLOURS[number])
            one.bar_label(bar, fmt="%.2f", fontsize=9, padding=1)
    names = [symbol(label).partition(" [")[0] for label in labels.scalars]
    axes[0].set_xticks(range(len(names)), names, fontsize=11)
    axes[0].set_ylabel(title_with_unit("scatter, 1.4826 MAD", units(labels.scalars)), fontsize=12)
    axes[0].legend(fontsize=10, frameon=False)
    for one, measure in zip(axes[1:], measures.values(), strict=True):
        one.set_xticks([])
        one.set_title(measure.title, fontsize=12)
        one.set_ylabel(measure.text, fontsize=12)
    for one in axes:
        one.margins(y=0.12)
    figure.suptitle(title, fontsize=14)
    return figure


def groups(summary, labels, title):
    """Bias, scatter and coverage of the first scalars by kind of object and of observation."""
    main = labels.scalars[:MAIN]
    entries = [entry for group in summary["groups"].values() for entry in group]
    starts = np.cumsum([0] + [len(group) for group in summary["groups"].values()])
    y = np.arange(len(entries))
    figure, axes = new_figure(14, 2.2 + 0.24 * len(entries), 1, 3, sharey=True)
    for colour, label in zip(COLOURS, main, strict=False):
        style = {"color": colour, "ms": 6, "ls": "none", "marker": "o", "label": symbol(label)}
        for one, number in zip(axes, ("bias_median", "mad_std"), strict=False):
            one.plot([entry["scalars"][label.name][number] for entry in entries], y, **style)
        axes[2].plot([entry["coverage_68"][label.name] for entry in entries], y, **style)
    axes[0].axvline(0, color="0.3", lw=1)
    axes[0].set_title(title_with_unit("bias (median)", units(main)), fontsize=12)
    axes[1].set_xlim(left=0)
    axes[1].set_title(title_with_unit("scatter, 1.4826 MAD", units(main)), fontsize=12)
    axes[2].axvspan(0.62, 0.74, color="0.9", lw=0)
    axes[2].axvline(0.68, color="0.3", lw=1)
    axes[2].set_title("truths inside 68 %", fontsize=12)
    axes[0].set_yticks(y, [f"{e['label']}  ({e['n']})" for e in entries], fontsize=9)
    for one in axes:
        one.grid(axis="y", color="0.93")
        for start in starts[1:-1]:
            one.axhline(start - 0.5, color="0.75", lw=0.8)
    axes[0].set_ylim(max(len(entries), 1) - 0.5, -0.5)
    axes[1].legend(fontsize=9, loc="best")
    figure.suptitle(title, fontsize=14)
    return figure


def surprise(summary, stress, labels, title):
    """Scatter and coverage against surprise, and surprise of inputs that deserve it."""
    figure, axes = new_figure(15, 4.6, 1, 3)
    main = labels.scalars[:MAIN]
    bins = summary["surprise"]["bins"]
    x = np.arange(len(bins))
    for colour, label in zip(COLOURS, main, strict=False):
        style = {"color": colour, "lw": 1.8, "marker": "o", "label": symbol(label)}
        axes[0].plot(x, [b["mad_std"][label.name] for b in bins], **style)
        axes[1].plot(x, [b["coverage_68"][label.name] for b in bins], **style)
    ends = [f"{b['low']:g}-{b['high']:g}" if b["high"] else f"> {b['low']:g}" for b in bins]
    for one in axes[:2]:
        one.set_xticks(x, [f"{e}\n({b['n']})" for e, b in zip(ends, bins, strict=True)])
        one.set_xlabel("surprise (how many)", fontsize=12)
    axes[0].set_ylim(bottom=0)
    axes[0].set_ylabel(title_with_unit("scatter, 1.4826 MAD", units(main)), fontsize=12)
    if main:
        axes[0].legend(fontsize=10, frameon=False)
    axes[1].axhspan(0.62, 0.74, color="0.9", lw=0)
    axes[1].axhline(0.68, color="0.3", lw=1)
    axes[1].set_ylim(0, 1)
    axes[1].set_ylabel("truths inside 68 %", fontsize=12)
    _stress(axes[2], stress)
    figure.suptitle(title, fontsize=14)
    return figure


def _stress(axes, stress):
    names = list(stress)[::-1]
    low, middle, high = np.array([stress[name]["surprise"] for name in names]).T
    y = np.arange(len(names))
    spread = [np.maximum(middle - low, 0), np.maximum(high - middle, 0)]
    axes.errorbar(middle, y, xerr=spread, fmt="o", color=COLOURS[2], capsize=3)
    axes.axvline(3, color="0.4", lw=1, ls="--")
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(0, max(10.0, 1.3 * high.max()))
    labels = [f"{name} ({100 * stress[name]['flagged']:.0f} %)" for name in names]
    axes.set_yticks(y, labels, fontsize=10)
    axes.set_xlabel("surprise; dashed: flagged (share in brackets)", fontsize=11)


def by_signal_to_noise(answers, mocks, title):
    """Running bias and scatter of the first scalars against S/N, in the mix."""
    main = mocks.labels.scalars[:MAIN]
    figure, axes = new_figure(max(PANEL * len(main), 5), 4.2, 1, len(main))
    seen = np.flatnonzero(np.isfinite(answers.sn) & (answers.sn > 1))
    seen = seen[np.argsort(answers.sn[seen])]
    bins = np.array_split(seen, 8)
    x = [np.median(answers.sn[rows]) for rows in bins]
    for one, label in zip(axes, main, strict=True):
        error = answers.columns[f"{label.name}_p50"] - mocks.truth[label.name]
        half = 0.5 * (answers.columns[f"{label.name}_p84"] - answers.columns[f"{label.name}_p16"])
        found = [metrics.errors(error[rows]) for rows in bins]
        lines = {
            "scatter, 1.4826 MAD": ([f["mad_std"] for f in found], COLOURS[0], "-"),
            "predicted σ (median)": ([np.median(half[rows]) for rows in bins], COLOURS[3], "-"),
            "bias (median)": ([f["bias_median"] for f in found], COLOURS[2], "--"),
        }
        for text, (y, colour, style) in lines.items():
            one.plot(x, y, style, color=colour, lw=2, marker="o", ms=5, label=text)
        one.axhline(0, color="0.3", lw=0.8)
        one.set_xscale("log")
        one.set_title(symbol(label), fontsize=12)
        one.set_xlabel("S/N per pixel", fontsize=12)
        one.set_ylabel(error_unit(label), fontsize=12)
    axes[0].legend(fontsize=10, frameon=False)
    figure.suptitle(title, fontsize=14)
    return figure
