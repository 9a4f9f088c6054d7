"""Tables and figure of docs/information.md, from the numbers of ``limits`` and sampled cases."""

import re

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from phangs_sfh.errors import InputError
from phangs_sfh.evaluation.report.markdown import number, table
from phangs_sfh.files.whole import whole_file, write_text
from studies.information.latent import QUANTITIES

FOUR = QUANTITIES[:4]
TITLES = {
    "mw_logage": "mass-weighted log age",
    "lw_logage": "light-weighted log age",
    "mw_mh": "mass-weighted [M/H]",
    "lw_mh": "light-weighted [M/H]",
}
COLOURS = {"paper": "#2a6f97", "broad": "#d1495b"}
STD_MARKS = {"mw_logage": 0.10, "mw_mh": 0.03, "lw_mh": 0.03}
MAD_MARKS = {"mw_logage": 0.06, "lw_logage": 0.06, "mw_mh": 0.025, "lw_mh": 0.025}
"""The marks set for prior ``paper`` at S/N 30-150 [dex]."""
SETTLED = 1.25
"""Drift of chains above which a posterior is not counted: they were still spreading."""


def write(docs, content):
    """Write docs/information.png and the tables between ``<!-- NAME -->`` and ``<!-- end -->`` of
    docs/information.md.

    Raises
    ------
    InputError
        If the page lacks a table's marks.
    """
    page = docs / "information.md"
    text = page.read_text()
    for name, made in tables(content).items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not pattern.search(text):
            raise InputError(f"{page}: no '<!-- {name} -->' with '<!-- end -->'; put them back")
        text = pattern.sub(lambda found, made=made: f"{found[1]}\n{made}\n{found[2]}", text)
    write_text(page, text)
    with whole_file(docs / "information.png") as temporary:
        FigureCanvasAgg(figure(content)).print_png(temporary)


def tables(content):
    """Markdown of every table, by name."""
    return {
        "marks": marks_table(content),
        "limit": limit_table(content),
        "scenarios": scenario_table(content),
        "cases": case_table(content),
    }


def settled_cases(content):
    """The cases whose chains have settled."""
    return [case for case in content["cases"] if drift(case) < SETTLED]


def chain_factors(content, label=None):
    """Ratio of rms widths over all cases whose chains have settled, by quantity: chains over Fisher
    matrix, or, with a ``label``, that network over chains."""
    cases = settled_cases(content)
    chains, fisher = (
        np.array([read(case)[: len(FOUR)] for case in cases])
        for read in (lambda case: case["chains"]["half_width"], lambda case: case["fisher"])
    )
    if label is None:
        return np.sqrt(np.mean(chains**2, axis=0) / np.mean(fisher**2, axis=0)).tolist()
    network = np.array([case["network"][label]["half_width"][: len(FOUR)] for case in cases])
    return np.sqrt(np.mean(network**2, axis=0) / np.mean(chains**2, axis=0)).tolist()


def limit_table(content):
    """Bound, network and their ratio: standard deviation / robust scatter, by prior and S/N."""
    header = ["prior", "S/N", "", *(f"{TITLES[q]} [dex]" for q in FOUR)]
    rows = []
    for prior, found in content["bound"].items():
        rows.append([prior, "", "no data", *(number(found["prior"][q]) for q in FOUR)])
        for sn, bound in found["sn"].items():
            rows.append(["", sn, "limit", *(_both(bound[q]) for q in FOUR)])
            for label, network in content.get("network", {}).items():
                if prior not in network:
                    continue
                seen = network[prior][sn]
                rows.append(["", "", label, *(_both(seen[q]) for q in FOUR)])
                ratios = (_ratio(seen[q], bound[q]) for q in FOUR)
                rows.append(["", "", f"{label} / limit", *ratios])
    return table(header, rows)


def _both(summary):
    return f"{summary['std']:.3f} / {summary['mad_std']:.3f}"


def _ratio(seen, bound):
    return " / ".join(f"{seen[key] / bound[key]:.2f}" for key in ("std", "mad_std"))


def marks_table(content):
    """Each mark against the limit of prior ``paper`` at S/N 30-150."""
    bound = content["bound"]["paper"]["sn"]["30-150"]
    networks = {label: one["paper"]["30-150"] for label, one in content.get("network", {}).items()}
    header = ["quantity", "measure", "mark", "limit", "mark above limit", *networks]
    rows = []
    for key, name, marks in (
        ("std", "standard deviation", STD_MARKS),
        ("mad_std", "robust scatter", MAD_MARKS),
    ):
        for quantity, mark in marks.items():
            limit = bound[quantity][key]
            seen = (number(network[quantity][key]) for network in networks.values())
            possible = "yes" if mark >= limit else "no"
            row = [TITLES[quantity], name, number(mark), number(limit), possible, *seen]
            rows.append(row)
    return table(header, rows)


