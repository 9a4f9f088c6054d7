"""Priors: distributions of the forward model's parameters, as data in JSON.

``phangs_sfh/data/NAME.json`` holds the named priors; users write their own in the same form.
"""

import json
from importlib import resources
from pathlib import Path

import numpy as np

from phangs_sfh import ages
from phangs_sfh.errors import InputError
from phangs_sfh.galaxy import enrichment, star_formation
from phangs_sfh.galaxy.model import Screen, Stars

DEFAULT = "first_light"
NAMES = ["first_light"]

PARAMETERS = {
    "star_formation": [
        "onset",
        "timescale",
        "width",
        "burst_fraction",
        "burst_start",
        "burst_duration",
    ],
    "enrichment": ["z_start", "z_end", "consumed"],
    "dust": ["av", "slope", "av_young", "slope_young"],
    "kinematics": ["sigma_v"],
}
"""Sections and the distributions each must have. ``star_formation.burst_probability`` and
``enrichment.scatter`` [dex] are plain numbers."""

ARGUMENTS = {
    "uniform": ("low", "high"),
    "log_uniform": ("low", "high"),
    "exponential": ("scale", "high"),
}


def load_prior(name=DEFAULT):
    """A named prior, or one from a JSON file.

    Raises
    ------
    InputError
        If there is no such prior, or a section, parameter or argument is missing or impossible.
    """
    if name in NAMES:
        text = resources.files("phangs_sfh.data").joinpath(f"{name}.json").read_text()
    elif Path(name).is_file():
        text = Path(name).read_text()
    else:
        raise InputError(f"{name}: no such prior or file; priors are {', '.join(NAMES)}")
    try:
        prior = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{name}: not JSON ({error}); start from a named prior") from None
    _check(name, prior)
    return prior


def _check(name, prior):
    for section, parameters in PARAMETERS.items():
        for parameter in parameters:
            try:
                settings = prior[section][parameter]
                numbers = [settings[key] for key in ARGUMENTS[settings["distribution"]]]
            except (KeyError, TypeError):
                raise InputError(
                    f"{name}: {section}.{parameter} is missing or incomplete; give a distribution "
                    f"out of {', '.join(ARGUMENTS)} with its arguments"
                ) from None
            if not all(isinstance(n, int | float) for n in numbers):
                raise InputError(f"{name}: {section}.{parameter} needs numbers")
            if settings["distribution"] != "exponential" and numbers[0] > numbers[1]:
                raise InputError(f"{name}: {section}.{parameter} has low > high; swap them")
    for section, number in (("star_formation", "burst_probability"), ("enrichment", "scatter")):
        if not isinstance(prior[section].get(number), int | float):
            raise InputError(f"{name}: {section}.{number} must be a number")


def draw(settings, rng, n):
    """Draw ``n`` values of one parameter."""
    if settings["distribution"] == "uniform":
        return rng.uniform(settings["low"], settings["high"], n)
    if settings["distribution"] == "log_uniform":
        return np.exp(rng.uniform(np.log(settings["low"]), np.log(settings["high"]), n))
    # Exponential, cut at ``high``: inverse of its cumulative distribution.
    cut = -np.expm1(-settings["high"] / settings["scale"])
    return -settings["scale"] * np.log1p(-cut * rng.random(n))


def draw_galaxies(prior, rng, n, cell_edges, mh_range):
    """Draw galaxies.

    Parameters
    ----------
    prior : dict from ``load_prior``
    rng : numpy Generator
    n : int
    cell_edges : (n_cells + 1,) array [yr], from the forward model
    mh_range : (lowest, highest) [M/H] of the SSP grid [dex]; with the Sun's Z in ``mh_range[2]``

    Returns
    -------
    stars : galaxy.model.Stars
    screen : galaxy.model.Screen
    nuisance : dict of (n,) arrays, what is kept besides labels
    """
    value = {
        parameter: draw(prior[section][parameter], rng, n)
        for section, parameters in PARAMETERS.items()
        for parameter in parameters
    }
    has_burst = rng.random(n) < prior["star_formation"]["burst_probability"]
    value["burst_fraction"] = np.where(has_burst, value["burst_fraction"], 0.0)
    younger = _younger(value, cell_edges)
    mass = np.diff(younger, axis=1)
    mh_low, mh_high, z_sun = mh_range
    formed = 1.0 - 0.5 * (younger[:, 1:] + younger[:, :-1])
    z_end = np.maximum(value["z_end"], value["z_start"])
    z = enrichment.closed_box(formed, value["z_start"], z_end, value["consumed"])
    scatter = prior["enrichment"]["scatter"] * rng.standard_normal((n, ages.N_BINS))
    middle = 0.5 * (cell_edges[1:] + cell_edges[:-1])
    cell_bin = np.searchsorted(ages.EDGES_YR, middle, side="right") - 1
    mh = np.clip(np.log10(z / z_sun) + scatter[:, cell_bin], mh_low, mh_high)
    screen = Screen(**{name: value[name] for name in Screen.__annotations__})
    return Stars(mass, mh), screen, value


def _younger(value, cell_edges):
    """Fraction of mass younger than each cell edge, shape (n, n_cells + 1)."""
    smooth = star_formation.delayed_lognormal(
        cell_edges, value["onset"], np.log(value["timescale"]), value["width"]
    )
    start = np.minimum(value["burst_start"], value["onset"])
    burst = star_formation.burst(cell_edges, start, value["burst_duration"] * start)
    fraction = value["burst_fraction"]
    return star_formation.combine([smooth, burst], [1.0 - fraction, fraction])
