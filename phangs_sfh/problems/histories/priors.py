"""Priors: distributions of the forward model's parameters, as data in JSON.

``phangs_sfh/data/prior_NAME.json`` holds the named priors; users write their own in the same form:
sections with a distribution for each parameter and, for choices, the weight of each. An optional
section ``observing`` sets fields of ``library.observing.ObservingConditions`` for training; an
optional section ``stellar_library`` makes each 250 galaxies of another library's stars, with the
standard deviations of ``galaxy.ssp_errors.SSPErrors``, and ``other_library`` (an ``engine``
with the same ages, and a ``share`` from low to high) moves it some of the way to a second one.

Or ``assumptions`` about the stars: a ``default`` and ``options``, each with a ``weight``, an
``ssp`` engine and, if wanted, a ``stellar_library`` and ``other_library`` of its own. Each galaxy
is made under one of them, drawn by weight, and the network is told which.

A parameter may also be a ``mixture`` of distributions, ``parts``, each with a ``weight``. An
optional ``star_formation.sums`` adds up histories of one to three families.
"""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.files.json_files import Fields, Text, read_json
from phangs_sfh.galaxy import ages, dust, ssp_errors
from phangs_sfh.problems.assumptions import Assumptions

DEFAULT = "broad"
NAMES = ["broad", "paper"]

ARGUMENTS = {
    "uniform": ("low", "high"),
    "log_uniform": ("low", "high"),
    "exponential": ("scale", "high"),
}

FAMILIES = [
    "delayed_lognormal",
    "delayed_tau",
    "double_power_law",
    "constant",
    "quenched",
    "rejuvenated",
    "dirichlet",
    "continuity",
    "single_burst",
]
"""Shapes of the history; ``family`` in the TFRecords counts them from 0."""

SUMS = ["1", "2", "3"]
ENRICHMENTS = ["closed_box", "leaky_box", "flat", "inverted"]
GAS_STATES = ["off", "on", "subtracted"]

PARAMETERS = {
    "star_formation": [
        *("onset", "timescale", "width", "tau", "peak", "falling", "rising"),
        *("quenching", "rejuvenation", "rejuvenated_fraction", "concentration"),
        *("continuity_scale", "single_age", "single_duration"),
        *("burst_fraction", "burst_start", "burst_duration"),
    ],
    "enrichment": ["z_start", "z_end", "consumed", "loading"],
    "dust": ["av", "slope", "av_young", "slope_young"],
    "gas": ["covering", "log_u", "mh_offset", "av", "sigma"],
    "kinematics": ["sigma_v", "velocity"],
}
"""Sections and the distributions each must have."""

LIMITS = {
    "star_formation.onset": (1e6, ages.MAX_AGE_YR),
    "star_formation.fraction": (0.0, 100.0),
    "star_formation.rejuvenated_fraction": (0.0, 1.0),
    "star_formation.single_duration": (1e-3, 1.0),
    "star_formation.burst_fraction": (0.0, 1.0),
    "star_formation.burst_duration": (1e-3, 1.0),
    "enrichment.z_start": (1e-6, 0.2),
    "enrichment.z_end": (1e-6, 0.2),
    "enrichment.consumed": (1e-3, 0.9999),
    "enrichment.loading": (1e-3, 100.0),
    "dust.av": (0.0, 20.0),
    "dust.av_young": (0.0, 20.0),
    "gas.covering": (0.0, 1.0),
    "gas.log_u": (-4.0, 0.0),
    "gas.av": (0.0, 20.0),
    "gas.sigma": (0.0, 1000.0),
    "kinematics.sigma_v": (0.0, 500.0),
    "kinematics.velocity": (-600.0, 600.0),
}
"""What each parameter may be: beyond, it means nothing or leaves the model's tables. The other
parameters of the histories are times and slopes, which must be positive."""

CHOICES = {
    ("star_formation", "families"): FAMILIES,
    ("star_formation", "bursts"): ["0", "1", "2", "3"],
    ("enrichment", "families"): ENRICHMENTS,
    ("dust", "laws"): dust.LAWS,
    ("gas", "states"): GAS_STATES,
}
"""Weighted choices and what each may choose from. ``enrichment.scatter`` [dex] is a number."""


