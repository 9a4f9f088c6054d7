"""Figures of maps against truth, and of maps against another code's."""

from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = {
    "mw_logage": "viridis", "lw_logage": "viridis", "mw_mh": "cividis", "lw_mh": "cividis",
    "av": "inferno", "logml": "viridis", "logsigma": "gray", "logssfr10": "plasma",
    "logssfr100": "plasma", "logsigsfr10": "plasma", "logsigsfr100": "plasma",
}  # fmt: skip

TITLES = {
    "mw_logage": "log age [yr], by mass",
    "lw_logage": "log age [yr], by light",
    "mw_mh": "[M/H] [dex], by mass",
    "lw_mh": "[M/H] [dex], by light",
    "av": r"$A_V$ [mag]",
    "logsigma": r"log mass [M$_\odot$ pc$^{-2}$]",
    "logsigsfr10": r"log SFR, 10 Myr [M$_\odot$ yr$^{-1}$ kpc$^{-2}$]",
    "logsigsfr100": r"log SFR, 100 Myr [M$_\odot$ yr$^{-1}$ kpc$^{-2}$]",
}
SHOWN = 3.0
"""Pulls are drawn from minus to plus this."""


@dataclass(frozen=True)
class Column:
    """Maps of one quantity, drawn below each other: ``maps`` (title, values) share one scale,
    ``pull`` (title, values) has its own."""

    name: str
    maps: tuple
    pull: tuple


def columns_figure(columns, title, size=3.5):
    """A column for each quantity: maps on one scale, and below them the difference in σ.

    Parameters
    ----------
    columns : list of Column, all with as many maps
    title : str
    """
    n_rows, n_columns = len(columns[0].maps) + 1, len(columns)
    figure = Figure(figsize=(size * n_columns, 0.93 * size * n_rows + 0.4))
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for number, column in enumerate(columns):
        shown = np.concatenate([v[np.isfinite(v)] for _, v in column.maps])
        low, high = np.percentile(shown, [1, 99])
        panels = [(*panel, COLOURS[column.name], low, high) for panel in column.maps]
        panels.append((*column.pull, "RdBu_r", -SHOWN, SHOWN))
        for axis, (label, values, colours, start, stop) in zip(
            axes[:, number], panels, strict=True
        ):
            _draw(figure, axis, values, colours, start, stop)
            if number == 0:
                axis.set_ylabel(label, fontsize=12)
        axes[0, number].set_title(TITLES[column.name], fontsize=12)
    figure.suptitle(title, fontsize=12)
    figure.tight_layout(rect=(0, 0, 1, 0.985))
    return figure


def row_figure(panels, name, title):
    """Maps of one quantity side by side, all on one scale.

    Parameters
    ----------
    panels : list of (title, values)
    name : of the quantity
    title : str
    """
    figure = Figure(figsize=(4.0 * len(panels), 4.4))
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    low, high = np.percentile(panels[0][1], [1, 99.5])
    for axis, (label, values) in zip(axes, panels, strict=True):
        _draw(figure, axis, values, COLOURS[name], low, high)
        axis.set_title(label, fontsize=11)
    figure.suptitle(title, fontsize=12)
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    return figure


def _draw(figure, axis, values, colours, low, high):
    axis.set_facecolor("0.85")
    image = axis.imshow(
        values, origin="lower", cmap=colours, vmin=low, vmax=high, interpolation="nearest"
    )
    axis.set_xticks([])
    axis.set_yticks([])
    bar = figure.colorbar(image, ax=axis, fraction=0.046, pad=0.02)
    bar.ax.tick_params(labelsize=9)
