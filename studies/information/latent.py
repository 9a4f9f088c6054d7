"""Galaxies of a prior as a function of latent variables, each with a standard normal prior.

``library.population.draw_galaxies`` asks a random generator for every number that makes a galaxy.
Here the generator's answers are functions of latent variables u, so that the galaxies of u drawn
from a standard normal are those of the prior, whatever the prior says, and a galaxy's neighbours
in u are its neighbours in the prior. Choices (family, enrichment, dust law, gas state, number of
bursts) are not continuous: each galaxy keeps its own.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import special, stats

from phangs_sfh.galaxy import ages
from phangs_sfh.problems.histories.population import MAX_BURSTS, draw_galaxies
from phangs_sfh.problems.histories.priors import CHOICES, FAMILIES, PARAMETERS, choose, load_prior

BROAD = Path(__file__).parent / "prior_of_phangs_3.json"
"""Stands for ``broad``: mixtures and sums of histories have no latent variables here."""

QUANTITIES = ("mw_logage", "lw_logage", "mw_mh", "lw_mh", "logml", "av")
OWN_HISTORY = ("dirichlet", "continuity")
"""Families that draw a number for every age bin besides the parameters of the prior."""


def known_prior(name):
    """A named prior as this study knows it (dict)."""
    return load_prior(str(BROAD) if name == "broad" else name)


class LatentGenerator:
    """Answers like a ``numpy.random.Generator``, but from latent variables, column after column.

    Parameters
    ----------
    latent : (n, n_latent) array, one galaxy a row; all of one family
    choices : sequence of int, answers to ``choice``, in the order in which it is called
    """

    def __init__(self, latent, choices):
        self._latent = np.asarray(latent, dtype=float)
        self._choices = iter(choices)
        self.used = 0

    def standard_normal(self, size):
        n = len(self._latent)
        width = int(np.prod(size)) // n
        taken = self._latent[:, self.used : self.used + width]
        self.used += width
        return taken.reshape(size)

    def random(self, size):
        return special.ndtr(self.standard_normal(size))

    def uniform(self, low, high, size):
        return low + (high - low) * self.random(size)

    def standard_gamma(self, shape):
        return special.gammaincinv(shape, self.random(shape.shape))

    def standard_t(self, df, size):
        return stats.t.ppf(self.random(size), df)

    def choice(self, options, size, p):
        return np.full(size, next(self._choices))


def latent_names(family):
    """Names of the latent variables of one of ``priors.FAMILIES``: list of str.

    The prior's own parameters are named ``section.name``; ``burst_fraction 1`` and ``scatter 16``
    are numbers that a galaxy draws several times.
    """
    names = [f"{section}.{name}" for section, content in PARAMETERS.items() for name in content]
    bins = range(1, ages.N_BINS + 1)
    if family in OWN_HISTORY:
        names += [f"{family} {k}" for k in bins]
    for what in ("fraction", "start", "duration"):
        names += [f"burst_{what} {k}" for k in range(1, MAX_BURSTS + 1)]
    return names + [f"scatter {k}" for k in bins]


@dataclass(frozen=True)
class LatentGalaxy:
    """One galaxy of a prior.

    Attributes
    ----------
    latent : (n_latent,) array
    choices : tuple of int, in the order of ``priors.CHOICES``
    """

    latent: np.ndarray
    choices: tuple

    @property
    def family(self):
        return FAMILIES[self.choices[0]]

    @property
    def names(self):
        return latent_names(self.family)


def draw_latent(prior, rng, n):
    """``n`` galaxies of a prior, as a list of LatentGalaxy."""
    columns = [choose(prior[key[0]][key[1]], options, rng, n) for key, options in CHOICES.items()]
    galaxies = []
    for row in zip(*columns, strict=True):
        n_latent = len(latent_names(FAMILIES[row[0]]))
        galaxies.append(LatentGalaxy(rng.standard_normal(n_latent), tuple(int(v) for v in row)))
    return galaxies


class LatentModel:
    """Forward model of one galaxy's neighbours.

    Parameters
    ----------
    forward : galaxy.forward_model.ForwardModel
    prior : dict from ``priors.load_prior``
    """

    def __init__(self, forward, prior):
        self.forward, self.prior = forward, prior

    def _drawn(self, latent, choices):
        generator = LatentGenerator(latent, choices)
        return draw_galaxies(self.prior, generator, len(latent), self.forward)

    def noiseless(self, latent, choices):
        """Noiseless data and quantities.

        Parameters
        ----------
        latent : (n, n_latent) array
        choices : tuple of int

        Returns
        -------
        spectrum : (n, n_pixels) and bands : (n, n_bands) arrays, in units of the spectrum's median
        quantities : (n, 6) array, ``QUANTITIES``
        """
        stars, screen, gas, _ = self._drawn(latent, choices)
        spectrum, bands = self.forward.noiseless(stars, screen, gas)
        level = np.median(spectrum, axis=1, keepdims=True)
        labels = self.forward.labels(stars, bands) | {"av": screen.av}
        quantities = np.stack([labels[name] for name in QUANTITIES], axis=1)
        return spectrum / level, bands / level, quantities

    def quantities(self, latent, choices):
        """Quantities that hang on the stars and the screen alone, all but ``logml`` (NaN): (n, 6).

        Much faster than ``noiseless``.
        """
        stars, screen, _, _ = self._drawn(latent, choices)
        no_light = np.full((len(latent), self.forward.instrument.n_bands), np.nan)
        labels = self.forward.labels(stars, no_light) | {"av": screen.av}
        return np.stack([labels[name] for name in QUANTITIES], axis=1)

    def burst_fraction(self, galaxy):
        """Share of the mass in bursts."""
        return float(self._drawn(galaxy.latent[None], galaxy.choices)[3]["burst_fraction"][0])
