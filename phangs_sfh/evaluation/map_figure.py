"""The figure of a map file: the maps, their uncertainties, and histories of a few places."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure

from phangs_sfh import ages
from phangs_sfh.evaluation import figures
from phangs_sfh.tables import quiet

YOUNG_MYR = 80.0
YOUNG = ages.EDGES_MYR[1:] <= YOUNG_MYR
BARS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120)
"""Lengths that a scale bar may have [arcsec]."""

PLACES = ("#d1495b", "#2a6f97", "#e09f3e")


@dataclass(frozen=True)
class Panel:
    """One map: title, values (ny, nx), colour map, and the lowest value shown if fixed."""

    title: str
    values: np.ndarray
    colours: str
    floor: float | None = None


def write_map_figure(maps, path):
    """Draw a map file into a figure file, written whole or not at all.

    Parameters
    ----------
    maps : path of a file that ``map`` wrote
    path : .png or .pdf
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        map_figure(maps).savefig(temporary, dpi=110)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def map_figure(maps):
    """Figure of a map file.

    Returns
    -------
    figure : matplotlib Figure. Upper row: white light, mean age, [M/H], A_V, mass formed in the
        last 80 Myr (sum of the bins' medians); middle: surprise and half the widths of the 68 %
        intervals (those of the bins added in quadrature); below: histories of three spaxels
    """
    with quiet(), fits.open(maps) as hdus:
        answers, errors = _panels(hdus)
        places = _places(hdus)
        histories = [np.array([hdus[f"SFH_{p}"].data[:, y, x] for p in ("P16", "P50", "P84")])
                     for y, x, _ in places]  # fmt: skip
        scale = _arcsec_per_pixel(hdus["WHITE"].header)
        primary = hdus[0].header.copy()
    ny, nx = answers[0].values.shape
    figure = Figure(figsize=(17.5, 10.6))
    FigureCanvasAgg(figure)
    above = figure.add_gridspec(
        2, 5, left=0.02, right=0.975, top=0.925, bottom=0.36, wspace=0.16, hspace=0.14
    )
    for row, panels in enumerate((answers, errors)):
        for column, panel in enumerate(panels):
            axes = figure.add_subplot(above[row, column])
            draw_panel(figure, axes, panel)
            if row == column == 0:
                mark(axes, places)
                scale_bar(axes, scale, nx, ny)
    below = figure.add_gridspec(1, 3, left=0.055, right=0.975, top=0.285, bottom=0.065, wspace=0.2)
    for index, (place, history) in enumerate(zip(places, histories, strict=True)):
        draw_place(figure.add_subplot(below[index]), place, history, PLACES[index])
    name = " ".join(str(primary.get("OBJECT") or primary.get("CUBE", "")).split())
    figure.text(0.02, 0.968, f"{name}", fontsize=16, fontweight="bold", va="center")
    figure.text(
        0.975, 0.968, f"model {primary['MODEL']} {primary['MODELVER']}, {primary['CREATOR']}",
        fontsize=10, color="0.35", va="center", ha="right",
    )  # fmt: skip
    return figure


def _panels(hdus):
    def middle(name):
        return np.array(hdus[f"{name}_P50"].data, np.float32)

    def half(name):
        return 0.5 * (hdus[f"{name}_P84"].data - hdus[f"{name}_P16"].data).astype(np.float32)

    share = 100 * middle("SFH")[YOUNG].sum(axis=0)
    share_error = 100 * np.sqrt((half("SFH")[YOUNG] ** 2).sum(axis=0))
    young = f"mass formed in {YOUNG_MYR:g} Myr [%]"
    answers = [
        Panel("white light", np.array(hdus["WHITE"].data, np.float32), "gray"),
        Panel("log age [yr], by mass", middle("MW_LOGAGE"), "viridis"),
        Panel("[M/H] [dex], by mass", middle("MW_MH"), "cividis"),
        Panel(r"$A_V$ [mag]", middle("AV"), "inferno", 0.0),
        Panel(young, share, "plasma", 0.0),
    ]
    errors = [
        Panel("surprise", np.array(hdus["SURPRISE"].data, np.float32), "magma"),
        Panel("error of log age [dex]", half("MW_LOGAGE"), "bone_r", 0.0),
        Panel("error of [M/H] [dex]", half("MW_MH"), "bone_r", 0.0),
        Panel(r"error of $A_V$ [mag]", half("AV"), "bone_r", 0.0),
        Panel(f"error of {young}", share_error, "bone_r", 0.0),
    ]
    return answers, errors


