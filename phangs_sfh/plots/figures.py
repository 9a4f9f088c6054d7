"""The figure of one answer: spectrum and bands with the rebuilt model, history, metallicities."""

import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from phangs_sfh.files.whole import whole_file
from phangs_sfh.galaxy import ages
from phangs_sfh.instrument.emission_lines import LINES

QUANTILES = (0.025, 0.16, 0.5, 0.84, 0.975)
"""Quantiles drawn: median, 68 % and 95 % intervals."""

FEATURES = [
    ("Hβ", LINES["Hbeta"]),
    ("[O III]", LINES["[O III] 5007"]),
    ("Mg b", 5175.0),
    ("Fe", 5270.0),
    ("Fe", 5335.0),
    ("Fe", 5406.0),
    ("Na D", 5893.0),
    ("TiO", 6233.0),
    ("[O I]", LINES["[O I] 6300"]),
    ("Hα", LINES["Halpha"]),
    ("[S II]", 6723.6),
]
YOUNGEST_SHOWN_MYR = 1.0  # the first bin starts at zero, which a logarithmic axis cannot show
MIN_RATE_SHOWN = 1e-6  # of the highest
DATA, UNUSED, MASKED, MODEL, ANSWER = "0.2", "0.65", "0.93", "#d1495b", "#2a6f97"
STYLE = {"fontsize": 12}


@dataclass(frozen=True)
class Spectrum:
    """A spectrum and its model on one grid, any common flux unit.

    Attributes
    ----------
    wave : (n,) array [Å], rest frame, air
    flux, flux_err : (n,) arrays
    used : (n,) bool array, False where masked or missing
    model : (n,) array, in the unit of ``flux``, or None
    """

    wave: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    used: np.ndarray
    model: np.ndarray | None

    @property
    def scale(self):
        """Median of what is used."""
        return np.median(self.flux[self.used])


@dataclass(frozen=True)
class Photometry:
    """Band fluxes and their model, those that are there, any common flux unit.

    Attributes
    ----------
    names : list of n str
    wave : (n,) array [Å], pivot wavelengths
    flux, flux_err : (n,) arrays
    model : (n,) array, in the unit of ``flux``, or None
    """

    names: list
    wave: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    model: np.ndarray | None

    @property
    def scale(self):
        """Median flux."""
        return np.median(self.flux)


def answer_figure(
    spectrum, sfh, mh, scalars, title, caption="", fraction_floor=None, bands=None, edges=None,
    note="",
):  # fmt: skip
    """Draw one answer.

    Parameters
    ----------
    spectrum : Spectrum, or None
    sfh : (5, 16) array, mass fractions at ``QUANTILES``; (3, 16) without those of 95 %
    mh : array [dex], likewise
    scalars : list of (label, p16, p50, p84), labels may hold mathtext
    title, caption : str, above and below
    fraction_floor : mass fraction per bin that cannot be told from none, drawn as a line if given
    bands : Photometry, or None
    edges : (17,) array, of the age bins [Myr]; default: those of the package
    note : str, in the upper right corner

    Returns
    -------
    figure : matplotlib Figure, 16:9, or its lower half if there are no data to draw
    """
    has_data = spectrum is not None or bands is not None
    height = 7.5 if has_data else 3.9
    figure = Figure(figsize=(13.3334, height), dpi=150)
    FigureCanvasAgg(figure)

    def y(inches):
        return inches / height

    if has_data:
        _draw_data(figure, spectrum, bands)
    below = figure.add_gridspec(
        1, 3, width_ratios=[1, 1, 0.5], left=0.065, right=0.985, top=y(3.15), bottom=y(0.9375),
        wspace=0.24,
    )  # fmt: skip
    draw_history(figure.add_subplot(below[0]), sfh, fraction_floor, edges)
    draw_metallicity(figure.add_subplot(below[1]), mh, edges)
    write_scalars(figure.add_subplot(below[2]), scalars)
    figure.text(0.065, y(height - 0.285), title, fontsize=16, fontweight="bold", va="center")
    figure.text(
        0.985, y(height - 0.285), "\n".join(textwrap.wrap(note, 80)), fontsize=9, color=MODEL,
        va="center", ha="right",
    )  # fmt: skip
    figure.text(0.065, y(0.3375), caption, fontsize=9, color="0.35", va="top", linespacing=1.4)
    return figure


