"""The figure of a map file: the maps, their uncertainties, and histories of a few places."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from phangs_sfh.files.paths import PathLike, check_apart
from phangs_sfh.files.reading import quiet
from phangs_sfh.files.whole import whole_file
from phangs_sfh.plots import figures

BARS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120)
"""Lengths that a scale bar may have [arcsec, or kpc where the distance is known]."""

PLACES = ("#d1495b", "#2a6f97", "#e09f3e")
GREY = "0.85"


@dataclass(frozen=True)
class Panel:
    """One map: title, values (ny, nx), colour map, and the lowest value shown if fixed."""

    title: str
    values: np.ndarray
    colours: str
    floor: float | None = None


def plot_maps(maps: PathLike, path: PathLike) -> Path:
    """Draw a map file into a figure file, written whole or not at all.

    Parameters
    ----------
    maps : file that ``map_cube`` wrote
    path : .png or .pdf; replaced if it exists

    Returns
    -------
    path : Path

    Raises
    ------
    OSError
        If the maps cannot be read or the figure not be written.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> maps = ps.map_cube("cube.fits", "small.fits", redshift=0.003)
    >>> print(ps.plot_maps(maps.path, "small.png"))
    small.png
    """
    check_apart(path, maps)
    with whole_file(path) as temporary:
        map_figure(maps).savefig(temporary, dpi=110)
    return Path(path)


def map_figure(maps):
    """Figure of a map file.

    Returns
    -------
    figure : matplotlib Figure. Upper row: white light, mean age, [M/H], A_V, star formation rate
        over the last 10 Myr (per area, or per mass where that is not known); middle: surprise and
        half the widths of the 68 % intervals; below: histories of three spaxels or bins
    """
    with quiet(), fits.open(maps) as hdus:
        answers, errors = _panels(hdus)
        places = _places(hdus)
        histories = [np.array([hdus[f"SFH_{p}"].data[:, y, x] for p in ("P16", "P50", "P84")])
                     for y, x, _ in places]  # fmt: skip
        primary = hdus[0].header.copy()
        sky = Sky.of(hdus["WHITE"].header, primary.get("DISTANCE", 0.0))
    figure = Figure(figsize=(17.5, 10.6))
    FigureCanvasAgg(figure)
    above = figure.add_gridspec(
        2, 5, left=0.045, right=0.965, top=0.925, bottom=0.39, wspace=0.24, hspace=0.13
    )
    for row, panels in enumerate((answers, errors)):
        for column, panel in enumerate(panels):
            axes = figure.add_subplot(above[row, column])
            draw_panel(figure, axes, panel, sky)
            label_offsets(axes, sky, left=column == 0, bottom=row == 1)
            if row == column == 0:
                mark(axes, places, sky)
                scale_bar(axes, sky)
                compass(axes, sky)
    below = figure.add_gridspec(1, 3, left=0.055, right=0.975, top=0.285, bottom=0.065, wspace=0.2)
    edges = np.array(primary["AGEBINS"].split(), float)
    for index, (place, history) in enumerate(zip(places, histories, strict=True)):
        draw_place(figure.add_subplot(below[index]), place, history, edges, PLACES[index])
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

    rate = "LOGSIGSFR10" if "LOGSIGSFR10_P50" in hdus else "LOGSSFR10"
    unit = r"$M_\odot$ yr$^{-1}$ kpc$^{-2}$" if rate == "LOGSIGSFR10" else "yr$^{-1}$ per mass"
    white = np.array(hdus["WHITE"].data, np.float32)
    light = hdus["WHITE"].header["DESCRIP"]
    answers = [
        Panel(light if light.startswith("flux") else "white light", white, "gray"),
        Panel("log age [yr], by mass", middle("MW_LOGAGE"), "viridis"),
        Panel("[M/H] [dex], by mass", middle("MW_MH"), "cividis"),
        Panel(r"$A_V$ [mag]", middle("AV"), "inferno"),
        Panel(f"log SFR, 10 Myr [{unit}]", middle(rate), "plasma"),
    ]  # fmt: skip
    errors = [
        Panel("surprise", np.array(hdus["SURPRISE"].data, np.float32), "magma"),
        Panel("error of log age [dex]", half("MW_LOGAGE"), "bone_r"),
        Panel("error of [M/H] [dex]", half("MW_MH"), "bone_r"),
        Panel(r"error of $A_V$ [mag]", half("AV"), "bone_r"),
        Panel("error of log SFR [dex]", half(rate), "bone_r"),
    ]
    return answers, errors


def _places(hdus):
    """Spaxels to show, (y, x, name): the brightest, and the youngest and oldest of good S/N."""
    white, snr = np.array(hdus["WHITE"].data), np.array(hdus["SNR"].data)
    age = np.array(hdus["LW_LOGAGE_P50"].data)
    answered = np.isfinite(age) & np.isfinite(white) & np.isfinite(snr)
    if not answered.any():
        return []
    good = answered & (snr >= np.percentile(snr[answered], 75))
    found = []
    for name, values, pick in (
        ("brightest", np.where(answered, white, -np.inf), np.argmax),
        ("youngest light", np.where(good, age, np.inf), np.argmin),
        ("oldest light", np.where(good, age, -np.inf), np.argmax),
    ):
        y, x = np.unravel_index(pick(values), values.shape)
        found.append((int(y), int(x), f"{name}, x = {x + 1}, y = {y + 1}, S/N {snr[y, x]:.0f}"))
    return found


@dataclass(frozen=True)
class Sky:
    """How pixels lie on the sky.

    Attributes
    ----------
    shape : (ny, nx)
    scale : float, arcsec a pixel; None if unknown
    north, east : unit vectors (x, y) in pixels; None if unknown
    kpc : float, of an arcsec; 0 if unknown
    """

    shape: tuple
    scale: float | None
    north: np.ndarray | None
    east: np.ndarray | None
    kpc: float

    @classmethod
    def of(cls, header, distance):
        """From a map's header and the distance [Mpc], 0 = unknown."""
        shape, wcs = (header["NAXIS2"], header["NAXIS1"]), WCS(header)
        if not wcs.has_celestial:
            return cls(shape, None, None, None, 0.0)
        wcs = wcs.celestial
        scale = proj_plane_pixel_scales(wcs)[0] * 3600
        middle = wcs.wcs_pix2world([[shape[1] / 2, shape[0] / 2]], 0)[0]
        step = scale / 3600
        shifts = np.array([[0, step], [step / np.cos(np.radians(middle[1])), 0], [0, 0]])
        north, east, centre = wcs.wcs_world2pix(middle + shifts, 0)
        north, east = (v / np.hypot(*v) for v in (north - centre, east - centre))
        return cls(shape, scale, north, east, np.radians(1 / 3600) * distance * 1e3)

    @property
    def extent(self):
        """Edges of the image [arcsec from the middle, or pixels]."""
        ny, nx = self.shape
        if self.scale is None:
            return (0.5, nx + 0.5, 0.5, ny + 0.5)
        x, y = nx * self.scale / 2, ny * self.scale / 2
        return (-x, x, -y, y)

    def place(self, y, x):
        """Where a pixel is drawn, (x, y)."""
        left, right, bottom, top = self.extent
        ny, nx = self.shape
        return left + (x + 0.5) / nx * (right - left), bottom + (y + 0.5) / ny * (top - bottom)