def _places(hdus):
    """Spaxels to show, (y, x, name): the brightest, and the youngest and oldest of good S/N."""
    white, snr = np.array(hdus["WHITE"].data), np.array(hdus["SNR"].data)
    age = np.array(hdus["MW_LOGAGE_P50"].data)
    answered = np.isfinite(age) & np.isfinite(white) & np.isfinite(snr)
    if not answered.any():
        return []
    good = answered & (snr >= np.median(snr[answered]))
    found = []
    for name, values, pick in (
        ("brightest", np.where(answered, white, -np.inf), np.argmax),
        ("youngest", np.where(good, age, np.inf), np.argmin),
        ("oldest", np.where(good, age, -np.inf), np.argmax),
    ):
        y, x = np.unravel_index(pick(values), values.shape)
        found.append((int(y), int(x), f"{name}, x = {x + 1}, y = {y + 1}, S/N {snr[y, x]:.0f}"))
    return found


def _arcsec_per_pixel(header):
    wcs = WCS(header)
    return proj_plane_pixel_scales(wcs.celestial)[0] * 3600 if wcs.has_celestial else None


def draw_panel(figure, axes, panel):
    """One map with its colour bar; the scale runs between the 2nd and 98th percentile."""
    finite = panel.values[np.isfinite(panel.values)]
    low, high = np.percentile(finite, [2, 98]) if finite.size else (0.0, 1.0)
    low = low if panel.floor is None else panel.floor
    high = high if high > low else low + 1.0
    scale = {"vmin": low, "vmax": high}
    if panel.colours == "gray":
        scale = {"norm": AsinhNorm(0.1 * high, vmin=low, vmax=high)}
    axes.set_facecolor("0.85")
    image = axes.imshow(
        panel.values, origin="lower", cmap=panel.colours, interpolation="nearest", **scale
    )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(panel.title, fontsize=12)
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.02)
    bar.ax.tick_params(labelsize=9)
    if panel.colours == "gray":
        bar.set_ticks([])


def mark(axes, places):
    for (y, x, _), colour in zip(places, PLACES, strict=False):
        axes.plot(x, y, "o", ms=11, mfc="none", mec="w", mew=3.2)
        axes.plot(x, y, "o", ms=11, mfc="none", mec=colour, mew=1.8)


def scale_bar(axes, arcsec_per_pixel, nx, ny):
    """A bar of about a quarter of the width; in spaxels if the scale is unknown."""
    scale = arcsec_per_pixel or 1.0
    length = max([bar for bar in BARS if bar <= 0.3 * nx * scale], default=BARS[0])
    x, y, width = 0.05 * nx, 0.06 * ny, length / scale
    unit = '"' if arcsec_per_pixel else " spaxels"
    for colour, thickness in (("k", 5), ("w", 2.5)):
        axes.plot([x, x + width], [y, y], color=colour, lw=thickness, solid_capstyle="butt")
    axes.annotate(
        f"{length:g}{unit}", (x + width / 2, y), (0, 5), textcoords="offset points", ha="center",
        color="w", fontsize=11, fontweight="bold",
        bbox={"fc": "k", "alpha": 0.45, "lw": 0, "pad": 1.5},
    )  # fmt: skip


def draw_place(axes, place, history, colour):
    """Star formation rate of one spaxel in each bin, relative to its mean over 13.8 Gyr."""
    duration = np.diff(ages.EDGES_YR) / ages.MAX_AGE_YR
    low, middle, high = np.maximum(history / duration, 1e-12)
    edges = figures.shown_edges()
    axes.stairs(high, edges, baseline=low, fill=True, color=colour, alpha=0.35, lw=0)
    axes.stairs(middle, edges, baseline=None, color=colour, lw=2)
    axes.axhline(1, color="0.7", lw=0.8, zorder=0)
    axes.set_yscale("log")
    axes.set_ylim(max(0.3 * low.min(), 1e-5 * high.max()), 4 * high.max())
    axes.set_ylabel("SFR / mean SFR", fontsize=11)
    axes.set_title(place[2], fontsize=11.5, color=colour)
    figures.lookback_axis(axes)