def _draw_data(figure, spectrum, bands):
    """The upper half: spectrum and bands, or the one there is, each above its residuals."""
    shown = [part for part in (spectrum, bands) if part is not None]
    grid = figure.add_gridspec(
        2, len(shown), height_ratios=[3, 1], width_ratios=[3.4, 1][: len(shown)], left=0.065,
        right=0.985, top=0.875, bottom=0.52, hspace=0, wspace=0.08,
    )  # fmt: skip
    for column, part in enumerate(shown):
        upper = figure.add_subplot(grid[0, column])
        lower = figure.add_subplot(grid[1, column], sharex=upper)
        if part is spectrum:
            draw_spectrum(upper, part)
            draw_residuals(lower, part)
        else:
            draw_photometry(upper, lower, part, shown[0].scale)
        if column:  # the units are those of the panels to the left
            upper.set_ylabel("")
            lower.set_ylabel("")
        figure.align_ylabels([upper, lower])


def draw_spectrum(axes, spectrum):
    """Data, model and masked regions, in units of the median flux."""
    scale = spectrum.scale
    shade_masked(axes, spectrum)
    axes.plot(spectrum.wave, spectrum.flux / scale, color=UNUSED, lw=0.7)
    used = np.where(spectrum.used, spectrum.flux / scale, np.nan)
    axes.plot(spectrum.wave, used, color=DATA, lw=0.7, label="observed")
    if spectrum.model is not None:
        model = spectrum.model / scale
        axes.plot(spectrum.wave, model, color=MODEL, lw=1.6, label="rebuilt from the answer")
    axes.fill_between([], [], color=MASKED, ec=UNUSED, label="masked or not used")
    low, high = np.percentile((spectrum.flux / scale)[spectrum.used], [0.3, 99.7])
    room = high - low
    axes.set_ylim(low - 0.2 * room, high + 0.15 * room)
    axes.set_xlim(spectrum.wave[0], spectrum.wave[-1])
    axes.set_ylabel(r"$f_\lambda$ / median", **STYLE)
    axes.tick_params(labelbottom=False, direction="in", right=True)
    axes.legend(loc="lower center", ncols=3, frameon=False, fontsize=10)
    label_features(axes, spectrum)


def label_features(axes, spectrum):
    """Names of lines above the frame, short ticks at their wavelengths."""
    transform = axes.get_xaxis_transform()
    for name, wave in FEATURES:
        if spectrum.wave[0] < wave < spectrum.wave[-1]:
            axes.plot(
                [wave] * 2, [1, 1.03], color="0.3", lw=0.9, transform=transform, clip_on=False
            )
            axes.text(wave, 1.045, name, transform=transform, ha="center", fontsize=10, color="0.2")


def draw_residuals(axes, spectrum):
    """(Data - model) / error where the data are used, with the one-sigma band."""
    residual_axes(axes)
    axes.set_xlabel("rest wavelength in air [Å]", **STYLE)
    shade_masked(axes, spectrum)
    if spectrum.model is None:
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = (spectrum.flux - spectrum.model) / spectrum.flux_err
    residual = np.where(spectrum.used, residual, np.nan)
    axes.plot(spectrum.wave, residual, color=DATA, lw=0.7)


def residual_axes(axes):
    """Axes of residuals in errors, with the one-sigma band."""
    axes.axhspan(-1, 1, color=MODEL, alpha=0.2, lw=0)
    axes.axhline(0, color=MODEL, lw=1)
    axes.set_ylim(-5, 5)
    axes.set_yticks([-3, 0, 3])
    axes.set_ylabel(r"resid. [$\sigma$]", **STYLE)
    axes.tick_params(direction="in", top=True, right=True)


def draw_photometry(upper, lower, bands, scale):
    """Bands and model, in units of ``scale``; below, (data - model) / error."""
    upper.errorbar(
        bands.wave, bands.flux / scale, bands.flux_err / scale, fmt="o", color=DATA, ms=5,
        capsize=2, label="observed",
    )  # fmt: skip
    residual_axes(lower)
    if bands.model is not None:
        upper.plot(
            bands.wave, bands.model / scale, "s", mfc="none", mec=MODEL, ms=9, mew=1.6,
            label="rebuilt",
        )  # fmt: skip
        residual = (bands.flux - bands.model) / bands.flux_err
        lower.plot(bands.wave, np.clip(residual, -4.4, 4.4), "o", color=DATA, ms=5)
    upper.margins(y=0.25)
    room = 0.08 * (np.ptp(bands.wave) or 1000.0)
    upper.set_xlim(bands.wave.min() - room, bands.wave.max() + room)
    upper.set_ylabel(r"$f_\lambda$ / median", **STYLE)
    upper.tick_params(labelbottom=False, direction="in", right=True)
    upper.legend(loc="lower right", frameon=False, fontsize=9)
    lower.set_xlabel("pivot wavelength [Å]", **STYLE)
    transform = upper.get_xaxis_transform()
    for name, wave in zip(bands.names, bands.wave, strict=True):
        upper.text(wave, 1.03, name, transform=transform, fontsize=8, color="0.2", rotation=60,
                   ha="left", rotation_mode="anchor")  # fmt: skip