def draw_panel(figure, axes, panel, sky):
    """One map with its colour bar; the scale runs between the 2nd and 98th percentile."""
    finite = panel.values[np.isfinite(panel.values)]
    low, high = np.percentile(finite, [2, 98]) if finite.size else (0.0, 1.0)
    low = low if panel.floor is None else panel.floor
    high = high if high > low else low + 1.0
    scale = {"vmin": low, "vmax": high}
    if panel.colours == "gray":
        scale = {"norm": AsinhNorm(0.1 * max(high, 1e-30), vmin=low, vmax=high)}
    axes.set_facecolor(GREY)
    image = axes.imshow(
        panel.values, origin="lower", cmap=panel.colours, interpolation="nearest",
        extent=sky.extent, **scale,
    )  # fmt: skip
    axes.set_title(panel.title, fontsize=12)
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.02)
    bar.ax.tick_params(labelsize=9)
    bar.ax.yaxis.set_major_locator(MaxNLocator(6))
    if panel.colours == "gray":
        bar.set_ticks([])


def label_offsets(axes, sky, left, bottom):
    """Ticks in arcsec on the outer sides."""
    unit = "arcsec" if sky.scale else "pixel"
    axes.tick_params(labelsize=9, direction="in", labelleft=left, labelbottom=bottom)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    if left:
        axes.set_ylabel(unit, fontsize=10, labelpad=1)
    if bottom:
        axes.set_xlabel(unit, fontsize=10, labelpad=1)


