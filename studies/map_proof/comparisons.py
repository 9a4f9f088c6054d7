"""Tables and figures of docs/map_proof.md: maps against the truth, and against pPXF's."""

from dataclasses import dataclass

import numpy as np
from astropy.io import fits

from phangs_sfh.evaluation.metrics import mad_std
from phangs_sfh.galaxy import ages
from phangs_sfh.peers.ppxf import SCALARS
from phangs_sfh.plots import figures
from phangs_sfh.problems.histories.labels import SFH
from studies.map_proof import against_ppxf, against_truth
from studies.map_proof.figures import Column, columns_figure, row_figure

DRAWN = ("lw_logage", "mw_mh", "av", "logsigma", "logsigsfr100")
SNR_EDGES = (0, 10, 15, 30, np.inf)
SSFR_EDGES = (-14, -11.5, -11, -10, -7)
FORMING = -11.5
"""log10 of the rate over 10 Myr per mass formed [1 / yr] above which stars count as forming: in
10 Myr that is three times the floor of the mass fractions."""
WORDS = {"both": "cube and images", "cube": "cube alone", "images": "images alone"}
YOUNG = "logsigsfr10"


@dataclass(frozen=True)
class Truths:
    """True maps, dicts by name: of spaxels, and of image pixels over a part of the field.

    Attributes
    ----------
    spaxels, pixels : dict of arrays
    per_spaxel : int, image pixels along a spaxel's side
    part : (slice, slice), the spaxels that the image pixels cover
    """

    spaxels: dict
    pixels: dict
    per_spaxel: int
    part: tuple


def draw_truth(maps, truth, path):
    """Truth, recovered and pull of ``DRAWN`` into a PNG."""
    columns = []
    for name in DRAWN:
        answer = against_truth.read_answer(maps, name)
        pairs = (("truth", truth[name]), ("recovered", answer[1]))
        pull = against_truth.pull(answer, truth[name])
        columns.append(Column(name, pairs, ("(recovered - truth) / error", pull)))
    title = 'Made-up galaxy, 12" across: truth blurred by the PSF, and cube with images mapped'
    figures.save_figure(columns_figure(columns, title), path)


def overall_rows(maps, truth):
    """Every quantity with and without bands; star formation where there is some."""
    forming = truth["logssfr10"] > FORMING
    rows = []
    for name, title in against_truth.NAMES.items():
        for run in ("both", "cube"):
            answer = against_truth.read_answer(maps[run], name)
            if answer is not None:
                found = against_truth.recovery(
                    answer, truth[name], forming if "sfr" in name else None
                )
                rows.append([title, WORDS[run], *against_truth.row(found)])
    return rows


def snr_map(maps):
    with fits.open(maps) as hdus:
        return np.array(hdus["SNR"].data)


def class_rows(maps, truth, names, chosen, forming=False):
    """Quantities by classes of pixels (dict of name to bool array); with ``forming`` star formation
    only where there is some."""
    rows, there = [], truth["logssfr10"] > FORMING
    for name in names:
        answer = against_truth.read_answer(maps, name)
        for words, pixels in chosen.items():
            if forming and "sfr" in name:
                pixels = pixels & there
            found = against_truth.recovery(answer, truth[name], pixels)
            rows.append([against_truth.NAMES[name], words, *against_truth.row(found)])
    return rows


def young_rows(maps, truth):
    """Star formation with and without bands, by the true rate over 10 Myr."""
    chosen = against_truth.classes(truth["logssfr10"], SSFR_EDGES)
    names = ("logssfr10", "logssfr100")
    tables = {run: class_rows(maps[run], truth, names, chosen) for run in ("both", "cube")}
    return [
        [*row[:2], WORDS[run], *row[2:]]
        for pair in zip(tables["both"], tables["cube"], strict=True)
        for run, row in zip(tables, pair, strict=True)
    ]


