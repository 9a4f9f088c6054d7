"""Figures of the report that compare: young stars, bands, groups of galaxies, surprise."""

import numpy as np

from phangs_sfh.evaluation import metrics
from phangs_sfh.evaluation.mocks import SCALARS
from phangs_sfh.evaluation.report.figures import COLOURS, FOUR, LABELS, new_figure

SHORT = {
    "mw_logage": "log age (mass)",
    "lw_logage": "log age (light)",
    "mw_mh": "[M/H] (mass)",
    "lw_mh": "[M/H] (light)",
    "logml": "log M/L",
    "av": r"$A_V$",
}


def young_stars(answers, conditions, mocks, title):
    """Estimated against true mass fraction under 10 Myr, the two classes, detection.

    Parameters
    ----------
    answers : dict label -> Answers; the first is drawn in the left and middle panels
    conditions : dict label -> summary, of the same labels
    """
    figure, axes = new_figure(15, 4.8, 1, 3)
    true = metrics.young_fraction(mocks.truth["sfh"])
    estimate = next(iter(answers.values())).young[:, 1]
    low, high = -5.3, 0.0
    log_true = np.log10(np.maximum(true, 10**-5.2))
    log_estimate = np.log10(np.maximum(estimate, 10**-5.2))
    axes[0].hexbin(
        log_true, log_estimate, gridsize=45, extent=(low, high, low, high), bins="log",
        cmap="Blues", mincnt=1, linewidths=0.1,
    )  # fmt: skip
    axes[0].plot([low, high], [low, high], color="0.2", lw=1)
    axes[0].set_xlim(low, high)
    axes[0].set_ylim(low, high)
    axes[0].set_xlabel("true log mass fraction < 10 Myr", fontsize=12)
    axes[0].set_ylabel("estimated (median)", fontsize=12)
    axes[0].text(-5.1, -0.35, "left edge: none", fontsize=10, color="0.35")
    edges = np.linspace(low, high, 43)
    for colour, centre, text in ((COLOURS[0], 1e-3, "0.1 %"), (COLOURS[2], 1e-2, "1 %")):
        chosen = log_estimate[metrics.in_class(true, centre)]
        axes[1].hist(
            chosen, bins=edges, color=colour, alpha=0.55, density=True,
            label=f"truth {text} ± 0.3 dex ({len(chosen)})",
        )  # fmt: skip
        axes[1].axvline(np.log10(centre), color=colour, lw=1.5, ls="--")
    separation = next(iter(conditions.values()))["young"]["separation"]
    if separation is not None:
        axes[1].set_title(f"told apart in {100 * separation:.1f} % of pairs", fontsize=12)
    axes[1].set_xlabel("estimated log mass fraction < 10 Myr", fontsize=12)
    axes[1].set_ylabel("density", fontsize=12)
    axes[1].set_ylim(top=1.35 * axes[1].get_ylim()[1])
    axes[1].legend(fontsize=10, frameon=False, loc="upper left")
    _detection(axes[2], conditions)
    figure.suptitle(title, fontsize=14)
    return figure


def _detection(axes, conditions):
    for colour, (label, summary) in zip(COLOURS[::2], conditions.items(), strict=False):
        rows = summary["young"]["thresholds"]
        x = [row["threshold"] for row in rows]
        for key, style in (("completeness", "-"), ("purity", "--")):
            y = [np.nan if row[key] is None else row[key] for row in rows]
            axes.plot(x, y, style, color=colour, lw=2, marker="o", ms=5, label=f"{key}, {label}")
    axes.set_xscale("log")
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("threshold: mass fraction < 10 Myr", fontsize=12)
    axes.set_ylabel("completeness, purity", fontsize=12)
    axes.legend(fontsize=9, frameon=False, loc="best", handlelength=4)