def mark(axes, places, sky):
    for (y, x, _), colour in zip(places, PLACES, strict=False):
        axes.plot(*sky.place(y, x), "o", ms=11, mfc="none", mec="w", mew=3.2)
        axes.plot(*sky.place(y, x), "o", ms=11, mfc="none", mec=colour, mew=1.8)


def _written(axes, text, place, **more):
    axes.annotate(
        text, place, textcoords="offset points", color="w", fontsize=11, fontweight="bold",
        bbox={"fc": "k", "alpha": 0.45, "lw": 0, "pad": 1.5}, **more,
    )  # fmt: skip


def scale_bar(axes, sky):
    """A bar of about a quarter of the width, in kpc where the distance is known."""
    left, right, bottom, top = sky.extent
    unit, factor = (" kpc", sky.kpc) if sky.kpc else ('"', 1.0)
    if not sky.scale:
        unit = " spaxels"
    width = right - left
    length = max([bar for bar in BARS if bar <= 0.3 * width * factor], default=BARS[0])
    if length < 1 and sky.kpc:
        text = f"{1e3 * length:g} pc"
    else:
        text = f"{length:g}{unit}"
    x, y = left + 0.06 * width, bottom + 0.07 * (top - bottom)
    for colour, thickness in (("k", 5), ("w", 2.5)):
        axes.plot([x, x + length / factor], [y, y], color=colour, lw=thickness,
                  solid_capstyle="butt")  # fmt: skip
    _written(axes, text, (x + length / factor / 2, y), xytext=(0, 6), ha="center")


def compass(axes, sky):
    """Arrows to the north and to the east."""
    if sky.north is None:
        return
    left, right, bottom, top = sky.extent
    length = 0.12 * min(right - left, top - bottom)
    far = length * np.maximum(0, np.maximum(sky.north, sky.east))
    start = np.array([right, top]) - far - 0.09 * np.array([right - left, top - bottom])
    for direction, name in ((sky.north, "N"), (sky.east, "E")):
        tip = start + length * direction
        axes.annotate("", tip, start, arrowprops={"arrowstyle": "-|>", "color": "w", "lw": 1.6})
        axes.text(*(start + 1.35 * length * direction), name, color="w", fontsize=10,
                  fontweight="bold", ha="center", va="center")  # fmt: skip


def draw_place(axes, place, history, edges, colour):
    """Star formation rate of one spaxel in each bin, relative to its mean over 13.8 Gyr."""
    duration = np.diff(edges) / (edges[-1] - edges[0])
    low, middle, high = np.maximum(history / duration, 1e-12)
    shown = figures.shown_edges(edges)
    axes.stairs(high, shown, baseline=low, fill=True, color=colour, alpha=0.35, lw=0)
    axes.stairs(middle, shown, baseline=None, color=colour, lw=2)
    axes.axhline(1, color="0.7", lw=0.8, zorder=0)
    axes.set_yscale("log")
    axes.set_ylim(max(0.3 * low.min(), 1e-5 * high.max()), 4 * high.max())
    axes.set_ylabel("SFR / mean SFR", fontsize=11)
    axes.set_title(place[2], fontsize=11.5, color=colour)
    figures.lookback_axis(axes, edges)
