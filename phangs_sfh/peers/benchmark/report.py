"""The benchmark as JSON, as a table and as a figure."""

import json
from pathlib import Path

import numpy as np

from phangs_sfh.evaluation.report.markdown import number, percent, table
from phangs_sfh.files.whole import whole_file, write_text
from phangs_sfh.peers.benchmark import comparison
from phangs_sfh.peers.ppxf import SCALARS

JSON, MARKDOWN, FIGURE = "benchmark.json", "benchmark.md", "benchmark.png"
FILES = (JSON, MARKDOWN, FIGURE)
NAMES = {
    "mw_logage": "log age, mass-weighted",
    "lw_logage": "log age, light-weighted",
    "mw_mh": "[M/H], mass-weighted",
    "lw_mh": "[M/H], light-weighted",
}
COLOURS = {
    comparison.OURS: "#0072B2",
    comparison.PPXF: "#D55E00",
    comparison.BOOTSTRAPPED: "#E69F00",
    comparison.BAGPIPES: "#009E73",
}  # Okabe & Ito 2008


def write(folder, summary, answers, truth):
    """Write the three files, each whole or not at all.

    Parameters
    ----------
    folder : path
    summary, answers : as returned by ``comparison.run``
    truth : dict of arrays
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / JSON, json.dumps(summary, indent=1))
    write_text(folder / MARKDOWN, markdown(summary))
    with whole_file(folder / FIGURE) as temporary:
        draw(temporary, summary, answers, truth)


def markdown(summary):
    """All numbers as Markdown text."""
    spectra, model = summary["spectra"], summary["model"]
    peers = "; ".join(filter(None, (summary["ppxf"], summary.get("bagpipes"))))
    text = (
        f"{spectra['n']} spectra, S/N {spectra['sn']} per pixel, five bands, {spectra['source']}. "
        f"Model {model['name']} {model['version']}; {peers}. {summary['machine']}, one "
        f"thread, processor time; {summary['made']}.\n\n"
    )
    text += accuracy_table(summary) + "\n" + coverage_table(summary) + "\n" + cost_table(summary)
    return text + "\n" + matrix_sentence(summary) + "\n"


def short_table(summary):
    """What a README has room for: scatter, coverage, time and memory of each code."""
    header = ["", *_heads(summary)]
    codes = summary["codes"].values()
    rows = []
    for name, title in NAMES.items():
        errors = [code["errors"][name] for code in codes]
        rows.append(
            [f"{title} [dex]: std, 1.4826 MAD"]
            + [f"{number(e['std'], 2)}, {number(e['mad_std'], 2)}" for e in errors]
        )
    held = []
    for code in codes:
        shares = [code["coverage"][name]["68"] for name in SCALARS] if "coverage" in code else []
        held.append(f"{percent(min(shares), 0)} to {percent(max(shares), 0)}" if shares else "–")
    rows.append(["truths in 68 % intervals [%]", *held])
    rows.append(["seconds a spectrum, one core"] + [_seconds(code["seconds"], 2) for code in codes])
    rows.append(["peak memory [MB]"] + [number(code["megabytes"], 0) for code in codes])
    return table(header, rows)


def accuracy_table(summary):
    """Scatter and bias by code."""
    header = ["standard deviation, 1.4826 MAD, bias [dex]", *_heads(summary)]
    rows = []
    for name, title in NAMES.items():
        cells = []
        for code in summary["codes"].values():
            e = code["errors"][name]
            cells.append(
                f"{number(e['std'])}, {number(e['mad_std'])}, {number(e['bias_median'], sign=True)}"
            )
        rows.append([title, *cells])
    distances = [number(code["total_variation"]) for code in summary["codes"].values()]
    rows.append(["total variation of the SFH", *distances])
    for peer, ratio in summary["ratios"].items():
        rows.append(
            [f"our scatter over that of {peer}"]
            + ["" if code != peer else _ratio_cell(ratio) for code in summary["codes"]]
        )
    return table(header, rows)


def _ratio_cell(ratio):
    std = ", ".join(number(ratio["std"][name], 2) for name in SCALARS)
    mad = ", ".join(number(ratio["mad_std"][name], 2) for name in SCALARS)
    return f"{std} (MAD {mad})"


def coverage_table(summary):
    """Share of truths in 68 and 95 % intervals by code."""
    codes = {k: v for k, v in summary["codes"].items() if "coverage" in v}
    header = ["truths in the 68 %, 95 % intervals [%]"]
    header += [f"{name}, n = {code['n']}" for name, code in codes.items()]
    rows = []
    for name, title in NAMES.items():
        shares = [code["coverage"][name] for code in codes.values()]
        rows.append([title] + [f"{percent(s['68'], 0)}, {percent(s['95'], 0)}" for s in shares])
    return table(header, rows)


def cost_table(summary):
    """Time and memory by code."""
    rows = [
        ["seconds a spectrum"] + [_seconds(c["seconds"], 3) for c in summary["codes"].values()],
        ["times ours"]
        + [
            f"{summary['ratios'][name]['speed']:,.0f}" if name != comparison.OURS else "1"
            for name in summary["codes"]
        ],
        ["peak memory [MB]"] + [number(c["megabytes"], 0) for c in summary["codes"].values()],
    ]
    return table(["cost", *_heads(summary)], rows)


def _heads(summary):
    return [f"{name}, n = {code['n']}" for name, code in summary["codes"].items()]


def _seconds(value, digits):
    return f"{value:,.0f}" if value >= 10 ** (digits - 1) else f"{value:.{digits}g}"


def matrix_sentence(summary):
    """How far the model is from the speed of a matrix product, in words."""
    cost = summary["codes"][comparison.OURS]["cost"]
    return (
        f"Our forward pass is {cost['flops'] / 1e6:.1f} Mflop a spectrum: at the "
        f"{cost['gflops_matrix']:.0f} Gflop/s of a large float32 matrix product on this core it "
        f"would take {1e6 * cost['seconds_matrix_limit']:.0f} µs; it takes "
        f"{1e6 * cost['seconds']:.0f} µs at batch {cost['batch']}, "
        f"{cost['seconds'] / cost['seconds_matrix_limit']:.1f} times that, with all percentiles, "
        f"surprise and flags, and {1e3 * cost['seconds_single']:.1f} ms for a spectrum alone."
    )


def draw(path, summary, answers, truth):
    """Answers against truth, one row a code, and what each code costs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [name for name in answers if name != comparison.BOOTSTRAPPED]  # that is pPXF's row
    figure = Figure(figsize=(15, 3.2 * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(shown), 5, width_ratios=[1, 1, 1, 1, 1.05])
    for axis in axes[2:, 4]:
        axis.set_axis_off()
    for row, code in enumerate(shown):
        for axis, name in zip(axes[row], SCALARS, strict=False):
            _against_truth(axis, code, name, summary, answers, truth)
    _bars(axes[0, 4], summary)
    _costs(axes[1, 4], summary)
    figure.savefig(path, dpi=110, format="png")


def _against_truth(axis, code, name, summary, answers, truth):
    answer = answers[code][name]
    true = truth[name][: len(answer)]
    limits = (5.8, 10.3) if "age" in name else (-2.2, 0.8)
    axis.plot(limits, limits, color="0.6", lw=0.8)
    axis.plot(true, answer, ".", ms=3, color=COLOURS[code], alpha=0.7)
    axis.set(xlim=limits, ylim=limits)
    e = summary["codes"][code]["errors"][name]
    note = f"{code}\nstd {e['std']:.2f}, MAD {e['mad_std']:.2f}\nbias {e['bias_median']:+.2f} dex"
    axis.text(0.04, 0.96, note, transform=axis.transAxes, va="top", fontsize=8)
    unit = "log10 yr" if "age" in name else "dex"
    axis.set_title(NAMES[name], fontsize=9)
    axis.set_xlabel(f"true [{unit}]", fontsize=8)
    axis.set_ylabel(f"answer [{unit}]", fontsize=8)
    axis.tick_params(labelsize=8)


def _bars(axis, summary):
    """Coverage of the 68 % intervals."""
    codes = [name for name, code in summary["codes"].items() if "coverage" in code]
    places = np.arange(len(SCALARS))
    width = 0.8 / len(codes)
    for number_, name in enumerate(codes):
        shares = [100 * summary["codes"][name]["coverage"][s]["68"] for s in SCALARS]
        left = places - 0.4 + width * (number_ + 0.5)
        axis.bar(left, shares, width, color=COLOURS[name], label=name)
    axis.axhline(68, color="k", lw=0.8, ls="--")
    axis.set_xticks(places, ["age$_M$", "age$_L$", "[M/H]$_M$", "[M/H]$_L$"], fontsize=8)
    axis.set(ylim=(0, 125), yticks=range(0, 101, 20))
    axis.set_ylabel("truths in 68 % intervals [%]", fontsize=8)
    axis.legend(fontsize=7, frameon=False, loc="upper right", ncols=2)
    axis.tick_params(labelsize=8)


def _costs(axis, summary):
    names = list(summary["codes"])
    seconds = [summary["codes"][name]["seconds"] for name in names]
    axis.barh(names[::-1], seconds[::-1], color=[COLOURS[name] for name in names[::-1]])
    axis.set_xscale("log")
    axis.set_xlim(min(seconds) / 5, max(seconds) * 100)
    for place, value in enumerate(seconds[::-1]):
        axis.text(value * 1.2, place, f"{_seconds(value, 2)} s", va="center", fontsize=8)
    axis.set_xlabel("seconds a spectrum, one core", fontsize=8)
    axis.tick_params(labelsize=8)