class PriorFields(Fields):
    """What every prior has beside the sections that ``check_prior`` looks at."""

    name: Text = ""
    description: Text = ""
    observing: dict = {}


def load_prior(name=DEFAULT):
    """A named prior, or one from a JSON file.

    Raises
    ------
    InputError
        If there is no such prior, or a section, parameter or argument is missing or impossible.
    """
    if name in NAMES:
        path = resources.files("phangs_sfh.data").joinpath(f"prior_{name}.json")
    elif Path(name).is_file():
        path = Path(name)
    else:
        raise InputError(f"{name}: no such prior or file; priors are {', '.join(NAMES)}")
    prior = read_json(path, PriorFields, "start from a named prior")
    check_prior(name, prior)
    return prior


@dataclass(frozen=True)
class Priors:
    """The named priors of histories, as the problem object wants them."""

    default: str = DEFAULT
    names: tuple = tuple(NAMES)

    def load(self, name):
        return load_prior(name)


PRIORS = Priors()


def check_prior(name, prior):
    """Raise InputError, naming the field, where ``prior`` is incomplete or impossible."""
    for section, parameters in PARAMETERS.items():
        for parameter in parameters:
            _check_distribution(name, f"{section}.{parameter}", _field(prior, section, parameter))
    for (section, field), allowed in CHOICES.items():
        weights = _field(prior, section, field)
        if not isinstance(weights, dict) or not set(weights) <= set(allowed):
            raise InputError(
                f"{name}: {section}.{field} must give weights to some of {', '.join(allowed)}"
            )
        _check_weights(name, f"{section}.{field}", weights)
    scatter = _field(prior, "enrichment", "scatter")
    if not isinstance(scatter, int | float) or not 0 <= scatter <= 1:
        raise InputError(f"{name}: enrichment.scatter must be a number from 0 to 1 [dex]")
    _check_sums(name, prior["star_formation"])
    _check_library_errors(name, prior.get("stellar_library"))
    _check_other_library(name, prior)
    _check_assumptions(name, prior)


def assumptions(prior, ssp=None):
    """Assumptions about the stars that a prior asks for, or None.

    Parameters
    ----------
    prior : dict from ``load_prior``
    ssp : engine or file that a user names: then all stars are those
    """
    wanted = prior.get("assumptions")
    if ssp is not None or not wanted:
        return None
    return Assumptions("stars", tuple(wanted["options"]), wanted["default"])


def _check_assumptions(name, prior):
    wanted = prior.get("assumptions")
    if wanted is None:
        return
    options = wanted.get("options") if isinstance(wanted, dict) else None
    if not isinstance(options, dict) or not all(isinstance(o, dict) for o in options.values()):
        raise InputError(f"{name}: assumptions.options must be sections by name")
    _check_weights(name, "assumptions.options", {k: o.get("weight") for k, o in options.items()})
    if wanted.get("default") not in options:
        raise InputError(f"{name}: assumptions.default must be one of {', '.join(options)}")
    if prior.get("stellar_library") or prior.get("other_library"):
        raise InputError(f"{name}: stellar_library belongs into one of assumptions.options")
    for option, content in options.items():
        field = f"{name}: assumptions.options.{option}"
        if not isinstance(content.get("ssp"), str):
            raise InputError(f"{field}.ssp must name an SSP engine")
        _check_library_errors(field, content.get("stellar_library"))
        _check_other_library(field, content)


def _check_other_library(name, prior):
    other = prior.get("other_library")
    if other is None:
        return
    share = other.get("share") if isinstance(other, dict) else None
    if not isinstance(share, list) or len(share) != 2 or not -2 <= share[0] <= share[1] <= 3:
        raise InputError(f"{name}: other_library.share must be two rising numbers from -2 to 3")
    if not isinstance(other.get("engine"), str) or not prior.get("stellar_library"):
        raise InputError(f"{name}: other_library needs an engine, and a stellar_library beside it")