def shade_masked(axes, spectrum):
    edges = np.diff(np.concatenate([[0], ~spectrum.used, [0]]).astype(int))
    half = 0.5 * np.median(np.diff(spectrum.wave))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    for start, end in zip(starts, ends, strict=True):
        low, high = spectrum.wave[start] - half, spectrum.wave[end] + half
        axes.axvspan(low, high, color=MASKED, lw=0, zorder=0)


def draw_history(axes, sfh, fraction_floor=None, edges=None):
    """Star formation rate in each bin, relative to its mean over all of them."""
    edges = ages.EDGES_MYR if edges is None else edges
    duration = np.diff(edges) / (edges[-1] - edges[0])
    rate = np.maximum(np.asarray(sfh) / duration, 1e-12)
    draw_intervals(axes, rate, edges)
    middle = len(rate) // 2
    low, high = rate[middle - 1].min(), rate[middle + 1].max()
    if fraction_floor is not None:
        floor = fraction_floor / duration
        draw_steps(axes, floor, edges, color="0.45", ls=":", lw=1.3)
        axes.text(
            0.02, 0.03, f"dotted: {100 * fraction_floor:g} % of the mass, taken as none",
            transform=axes.transAxes, fontsize=8.5, color="0.35",
        )  # fmt: skip
    axes.axhline(1, color="0.7", lw=0.8, zorder=0)
    axes.set_yscale("log")
    axes.set_ylim(max(0.3 * low, MIN_RATE_SHOWN * high), 4 * high)
    axes.set_ylabel("SFR / mean SFR", **STYLE)
    lookback_axis(axes, edges)


def draw_metallicity(axes, mh, edges=None):
    """[M/H] of the stars formed in each bin."""
    edges = ages.EDGES_MYR if edges is None else edges
    draw_intervals(axes, np.asarray(mh), edges)
    axes.axhline(0, color="0.7", lw=0.8, zorder=0)
    axes.set_ylabel("[M/H] of stars formed [dex]", **STYLE)
    axes.legend(loc="best", frameon=False, fontsize=10, ncols=3)
    low, high = np.min(mh[0]), np.max(mh[-1])
    axes.set_ylim(low - 0.08 * (high - low), high + 0.25 * (high - low))
    lookback_axis(axes, edges)


def draw_intervals(axes, quantiles, edges=ages.EDGES_MYR):
    """Median and 68 % and, of five quantiles, 95 % intervals in the age bins, as steps."""
    middle = len(quantiles) // 2
    for place, alpha, label in [(2, 0.22, "95 %"), (1, 0.45, "68 %")]:
        if place <= middle:
            axes.stairs(
                quantiles[middle + place], shown_edges(edges), baseline=quantiles[middle - place],
                fill=True, color=ANSWER, alpha=alpha, lw=0, label=label,
            )  # fmt: skip
    draw_steps(axes, quantiles[middle], edges, color=ANSWER, lw=2.2, label="median")


def draw_steps(axes, values, edges=ages.EDGES_MYR, **style):
    axes.stairs(values, shown_edges(edges), baseline=None, **style)


def shown_edges(edges=ages.EDGES_MYR):
    edges = np.array(edges, float)
    edges[0] = max(edges[0], YOUNGEST_SHOWN_MYR)
    return edges


def lookback_axis(axes, edges=ages.EDGES_MYR):
    axes.set_xscale("log")
    axes.set_xlim(YOUNGEST_SHOWN_MYR, edges[-1])
    axes.set_xticks([1, 10, 100, 1000, 10000])
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda t, _: f"{t:g} Myr" if t < 1000 else f"{t / 1000:g} Gyr")
    )
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("lookback time", **STYLE)
    axes.tick_params(which="both", direction="in", top=True, right=True)


def write_scalars(axes, scalars):
    """A column of numbers with their 68 % intervals."""
    axes.set_axis_off()
    step = 1.0 / max(len(scalars), 1)
    for i, (label, p16, p50, p84) in enumerate(scalars):
        y = 1 - (i + 0.5) * step
        number = rf"${p50:.2f}^{{+{p84 - p50:.2f}}}_{{-{p50 - p16:.2f}}}$"
        axes.text(-0.05, y, label, fontsize=11, va="center", color="0.2")
        axes.text(1.0, y, number, fontsize=13, va="center", ha="right", color=ANSWER)


def save_figure(figure, path):
    """Write ``figure`` as PNG whole or not at all; OSError if it cannot be."""
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png")
