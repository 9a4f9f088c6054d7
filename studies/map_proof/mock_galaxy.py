"""A galaxy made up: what stars, dust and gas there are at each place of a small spiral.

A bulge of old, metal-rich stars, and a disc that formed inside out and grows poorer in metals
outwards. Its stars under 130 Myr are in two spiral arms, the older the further downstream, with
star-forming knots of 0.15 arcsec; dust lanes run along the arms' inner edges. What no spectrum
tells apart from young stars (how much ionising light escapes, how dusty birth clouds are, how steep
the dust law is) wanders over the galaxy. Everything is a smooth function of the place, so that it
can be sampled at any scale.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from phangs_sfh.galaxy import enrichment, star_formation
from phangs_sfh.galaxy.forward_model import Screen, Stars
from phangs_sfh.galaxy.gas import Gas
from phangs_sfh.instrument.constants import FWHM_PER_SIGMA

PITCH = np.radians(22.0)
ARM_RADIUS = 1.5
"""[arcsec] within which the arms fade into the bulge."""

DRIFT = 8.0
"""Angle by which stars have left the arm they were born in [rad / Gyr]."""

YOUNG_YR = 1.3e8
"""The arms' stars are younger."""

KNOT_SIGMA = 0.15 / FWHM_PER_SIGMA
N_KNOTS = 40

WANDERING = {
    "covering": (0.35, 0.95),
    "log_u": (-3.5, -2.4),
    "slope": (0.5, 1.1),
    "slope_young": (0.8, 1.2),
    "av_young": (0.1, 1.7),
    "gas_av": (0.1, 1.7),
}
"""Ranges of what varies for no reason, over some N_WAVES waves of 2.5 to 6 arcsec each."""
N_WAVES = 8


@dataclass(frozen=True)
class Place:
    """What there is at n places.

    Attributes
    ----------
    density : (n,) array, mass formed [M_sun / pc2]
    stars : Stars, fractions and metallicities of it
    screen : Screen
    gas : Gas
    """

    density: np.ndarray
    stars: Stars
    screen: Screen
    gas: Gas