def scenario_table(content):
    """What the limit at S/N 50 would be if something else were assumed."""
    header = ["assumed", *(f"paper: {TITLES[q]}" for q in FOUR)]
    header += [f"broad: {TITLES[q]}" for q in FOUR]
    priors = content["bound"]
    names = list(priors["paper"]["scenarios"])
    rows = [
        [name, *(_both(priors[p]["scenarios"][name][q]) for p in ("paper", "broad") for q in FOUR)]
        for name in names
    ]
    for limit in priors["paper"]["bursts_below"]:
        cells = [
            _both(priors[p]["bursts_below"][limit][q]) for p in ("paper", "broad") for q in FOUR
        ]
        rows.append([f"galaxies with less than {100 * float(limit):g} % in bursts", *cells])
    return table(header, rows)


def case_table(content):
    """Widths of the posteriors of single galaxies: Fisher, chains, networks."""
    labels = list(content["cases"][0].get("network", {}))
    header = ["case", "burst", *(f"{TITLES[q]}: Fisher, chains" for q in FOUR)]
    header = [head + "".join(f", {label}" for label in labels) for head in header[2:]]
    rows = []
    for case in content["cases"]:
        cells = [_widths(case, k, labels) for k in range(len(FOUR))]
        burst = f"{100 * case['burst_fraction']:.2g}"
        rows.append([case["seed"], burst, *cells, number(drift(case), 2)])
    factors = [number(factor, 2) for factor in chain_factors(content)]
    settled = f"under {SETTLED}"
    rows.append(["rms, chains / Fisher", "", *factors, settled])
    for label in labels:
        factors = [number(factor, 2) for factor in chain_factors(content, label)]
        rows.append([f"rms, {label} / chains", "", *factors, settled])
    return table(["case", "burst [%]", *header, "drift"], rows)


def drift(case):
    """Width of the chains in the second half of what was kept over the first, the largest."""
    first, second = (np.array(half[: len(FOUR)]) for half in case["chains"]["std_halves"])
    return float(np.max(second / first))


def _widths(case, k, labels):
    values = [case["fisher"][k], case["chains"]["half_width"][k]]
    values += [case["network"][label]["half_width"][k] for label in labels]
    return ", ".join(f"{value:.3f}" for value in values)


def figure(content):
    """Left: scatter against S/N, limit and networks. Right: widths of single posteriors."""
    drawing = Figure(figsize=(11, 7.5), layout="constrained")
    for k, (quantity, axes) in enumerate(zip(FOUR, drawing.subplots(2, 4)[0], strict=True)):
        _by_sn(axes, content, quantity)
        if k == 0:
            axes.set_ylabel("standard deviation of errors [dex]")
            axes.legend(fontsize=7)
    for k, axes in enumerate(drawing.axes[len(FOUR) :]):
        _widths_panel(axes, content, k)
        if k == 0:
            axes.set_ylabel("width from Fisher matrix or network [dex]")
            axes.legend(fontsize=7)
    return drawing


def _by_sn(axes, content, quantity):
    for prior, found in content["bound"].items():
        sn = [name for name in found["sn"] if name.isdigit()]
        x = [float(name) for name in sn]
        limit = [found["sn"][name][quantity]["std"] for name in sn]
        axes.plot(x, limit, "o-", color=COLOURS[prior], label=f"limit, {prior}")
        for place, (label, network) in enumerate(content.get("network", {}).items()):
            if prior not in network:
                continue
            seen = [network[prior][name][quantity]["std"] for name in sn]
            style = {"marker": "sD^v"[place % 4], "ls": "--", "mfc": "none"}
            axes.plot(x, seen, color=COLOURS[prior], label=f"{label}, {prior}", **style)
    if quantity in STD_MARKS:
        axes.axhline(STD_MARKS[quantity], color="0.5", ls=":", label="mark (paper)")
    axes.set_title(TITLES[quantity], fontsize=9)
    axes.set_xscale("log")
    axes.set_xticks([30, 50, 100], ["30", "50", "100"])
    axes.minorticks_off()
    axes.set_xlabel("S/N per pixel")
    axes.set_ylim(0, None)


def _widths_panel(axes, content, k):
    cases = settled_cases(content)
    chains = np.array([case["chains"]["half_width"][k] for case in cases])
    axes.plot(chains, [case["fisher"][k] for case in cases], "o", c="0.2", label="Fisher matrix")
    for label, marker in zip(cases[0].get("network", {}), "sD^v", strict=False):
        widths = [case["network"][label]["half_width"][k] for case in cases]
        colour = COLOURS["paper" if label.endswith("paper") else "broad"]
        axes.plot(chains, widths, marker, color=colour, mfc="none", label=label)
    axes.locator_params(axis="x", nbins=4)
    top = 1.1 * max(axes.get_xlim()[1], axes.get_ylim()[1])
    axes.plot([0, top], [0, top], color="0.6", lw=0.8)
    axes.set(xlim=(0, top), ylim=(0, top), xlabel="exact width (chains) [dex]")
