"""Galaxies for a library of histories: prior and forward model."""

from functools import cached_property

import numpy as np

from phangs_sfh.galaxy import formation
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.galaxy.ssp_errors import ErrorModel, SSPErrors
from phangs_sfh.galaxy.templates import prepare
from phangs_sfh.problems.assumptions import RECORD
from phangs_sfh.problems.histories import INPUTS, LABELS, priors
from phangs_sfh.problems.histories.labels import SFH
from phangs_sfh.problems.histories.population import draw_galaxies
from phangs_sfh.problems.problem import DEFAULT, Problem
from phangs_sfh.ssp.engines import load_ssp

CHUNK = 250
"""Galaxies simulated at once: keeps memory small and matrix products large."""

DEFAULT_SSP = "bc03"
WINDOWS = {"logssfr10": 1e7, "logssfr100": 1e8}
"""[yr] over which recent rates are averaged."""


class StarsOf:
    """A forward model on the stars of one assumption.

    Parameters
    ----------
    instrument : Instrument
    ssp : engine name or grid file
    wanted : dict with ``stellar_library`` and ``other_library`` of a prior, or neither
    """

    def __init__(self, instrument, ssp, wanted):
        self.instrument, self.ssp, self.wanted = instrument, ssp, wanted

    @cached_property
    def forward(self):
        return ForwardModel(load_ssp(self.ssp), self.instrument)

    @cached_property
    def errors(self):
        """Errors of the stellar populations (ErrorModel), or None."""
        wanted, other = self.wanted.get("stellar_library"), self.wanted.get("other_library")
        if not wanted:
            return None
        templates, wanted = self.forward.templates, SSPErrors(**wanted)
        if not other:
            return ErrorModel(templates, wanted)
        theirs = prepare(load_ssp(other["engine"]), self.instrument)
        return ErrorModel(templates, wanted, theirs, other["share"])

    def drawn(self, rng):
        """Forward model for the next galaxies: with errors, on stars of their own."""
        return self.forward.with_templates(self.errors.draw(rng)) if self.errors else self.forward


class Simulator:
    """Galaxies of a prior, seen by an instrument.

    Parameters
    ----------
    instrument : Instrument
    prior : dict from ``priors.load_prior``
    ssp : engine name or grid file of all stars; None: as the prior's assumptions say, else BC03
    """

    def __init__(self, instrument, prior, ssp=None):
        self.instrument, self.prior = instrument, prior
        self.assumptions = priors.assumptions(prior, ssp)
        self.stars = [StarsOf(instrument, ssp or DEFAULT_SSP, prior)]
        if self.assumptions:
            options = [prior["assumptions"]["options"][name] for name in self.assumptions.options]
            self.weights = {i: option["weight"] for i, option in enumerate(options)}
            self.stars = [StarsOf(instrument, option["ssp"], option) for option in options]

    def describe(self):
        """What library.json says of the stars: of the default assumption's, and of all."""
        grids = [_described(load_ssp(stars.ssp)) for stars in self.stars]
        if not self.assumptions:
            return {"ssp": grids[0]}
        described = dict(zip(self.assumptions.options, grids, strict=True))
        return {"ssp": described[self.assumptions.default], "ssp_of": described}

    @property
    def forward(self):
        """The forward model of the first assumption."""
        return self.stars[0].forward

    def galaxies(self, rng, n):
        """Simulate ``n`` galaxies in chunks; each of other stars if the prior has errors of them.

        Under assumptions a chunk holds galaxies of all of them.

        Yields
        ------
        chunk : dict of arrays with one row a galaxy
            ``spectrum`` (m, n_pixels) and ``bands`` (m, n_bands), in units of the spectrum's
            median; the labels; what ``draw_galaxies`` keeps as nuisance; and, of a prior with
            assumptions, the number of the one they are made under.
        """
        if not self.assumptions:
            for start in range(0, n, CHUNK):
                forward = self.stars[0].drawn(rng)
                yield simulate(forward, self.prior, rng, min(CHUNK, n - start))
            return
        step = CHUNK * len(self.stars)
        for start in range(0, n, step):
            yield self._mixed(rng, min(step, n - start))

    def _mixed(self, rng, n):
        """A chunk of galaxies, each under an assumption drawn for it."""
        number = priors.choose(self.weights, range(len(self.stars)), rng, n)
        counts = np.bincount(number, minlength=len(self.stars))
        parts = [
            simulate(stars.drawn(rng), self.prior, rng, count)
            for stars, count in zip(self.stars, counts, strict=True)
            if count
        ]
        place = np.argsort(np.argsort(number, kind="stable"))  # galaxies lie by number in parts
        chunk = {name: np.concatenate([part[name] for part in parts])[place] for name in parts[0]}
        return chunk | {RECORD: number}


def simulate(forward, prior, rng, n):
    """``n`` galaxies of a prior on one forward model: a chunk, see ``Simulator.galaxies``."""
    stars, screen, gas, nuisance = draw_galaxies(prior, rng, n, forward)
    spectrum, bands = forward.noiseless(stars, screen, gas)
    # The median is the continuum's level, however strong the lines.
    level = np.median(spectrum, axis=1, keepdims=True)
    labels = forward.labels(stars, bands) | recent_rates(stars.mass, forward.cell_edges, rng)
    seen = bands[:, : forward.instrument.n_bands] / level
    return {**nuisance, **labels, "spectrum": spectrum / level, "bands": seen}


def recent_rates(mass, edges, rng):
    """log10 of the specific star formation rates over ``WINDOWS`` [yr⁻¹], dict of (n,) arrays.

    None has no logarithm: to the share of mass a floor is added, spread as that of the bins' is.
    """
    rates = {}
    for name, window in WINDOWS.items():
        floor = SFH.floor * np.exp(SFH.spread * rng.standard_normal(len(mass)))
        share = formation.recent_share(mass, edges, window)
        rates[name] = np.log10((share + floor) / window)
    return rates


def galaxies(forward, prior, rng, n):
    """Chunks of ``simulate`` of a forward model at hand, ``n`` galaxies in all."""
    for start in range(0, n, CHUNK):
        yield simulate(forward, prior, rng, min(CHUNK, n - start))


def _described(grid):
    metallicity = grid.metallicity.tolist()
    return {**grid.provenance, "z_sun": grid.z_sun, "metallicity": metallicity}


def emission_lines(prior):
    """'modelled' if some galaxies of the prior have emission lines, else 'masked'."""
    states = prior.get("gas", {}).get("states", {})
    return "modelled" if states.get("on", 0) > 0 else "masked"


PROBLEM = Problem(
    DEFAULT, INPUTS, LABELS, Simulator, priors.PRIORS, emission_lines, priors.assumptions
)
