"""Figure of the report on histories: young stars."""

import numpy as np

from phangs_sfh.evaluation.histories.young import in_class, young_fraction
from phangs_sfh.evaluation.report.style import COLOURS, new_figure

CASES = {"sn50": "all bands", "sn50_spectrum_only": "no bands"}
CAPTIONS = {
    "young_stars": "Mass younger than 10 Myr: estimate against truth at S/N 50, the classes of 0.1 "
    "and 1 %, and completeness and purity as the fraction falls."
}


def figures(metrics, mocks, answers, who):
    """All figures of histories: dict name -> Figure."""
    there = young_cases(metrics)
    if not there:
        return {}
    title = f"Stars younger than 10 Myr, S/N 50 ({who})"
    found = {label: answers[key] for key, label in there.items()}
    summaries = {label: metrics["conditions"][key] for key, label in there.items()}
    return {"young_stars": young_stars(found, summaries, mocks, title)}


def young_cases(metrics):
    """Cases at S/N 50 and what they are called, as far as there are: dict of str."""
    found = {key: text for key, text in CASES.items() if key in metrics["conditions"]}
    return found if len(found) > 1 else {key: "spectrum alone" for key in found}


def young_stars(answers, conditions, mocks, title):
    """Estimated against true mass fraction under 10 Myr, the two classes, detection.

    Parameters
    ----------
    answers : dict label -> Answers; the first is drawn in the left and middle panels
    conditions : dict label -> summary, of the same labels
    """
    figure, axes = new_figure(15, 4.8, 1, 3)
    true = young_fraction(mocks.truth["sfh"])
    estimate = next(iter(answers.values())).kept["young"][:, 1]
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
        chosen = log_estimate[in_class(true, centre)]
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
