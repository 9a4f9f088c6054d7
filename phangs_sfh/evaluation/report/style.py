"""What the report's figures have in common, and how they call a label."""

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = ["#2a6f97", "#61a5c2", "#d1495b", "#edae49", "#66a182", "#5e548e"]
DPI = 130
SMALL = 10
PANEL = 3.75
"""Width of a panel [inch]; four of them fill a slide."""


def new_figure(width, height, rows=1, columns=1, **grid):
    """A figure with its axes as a flat list; no display and no pyplot state."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **grid)
    for one in axes.ravel():
        one.tick_params(direction="in", top=True, right=True, labelsize=SMALL)
    return figure, list(axes.ravel())


def save(figure, path):
    figure.savefig(path, format="png")


def colours(n):
    """``n`` colours to tell lines apart."""
    return COLOURS[:n] if n <= len(COLOURS) else [shade(i, n) for i in range(n)]


def shade(number, n):
    """Colour of the i-th of n bins."""
    return colormaps["viridis"](number / max(n - 1, 1))


def error_unit(label):
    """Unit of an error of a label, '' for a bare number: an error of log10 yr is in dex."""
    return "dex" if label.unit.startswith("dex") else label.unit


def symbol(label):
    """A label's name on a figure."""
    return label.symbol or title_with_unit(label.name, label.unit)


def title_with_unit(text, unit):
    return f"{text} [{unit}]" if unit else text


def described(label):
    """A label's name in a table: what it is, and the unit of its errors."""
    return title_with_unit(label.text or label.name, error_unit(label))


def units(labels):
    """Units of the errors of some labels, each once, e.g. 'dex, mag'; '' if they have none."""
    return ", ".join(dict.fromkeys(error_unit(label) for label in labels if label.unit))


def bin_ticks(axes, label, x=None, at_most=16):
    """Put the names of a label's bins on the x axis."""
    every = -(-len(label.axis) // at_most)
    x = np.arange(len(label.axis)) if x is None else x
    axes.set_xticks(x[::every], label.axis.names[::every], rotation=60, ha="right", fontsize=9)
