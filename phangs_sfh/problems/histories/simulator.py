"""Galaxies for a library of histories: prior and forward model."""

from functools import cached_property

import numpy as np

from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.galaxy.ssp_errors import ErrorModel, SSPErrors
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
    def model(self):
        return ForwardModel(load_ssp(self.ssp), self.instrument)

    def galaxies(self, rng, n):
        """``n`` galaxies in chunks, see ``galaxies``."""
        return galaxies(self.model, self.prior, rng, n)


def galaxies(model, prior, rng, n):
    """Simulate ``n`` galaxies in chunks; each of another stellar library if the prior has errors.

    Parameters
    ----------
    model : galaxy.forward_model.ForwardModel
    prior : dict from ``priors.load_prior``
    rng : numpy Generator
    n : int

    Yields
    ------
    chunk : dict of arrays with one row a galaxy
        ``spectrum`` (m, n_pixels) and ``bands`` (m, n_bands), in units of the spectrum's median;
        the labels of ``ForwardModel.labels``; and what ``draw_galaxies`` keeps as nuisance.
    """
    errors = prior.get("stellar_library")
    errors = errors and ErrorModel(model.templates, SSPErrors(**errors))
    for start in range(0, n, CHUNK):
        size = min(CHUNK, n - start)
        if errors:
            model = model.with_templates(errors.draw(rng))
        stars, screen, gas, nuisance = draw_galaxies(prior, rng, size, model)
        spectrum, bands = model.noiseless(stars, screen, gas)
        # The median is the continuum's level, however strong the lines.
        level = np.median(spectrum, axis=1, keepdims=True)
        labels = model.labels(stars, bands)
        seen = bands[:, : model.instrument.n_bands] / level
        yield {**nuisance, **labels, "spectrum": spectrum / level, "bands": seen}


def emission_lines(prior):
    """'modelled' if some galaxies of the prior have emission lines, else 'masked'."""
    states = prior.get("gas", {}).get("states", {})
    return "modelled" if states.get("on", 0) > 0 else "masked"


PROBLEM = Problem(DEFAULT, INPUTS, LABELS, Simulator, priors.PRIORS, emission_lines)
