"""The figure of one answer: spectrum with rebuilt model, star formation history, metallicities."""

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
    model : (n,) array, in the unit of ``flux``
    """

    wave: np.ndarray
    flux: np.ndarray
    flux_err: np.ndarray
    used: np.ndarray
    model: np.ndarray


def answer_figure(spectrum, sfh, mh, scalars, title, caption="", fraction_floor=None):
    """Draw one answer.

    Parameters
    ----------
    spectrum : Spectrum
    sfh : (5, 16) array, mass fractions at ``QUANTILES``
    mh : (5, 16) array [dex] at ``QUANTILES``
    scalars : list of (label, p16, p50, p84), labels may hold mathtext
    title, caption : str, above and below
    fraction_floor : mass fraction per bin that cannot be told from none, drawn as a line if given

    Returns
    -------
    figure : matplotlib Figure, 16:9
    """
    figure = Figure(figsize=(13.3334, 7.5), dpi=150)
    FigureCanvasAgg(figure)
    top = figure.add_gridspec(
        2, 1, height_ratios=[3, 1], left=0.065, right=0.985, top=0.875, bottom=0.52, hspace=0
    )
    bottom = figure.add_gridspec(
        1, 3, width_ratios=[1, 1, 0.5], left=0.065, right=0.985, top=0.42, bottom=0.125, wspace=0.24
    )
    upper = figure.add_subplot(top[0])
    draw_spectrum(upper, spectrum)
    lower = figure.add_subplot(top[1], sharex=upper)
    draw_residuals(lower, spectrum)
    figure.align_ylabels([upper, lower])
    draw_history(figure.add_subplot(bottom[0]), sfh, fraction_floor)
    draw_metallicity(figure.add_subplot(bottom[1]), mh)
    write_scalars(figure.add_subplot(bottom[2]), scalars)
    figure.text(0.065, 0.962, title, fontsize=16, fontweight="bold", va="center")
    figure.text(0.065, 0.045, caption, fontsize=9, color="0.35", va="top", linespacing=1.4)
    return figure


def draw_spectrum(axes, spectrum):
    """Data, model and masked regions, in units of the median flux."""
    scale = np.median(spectrum.flux[spectrum.used])
    shade_masked(axes, spectrum)
    axes.plot(spectrum.wave, spectrum.flux / scale, color=UNUSED, lw=0.7)
    used = np.where(spectrum.used, spectrum.flux / scale, np.nan)
    axes.plot(spectrum.wave, used, color=DATA, lw=0.7, label="observed")
    axes.plot(
        spectrum.wave, spectrum.model / scale, color=MODEL, lw=1.6, label="rebuilt from the answer"
    )
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
    with np.errstate(divide="ignore", invalid="ignore"):
        residual = (spectrum.flux - spectrum.model) / spectrum.flux_err
    residual = np.where(spectrum.used, residual, np.nan)
    shade_masked(axes, spectrum)
    axes.axhspan(-1, 1, color=MODEL, alpha=0.2, lw=0)
    axes.axhline(0, color=MODEL, lw=1)
    axes.plot(spectrum.wave, residual, color=DATA, lw=0.7)
    axes.set_ylim(-5, 5)
    axes.set_yticks([-3, 0, 3])
    axes.set_ylabel(r"resid. [$\sigma$]", **STYLE)
    axes.set_xlabel("rest wavelength in air [Å]", **STYLE)
    axes.tick_params(direction="in", top=True, right=True)


def shade_masked(axes, spectrum):
    edges = np.diff(np.concatenate([[0], ~spectrum.used, [0]]).astype(int))
    half = 0.5 * np.median(np.diff(spectrum.wave))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    for start, end in zip(starts, ends, strict=True):
        low, high = spectrum.wave[start] - half, spectrum.wave[end] + half
        axes.axvspan(low, high, color=MASKED, lw=0, zorder=0)


def draw_history(axes, sfh, fraction_floor=None):
    """Star formation rate in each bin, relative to its mean over 13.8 Gyr."""
    duration = np.diff(ages.EDGES_YR) / ages.MAX_AGE_YR
    rate = np.maximum(np.asarray(sfh) / duration, 1e-12)
    draw_bands(axes, rate)
    low, high = rate[1].min(), rate[3].max()
    if fraction_floor is not None:
        floor = fraction_floor / duration
        draw_steps(axes, floor, color="0.45", ls=":", lw=1.3)
        axes.text(
            0.02, 0.03, f"dotted: {100 * fraction_floor:g} % of the mass, taken as none",
            transform=axes.transAxes, fontsize=8.5, color="0.35",
        )  # fmt: skip
    axes.axhline(1, color="0.7", lw=0.8, zorder=0)
    axes.set_yscale("log")
    axes.set_ylim(max(0.3 * low, MIN_RATE_SHOWN * high), 4 * high)
    axes.set_ylabel("SFR / mean SFR", **STYLE)
    lookback_axis(axes)


def draw_metallicity(axes, mh):
    """[M/H] of the stars formed in each bin."""
    draw_bands(axes, np.asarray(mh))
    axes.axhline(0, color="0.7", lw=0.8, zorder=0)
    axes.set_ylabel("[M/H] of stars formed [dex]", **STYLE)
    axes.legend(loc="best", frameon=False, fontsize=10, ncols=3)
    low, high = np.min(mh[0]), np.max(mh[-1])
    axes.set_ylim(low - 0.08 * (high - low), high + 0.25 * (high - low))
    lookback_axis(axes)


def draw_bands(axes, quantiles):
    """Median and 68 % and 95 % bands of a quantity in the age bins, (5, 16), as steps."""
    edges = shown_edges()
    for low, high, alpha, label in [(0, 4, 0.22, "95 %"), (1, 3, 0.45, "68 %")]:
        axes.stairs(
            quantiles[high], edges, baseline=quantiles[low], fill=True,
            color=ANSWER, alpha=alpha, lw=0, label=label,
        )  # fmt: skip
    draw_steps(axes, quantiles[2], color=ANSWER, lw=2.2, label="median")


def draw_steps(axes, values, **style):
    axes.stairs(values, shown_edges(), baseline=None, **style)


def shown_edges():
    edges = ages.EDGES_MYR.copy()
    edges[0] = YOUNGEST_SHOWN_MYR
    return edges


def lookback_axis(axes):
    axes.set_xscale("log")
    axes.set_xlim(YOUNGEST_SHOWN_MYR, ages.EDGES_MYR[-1])
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