def bin_rows(maps, truth):
    """log10 of the mass fractions (truth with the floor of training) and [M/H], by age bin."""
    sfh, mh = (against_truth.read_answer(maps, name) for name in ("sfh", "mh"))
    rows = []
    for k, label in enumerate(ages.labels()):
        fraction = np.log10(np.maximum(sfh[:, k], SFH.floor / 10))
        found = against_truth.recovery(fraction, np.log10(truth["sfh"][k] + SFH.floor))
        metals = against_truth.recovery(mh[:, k], truth["mh"][k])
        middle = f"{np.median(truth['sfh'][k]):.1e}"
        rows.append(
            [label, middle, *against_truth.row(found)[1:5], *against_truth.row(metals)[1:5]]
        )
    return rows


class Young:
    """Star formation over 10 Myr at the scale of the images: of images alone, and of the cube's
    maps enlarged to image pixels.

    Parameters
    ----------
    maps : dict of path by run
    truths : Truths
    """

    def __init__(self, maps, truths):
        self.truths = truths
        self.spaxels = {
            run: against_truth.read_answer(maps[run], YOUNG) for run in ("both", "cube")
        }
        self.answers = {"images": against_truth.read_answer(maps["images"], YOUNG)}
        for run, answer in self.spaxels.items():
            part = answer[(slice(None), *truths.part)]
            self.answers[run] = part.repeat(truths.per_spaxel, 1).repeat(truths.per_spaxel, 2)

    def rows(self):
        chosen = self.truths.pixels["logssfr10"] > FORMING
        truth = self.truths.pixels[YOUNG]
        return [
            [WORDS[run], *against_truth.row(against_truth.recovery(answer, truth, chosen))]
            for run, answer in self.answers.items()
        ]

    def draw(self, path):
        part = self.truths.part
        panels = [
            ("truth, PSF of 0.2 arcsec", self.truths.pixels[YOUNG]),
            ("images alone, 0.2 arcsec", self.answers["images"][1]),
            ("truth, MUSE PSF", self.truths.spaxels[YOUNG][part]),
            ("cube and images", self.spaxels["both"][1][part]),
            ("cube alone", self.spaxels["cube"][1][part]),
        ]
        title = r"log SFR over 10 Myr [M$_\odot$ yr$^{-1}$ kpc$^{-2}$], posterior medians"
        figures.save_figure(row_figure(panels, YOUNG, title), path)


REAL_HEADINGS = ["quantity", "phangs-sfh", "pPXF", "difference", "its scatter", "our error",
                 "pPXF's error", "difference / σ", "within 1 σ [%]", "within 2 σ [%]"]  # fmt: skip


def compare_real(maps, peer, path):
    """Draw both codes' maps of the same bins, and their difference over both errors in quadrature.

    Parameters
    ----------
    maps : path
    peer : against_ppxf.Fits
    path : of the PNG

    Returns
    -------
    rows : cells under ``REAL_HEADINGS``; medians over the bins
    """
    bins = against_ppxf.read_bin_map(maps)
    columns, rows = [], []
    for name in SCALARS:
        low, middle, high = against_ppxf.by_bin(maps, name, bins)
        half, theirs = (high - low) / 2, peer.errors[name]
        difference = middle - peer.values[name]
        sigma = difference / np.hypot(half, theirs)
        one, other, off = (
            against_ppxf.painted(v, bins) for v in (middle, peer.values[name], sigma)
        )
        columns.append(
            Column(name, (("phangs-sfh", one), ("pPXF", other)), ("difference / σ", off))
        )
        spread = mad_std(difference)
        numbers = (np.median(middle), np.median(peer.values[name]))
        rows.append(
            [
                against_truth.NAMES[name], *(f"{x:.3f}" for x in numbers),
                f"{np.median(difference):+.3f}", f"{spread:.3f}", f"{np.median(half):.3f}",
                f"{np.median(theirs):.3f}", f"{np.median(sigma):+.2f}",
                *(f"{100 * np.mean(np.abs(sigma) < limit):.0f}" for limit in (1, 2)),
            ]
        )  # fmt: skip
    title = "Abell 478's brightest galaxy, MUSE: two methods, the same bins and templates"
    figures.save_figure(columns_figure(columns, title), path)
    return rows