def data_sets(conditions, title):
    """Robust scatter of the scalars, and total variation, by what data there are."""
    figure, axes = new_figure(13, 4.8, 1, 2, gridspec_kw={"width_ratios": [3.2, 1]})
    width = 0.8 / len(conditions)
    for number, (label, summary) in enumerate(conditions.items()):
        shift = (number - 0.5 * (len(conditions) - 1)) * width
        values = [summary["scalars"][name]["mad_std"] for name in SCALARS]
        bars = axes[0].bar(
            np.arange(len(values)) + shift, values, width * 0.94, color=COLOURS[number], label=label
        )
        axes[0].bar_label(bars, fmt="%.2f", fontsize=8, padding=1)
        bar = axes[1].bar([number], [summary["total_variation"]["p50"]], 0.8, color=COLOURS[number])
        axes[1].bar_label(bar, fmt="%.2f", fontsize=9, padding=1)
    axes[0].set_xticks(range(len(SHORT)), list(SHORT.values()), fontsize=11)
    axes[0].set_ylabel("scatter, 1.4826 MAD [dex, mag]", fontsize=12)
    axes[0].legend(fontsize=10, frameon=False)
    axes[1].set_xticks([])
    axes[1].set_title("mass in a wrong bin", fontsize=12)
    axes[1].set_ylabel("total-variation distance, median", fontsize=12)
    for one in axes:
        one.margins(y=0.12)
    figure.suptitle(title, fontsize=14)
    return figure


def groups(summary, title):
    """Bias, scatter and coverage of the four means by kind of galaxy and of observation."""
    entries = [entry for group in summary["groups"].values() for entry in group]
    starts = np.cumsum([0] + [len(group) for group in summary["groups"].values()])
    y = np.arange(len(entries))
    figure, axes = new_figure(14, 2.2 + 0.24 * len(entries), 1, 3, sharey=True)
    for colour, name in zip(COLOURS, FOUR, strict=False):
        style = {"color": colour, "ms": 6, "ls": "none", "marker": "o", "label": SHORT[name]}
        for one, number in zip(axes, ("bias_median", "mad_std"), strict=False):
            one.plot([entry["scalars"][name][number] for entry in entries], y, **style)
        axes[2].plot([entry["coverage_68"][name] for entry in entries], y, **style)
    axes[0].axvline(0, color="0.3", lw=1)
    axes[0].set_title("bias (median) [dex]", fontsize=12)
    axes[1].set_xlim(left=0)
    axes[1].set_title("scatter, 1.4826 MAD [dex]", fontsize=12)
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


def surprise(summary, stress, title):
    """Scatter and coverage against surprise, and surprise of inputs that deserve it."""
    figure, axes = new_figure(15, 4.6, 1, 3)
    bins = summary["surprise"]["bins"]
    x = np.arange(len(bins))
    for colour, name in zip(COLOURS, FOUR, strict=False):
        style = {"color": colour, "lw": 1.8, "marker": "o", "label": SHORT[name]}
        axes[0].plot(x, [b["mad_std"][name] for b in bins], **style)
        axes[1].plot(x, [b["coverage_68"][name] for b in bins], **style)
    ends = [f"{b['low']:g}-{b['high']:g}" if b["high"] else f"> {b['low']:g}" for b in bins]
    for one in axes[:2]:
        one.set_xticks(x, [f"{e}\n({b['n']})" for e, b in zip(ends, bins, strict=True)])
        one.set_xlabel("surprise (galaxies)", fontsize=12)
    axes[0].set_ylim(bottom=0)
    axes[0].set_ylabel("scatter, 1.4826 MAD [dex]", fontsize=12)
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
    """Running bias and scatter of the four means against S/N, in the mix."""
    figure, axes = new_figure(15, 4.2, 1, 4)
    seen = np.flatnonzero(np.isfinite(answers.sn) & (answers.sn > 1))
    seen = seen[np.argsort(answers.sn[seen])]
    bins = np.array_split(seen, 8)
    x = [np.median(answers.sn[rows]) for rows in bins]
    for one, name in zip(axes, FOUR, strict=True):
        error = answers.columns[f"{name}_p50"] - mocks.truth[name]
        half = 0.5 * (answers.columns[f"{name}_p84"] - answers.columns[f"{name}_p16"])
        found = [metrics.errors(error[rows]) for rows in bins]
        lines = {
            "scatter, 1.4826 MAD": ([f["mad_std"] for f in found], COLOURS[0], "-"),
            "predicted σ (median)": ([np.median(half[rows]) for rows in bins], COLOURS[3], "-"),
            "bias (median)": ([f["bias_median"] for f in found], COLOURS[2], "--"),
        }
        for label, (y, colour, style) in lines.items():
            one.plot(x, y, style, color=colour, lw=2, marker="o", ms=5, label=label)
        one.axhline(0, color="0.3", lw=0.8)
        one.set_xscale("log")
        one.set_title(LABELS[name], fontsize=12)
        one.set_xlabel("S/N per pixel", fontsize=12)
    axes[0].set_ylabel("dex", fontsize=12)
    axes[0].legend(fontsize=10, frameon=False)
    figure.suptitle(title, fontsize=14)
    return figure
