"""The smallest problem: strength and width of one absorption line, from a spectrum alone."""

from dataclasses import dataclass, replace

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.problems.inputs import Spectrum
from phangs_sfh.problems.labels import Label, Labels
from phangs_sfh.problems.problem import Problem
from phangs_sfh.problems.transforms import Softplus

CENTRE = 5180.0
PHANGS = load_instrument()
INSTRUMENT = replace(
    PHANGS,
    name="toy",
    wave=5060.0 + 1.25 * np.arange(192),
    bands=(),
    unseen_band=PHANGS.bands[PHANGS.band_names.index(PHANGS.luminosity_band)],
)


@dataclass(frozen=True)
class Priors:
    default: str = "plain"
    names: tuple = ("plain",)

    def load(self, name):
        if name not in self.names:
            raise InputError(f"{name}: no such prior; priors are {', '.join(self.names)}")
        calm = {"no_spectrum": 0.0, "masked_lines": 0.0, "truncated": 0.0, "sn": [20.0, 100.0]}
        return {"name": name, "observing": calm}


class Simulator:
    def __init__(self, instrument, prior, ssp):
        self.wave = instrument.wave

    def describe(self):
        return {}

    def galaxies(self, rng, n):
        strength, width = rng.uniform(0.1, 0.8, n), rng.uniform(3.0, 12.0, n)
        x = (self.wave - CENTRE) / width[:, None]
        spectrum = 1.0 - strength[:, None] * np.exp(-0.5 * x**2)
        yield {"spectrum": spectrum, "strength": strength, "width": width}


LABELS = Labels(
    (
        Label("strength", "", "depth of the line in units of the continuum", favoured=1),
        Label("width", "Angstrom", "standard deviation of the line", Softplus(1.0), favoured=1),
    )
)
PROBLEM = Problem("toy", (Spectrum(),), LABELS, Simulator, Priors(), lambda prior: "modelled")