def _check_sums(name, star_formation):
    """``sums``: weights of the ``number`` of histories, ``fraction`` of each further one's mass
    relative to the first, and its ``onset``."""
    if "mixture" == star_formation["burst_fraction"]["distribution"]:
        raise InputError(f"{name}: star_formation.burst_fraction must not be a mixture")
    sums = star_formation.get("sums")
    if sums is None:
        return
    number = sums.get("number") if isinstance(sums, dict) else None
    if not isinstance(number, dict) or not number or not set(number) <= set(SUMS):
        raise InputError(f"{name}: star_formation.sums.number must give weights to {SUMS}")
    _check_weights(name, "star_formation.sums.number", number)
    for parameter in ("fraction", "onset"):
        _check_distribution(name, f"star_formation.{parameter}", sums.get(parameter))


def _check_weights(name, field, weights):
    numbers = [float(w) if isinstance(w, int | float) else -1.0 for w in weights.values()]
    if min(numbers, default=0) < 0 or not 0 < sum(numbers) < np.inf:
        raise InputError(
            f"{name}: {field} needs weights that are numbers, not negative, and not all zero"
        )


def _check_library_errors(name, errors):
    if errors is None:
        return
    if not isinstance(errors, dict) or not set(errors) <= set(ssp_errors.NAMES):
        raise InputError(
            f"{name}: stellar_library must give numbers to some of {', '.join(ssp_errors.NAMES)}"
        )
    for field, value in errors.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 0.5:
            raise InputError(f"{name}: stellar_library.{field} must be a number from 0 to 0.5")


def _field(prior, section, parameter):
    content = prior.get(section) if isinstance(prior, dict) else None
    return content.get(parameter) if isinstance(content, dict) else None


def _check_distribution(name, field, settings):
    if isinstance(settings, dict) and settings.get("distribution") == "mixture":
        parts = settings.get("parts")
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            raise InputError(f"{name}: {field} is a mixture; give a list of distributions, parts")
        _check_weights(name, field, {i: part.get("weight") for i, part in enumerate(parts)})
        for part in parts:
            _check_distribution(name, field, part)
        return
    try:
        low, high = (settings[key] for key in ARGUMENTS[settings["distribution"]])
        low, high = float(low), float(high)
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"{name}: {field} is missing or incomplete; give a distribution out of "
            f"{', '.join(ARGUMENTS)} with its arguments"
        ) from None
    if not np.isfinite([low, high]).all():
        raise InputError(f"{name}: {field} is not finite; give numbers")
    if settings["distribution"] == "exponential":
        if min(low, high) <= 0:
            raise InputError(f"{name}: {field} is exponential; give a positive scale and high")
        low = 0.0
    if low > high:
        raise InputError(f"{name}: {field} has low > high; swap them")
    if settings["distribution"] == "log_uniform" and low <= 0:
        raise InputError(f"{name}: {field} is log_uniform from {low:g}; give a positive low")
    _check_limits(name, field, low, high)


def _check_limits(name, field, low, high):
    positive = (1e-12, np.inf) if field.startswith("star_formation") else (-np.inf, np.inf)
    smallest, largest = LIMITS.get(field, positive)
    if low < smallest or high > largest:
        raise InputError(
            f"{name}: {field} runs from {low:g} to {high:g}; it must stay within {smallest:g} to "
            f"{largest:g}"
        )


def draw(settings, rng, n):
    """Draw ``n`` values of one parameter."""
    if settings["distribution"] == "mixture":
        parts = settings["parts"]
        weights = {number: part["weight"] for number, part in enumerate(parts)}
        chosen = choose(weights, range(len(parts)), rng, n)
        return np.array([draw(part, rng, n) for part in parts])[chosen, np.arange(n)]
    if settings["distribution"] == "uniform":
        return rng.uniform(settings["low"], settings["high"], n)
    if settings["distribution"] == "log_uniform":
        return np.exp(rng.uniform(np.log(settings["low"]), np.log(settings["high"]), n))
    # Exponential, cut at ``high``: inverse of its cumulative distribution.
    cut = -np.expm1(-settings["high"] / settings["scale"])
    return -settings["scale"] * np.log1p(-cut * rng.random(n))


def choose(weights, options, rng, n):
    """Draw ``n`` indices into ``options`` with the given weights (dict)."""
    share = np.array([weights.get(option, 0.0) for option in options], dtype=float)
    return rng.choice(len(options), size=n, p=share / share.sum())
