"""Galaxies for a library of histories: prior and forward model."""

from functools import cached_property

import numpy as np

from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.galaxy.ssp_errors import ErrorModel, SSPErrors
from phangs_sfh.galaxy.templates import prepare
from phangs_sfh.problems.histories import INPUTS, LABELS, priors
from phangs_sfh.problems.histories.population import draw_galaxies
from phangs_sfh.problems.problem import DEFAULT, Problem
from phangs_sfh.ssp.engines import load_ssp

CHUNK = 250
"""Galaxies simulated at once: keeps memory small and matrix products large."""


class Simulator:
    """Galaxies of a prior, seen by an instrument.

    Parameters
    ----------
    instrument : Instrument
    prior : dict from ``priors.load_prior``
    ssp : engine name or grid file
    """

    def __init__(self, instrument, prior, ssp="bc03"):
        self.instrument, self.prior, self.ssp = instrument, prior, ssp

    def describe(self):
        """What library.json says of the stars."""
        grid = load_ssp(self.ssp)
        metallicity = grid.metallicity.tolist()
        return {"ssp": {**grid.provenance, "z_sun": grid.z_sun, "metallicity": metallicity}}

    @cached_property
    def forward(self):
        return ForwardModel(load_ssp(self.ssp), self.instrument)

    @cached_property
    def errors(self):
        """Errors of the stellar populations that the prior asks for (ErrorModel), or None."""
        wanted, other = self.prior.get("stellar_library"), self.prior.get("other_library")
        if not wanted:
            return None
        templates, wanted = self.forward.templates, SSPErrors(**wanted)
        if not other:
            return ErrorModel(templates, wanted)
        theirs = prepare(load_ssp(other["engine"]), self.instrument)
        return ErrorModel(templates, wanted, theirs, other["share"])

    def galaxies(self, rng, n):
        """Simulate ``n`` galaxies in chunks; each of other stars if the prior has errors of them.

        Yields
        ------
        chunk : dict of arrays with one row a galaxy
            ``spectrum`` (m, n_pixels) and ``bands`` (m, n_bands), in units of the spectrum's
            median; the labels of ``ForwardModel.labels``; and what ``draw_galaxies`` keeps as
            nuisance.
        """
        forward = self.forward
        for start in range(0, n, CHUNK):
            size = min(CHUNK, n - start)
            if self.errors:
                forward = forward.with_templates(self.errors.draw(rng))
            stars, screen, gas, nuisance = draw_galaxies(self.prior, rng, size, forward)
            spectrum, bands = forward.noiseless(stars, screen, gas)
            # The median is the continuum's level, however strong the lines.
            level = np.median(spectrum, axis=1, keepdims=True)
            labels = forward.labels(stars, bands)
            seen = bands[:, : self.instrument.n_bands] / level
            yield {**nuisance, **labels, "spectrum": spectrum / level, "bands": seen}


def galaxies(forward, prior, rng, n):
    """``Simulator.galaxies`` of a forward model at hand."""
    simulator = Simulator(forward.instrument, prior)
    simulator.forward = forward
    return simulator.galaxies(rng, n)


def emission_lines(prior):
    """'modelled' if some galaxies of the prior have emission lines, else 'masked'."""
    states = prior.get("gas", {}).get("states", {})
    return "modelled" if states.get("on", 0) > 0 else "masked"


PROBLEM = Problem(DEFAULT, INPUTS, LABELS, Simulator, priors.PRIORS, emission_lines)