class MockGalaxy:
    """A spiral galaxy 12 arcsec across, seen face-on.

    Parameters
    ----------
    forward : galaxy.forward_model.ForwardModel, for its age cells and range of metallicity
    seed : int, of the knots' places, ages and masses
    """

    def __init__(self, forward, seed=0):
        self.edges, self.mh_range = forward.cell_edges, forward.ssp.mh[[0, -1]]
        self.z_sun = forward.ssp.z_sun
        self.middle = 0.5 * (self.edges[1:] + self.edges[:-1])
        self.young = self.middle < YOUNG_YR
        rng = np.random.default_rng(seed)
        radius = rng.uniform(1.2, 7.0, N_KNOTS)
        angle = arm_angle(radius) + np.pi * rng.integers(0, 2, N_KNOTS)
        angle += 0.12 * rng.standard_normal(N_KNOTS)
        self._knot_x, self._knot_y = radius * np.cos(angle), radius * np.sin(angle)
        self._knot_density = 10 ** rng.uniform(1.3, 2.3, N_KNOTS)
        start = rng.uniform(1.5e6, 9e6, N_KNOTS)
        self._knot_younger = star_formation.burst(self.edges, start, 0.5 * start)
        length, direction = rng.uniform(2.5, 6.0, (2, len(WANDERING), N_WAVES))
        direction *= 2 * np.pi
        self._waves = 2 * np.pi / length * np.array([np.cos(direction), np.sin(direction)])
        self._phases = rng.uniform(0, 2 * np.pi, (len(WANDERING), N_WAVES, 1))

    def at(self, x, y):
        """The galaxy at places ``x``, ``y`` [arcsec] from its centre, (n,) arrays; a Place."""
        radius, angle = np.hypot(x, y), np.arctan2(y, x)
        disc, disc_mh = self._disc(radius, angle)
        knots = self._knots(x, y)
        bulge, bulge_mh = self._bulge(radius)
        disc += knots  # of the metallicity that the disc's young stars have
        # The tiny part keeps a metallicity where a cell has no stars.
        share = bulge / (bulge + disc + 1e-9 * disc.max())
        mh = np.log10(share * 10**bulge_mh + (1 - share) * 10**disc_mh)
        mass = bulge + disc
        density = mass.sum(axis=1)
        lane = arm(radius, angle + 0.28, sharpness=14.0)
        nuisance = self._wandering(x, y)
        screen = Screen(
            law=np.zeros(len(radius), int), av=0.15 + 0.45 * np.exp(-radius / 4) + 1.1 * lane,
            sigma_v=50 + 90 * np.exp(-radius / 1.5),
            **{name: nuisance[name] for name in ("slope", "av_young", "slope_young")},
        )  # fmt: skip
        gas = Gas(
            covering=nuisance["covering"], log_u=nuisance["log_u"], mh=mh[:, 0],
            av=nuisance["gas_av"], sigma=np.full_like(radius, 35.0),
            in_spectrum=np.ones(len(radius), bool),
        )  # fmt: skip
        mh = np.clip(mh, *self.mh_range)
        return Place(density, Stars(mass / density[:, None], mh), screen, gas)

    def _bulge(self, radius):
        """Mass formed [M_sun / pc2] in every age cell, and [M/H]; (n, n_cells) each."""
        one = np.ones(1)
        younger = star_formation.delayed_lognormal(
            self.edges, 13e9 * one, np.log(1.5e9) * one, 0.4 * one
        )
        z = enrichment.closed_box(_formed(younger), 0.5 * self.z_sun * one, 2.2 * self.z_sun * one,
                                  0.9 * one)  # fmt: skip
        density = 1.2e5 * np.exp(-radius / 0.35)
        return density[:, None] * np.diff(younger), np.log10(z / self.z_sun)

    def _disc(self, radius, angle):
        """As ``_bulge``."""
        one = np.ones_like(radius)
        younger = star_formation.delayed_tau(self.edges, 12e9 * one, (1.8 + 0.7 * radius) * 1e9)
        now = self.z_sun * 10 ** (0.2 - 0.08 * radius)
        z = enrichment.closed_box(_formed(younger), 0.3 * now, now, 0.85 * one)
        mass = np.diff(younger) * (2500 * np.exp(-radius / 4.0))[:, None]
        since = DRIFT * self.middle[self.young] / 1e9
        mass[:, self.young] *= 0.15 + 5.0 * arm(radius[:, None], angle[:, None] - since)
        return mass, np.log10(z / self.z_sun)

    def _wandering(self, x, y):
        """Smooth random fields, uniform within ``WANDERING``; dict of (n,) arrays."""
        phase = np.tensordot(self._waves, [x, y], (0, 0)) + self._phases
        normal = np.sqrt(2 / N_WAVES) * np.cos(phase).sum(axis=1)
        return {
            name: low + (high - low) * ndtr(values)
            for (name, (low, high)), values in zip(WANDERING.items(), normal, strict=True)
        }

    def _knots(self, x, y):
        """Mass formed [M_sun / pc2] in every age cell, (n, n_cells)."""
        distance2 = (x[:, None] - self._knot_x) ** 2 + (y[:, None] - self._knot_y) ** 2
        density = self._knot_density * np.exp(-0.5 * distance2 / KNOT_SIGMA**2)
        return density @ np.diff(self._knot_younger)


def _formed(younger):
    return 1.0 - 0.5 * (younger[:, 1:] + younger[:, :-1])


def arm_angle(radius):
    """Direction of one arm's ridge at a radius [arcsec], a logarithmic spiral [rad]."""
    return np.log(radius) / np.tan(PITCH)


def arm(radius, angle, sharpness=6.0):
    """Profile of the two arms: 1 on the ridge, 0 far from it; broadcasts."""
    radius = np.maximum(radius, 0.05)
    across = np.cos(2 * (angle - arm_angle(radius)))
    inside = 1 - np.exp(-((radius / ARM_RADIUS) ** 2))
    return inside * np.exp(sharpness * (across - 1))
