"""What a prior says about each reported quantity: look before training on it."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from phangs_sfh.galaxy import ages
from phangs_sfh.plots.figures import save_figure
from phangs_sfh.problems.histories.simulator import galaxies

SCALARS = {
    "mw_logage": "mass-weighted log age [yr]",
    "lw_logage": "light-weighted log age [yr]",
    "mw_mh": "mass-weighted [M/H]",
    "lw_mh": "light-weighted [M/H]",
    "logml": "log M/L (F555W)",
    "av": "$A_V$ [mag]",
}
SMALLEST = 1e-5  # mass fraction below which a bin is as good as empty
N_HISTOGRAM = 60
COLOUR = "#2a6f97"


def draw_labels(forward, prior, n, seed=0):
    """Labels of ``n`` galaxies: dict of (n,) arrays for the scalars, (n, 16) for sfh and mh."""
    names = [*SCALARS, "sfh", "mh"]
    chunks = list(galaxies(forward, prior, np.random.default_rng(seed), n))
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in names}


def roughness(values, low, high):
    """Holes and spikes of a histogram between two quantiles.

    Parameters
    ----------
    values : (n,) array
    low, high : quantiles between which to look

    Returns
    -------
    smallest, largest : float
        Least and greatest ratio of a cell's count to the mean of the two cells on either side.
    """
    edges = np.linspace(*np.quantile(values, [low, high]), N_HISTOGRAM // 2 + 1)
    counts = np.histogram(values, edges)[0].astype(float)
    around = (counts[:-4] + counts[1:-3] + counts[3:-1] + counts[4:]) / 4
    ratio = counts[2:-2] / np.maximum(around, 1.0)
    return ratio.min(), ratio.max()


def prior_figure(labels, title):
    """Histograms of the scalars, of each bin's mass fraction and of its metallicity.

    Parameters
    ----------
    labels : dict from ``draw_labels``
    title : str

    Returns
    -------
    figure : matplotlib Figure
    """
    figure = Figure(figsize=(16, 15), layout="constrained")
    FigureCanvasAgg(figure)
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=[1.1, 2, 2])
    top.suptitle(title, fontsize=13)
    for axis, (name, label) in zip(top.subplots(1, 6), SCALARS.items(), strict=True):
        _histogram(axis, labels[name])
        axis.set_xlabel(label)
    sfh = labels["sfh"]
    middle.suptitle(
        f"log mass fraction of each bin; share below {SMALLEST:g} in words", fontsize=11
    )
    _bins(middle, np.log10(np.maximum(sfh, 1e-9)), sfh > SMALLEST, (np.log10(SMALLEST), 0))
    bottom.suptitle("[M/H] of each bin", fontsize=11)
    _bins(bottom, labels["mh"], np.ones_like(sfh, bool), (-2.2, 0.8))
    return figure


def draw_prior(path, forward, prior, n=20_000, seed=0):
    """Draw ``n`` galaxies and write their ``prior_figure`` to ``path``; returns the labels."""
    labels = draw_labels(forward, prior, n, seed)
    title = f"Prior “{prior.get('name', path)}”: {n} galaxies"
    save_figure(prior_figure(labels, title), path)
    return labels


def _histogram(axis, values, limits=None):
    axis.hist(values, N_HISTOGRAM, range=limits, color=COLOUR, histtype="stepfilled")
    axis.set_yticks([])


def _bins(figure, values, used, limits):
    axes = figure.subplots(2, 8, sharex=True).ravel()
    for number, (axis, label) in enumerate(zip(axes, ages.labels(), strict=True)):
        shown = used[:, number]
        _histogram(axis, values[shown, number], limits)
        axis.set_title(label, fontsize=9)
        if not shown.all():
            axis.text(*(0.05, 0.88), f"{100 * (1 - shown.mean()):.0f} %", transform=axis.transAxes)
