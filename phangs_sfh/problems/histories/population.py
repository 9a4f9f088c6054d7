"""Draw galaxies from a prior: stars, dust and gas for the forward model."""

import numpy as np

from phangs_sfh.galaxy import ages, enrichment, star_formation
from phangs_sfh.galaxy.forward_model import Screen, Stars
from phangs_sfh.galaxy.gas import Gas
from phangs_sfh.problems.histories.priors import (
    CHOICES,
    ENRICHMENTS,
    FAMILIES,
    GAS_STATES,
    PARAMETERS,
    SUMS,
    choose,
    draw,
)

MAX_BURSTS = 3


def draw_galaxies(prior, rng, n, forward):
    """Draw ``n`` galaxies.

    Parameters
    ----------
    prior : dict from ``priors.load_prior``
    rng : numpy Generator
    n : int
    forward : galaxy.forward_model.ForwardModel, for its age cells and range of metallicity

    Returns
    -------
    stars : galaxy.forward_model.Stars
    screen : galaxy.forward_model.Screen
    gas : galaxy.gas.Gas
    nuisance : dict of (n,) arrays, kept in the TFRecords besides the labels
    """
    value = {
        section: {name: draw(prior[section][name], rng, n) for name in names}
        for section, names in PARAMETERS.items()
    }
    choice = {
        key: choose(prior[key[0]][key[1]], options, rng, n) for key, options in CHOICES.items()
    }
    family = choice["star_formation", "families"]
    younger = _smooth(value["star_formation"], family, rng, forward.cell_edges)
    if "sums" in prior["star_formation"]:
        younger = _sums(younger, prior["star_formation"], rng, forward.cell_edges)
    bursts = _bursts(prior["star_formation"], choice["star_formation", "bursts"], rng)
    younger = _with_bursts(younger, bursts, value["star_formation"]["onset"], forward.cell_edges)
    stars = _stars(
        younger, value["enrichment"], choice["enrichment", "families"], prior, rng, forward
    )
    screen = Screen(law=choice["dust", "laws"], **value["kinematics"], **value["dust"])
    state = choice["gas", "states"]
    gas = Gas(
        covering=np.where(state == GAS_STATES.index("off"), 0.0, value["gas"]["covering"]),
        log_u=value["gas"]["log_u"],
        mh=stars.mh[:, 0] + value["gas"]["mh_offset"],
        av=value["gas"]["av"],
        sigma=value["gas"]["sigma"],
        in_spectrum=state == GAS_STATES.index("on"),
    )
    nuisance = {
        **{name: getattr(screen, name) for name in ("av", "slope", "av_young", "slope_young")},
        "sigma_v": screen.sigma_v,
        "velocity": screen.velocity,
        "dust_law": screen.law,
        "family": family,
        "enrichment": choice["enrichment", "families"],
        "burst_fraction": bursts["fraction"].sum(axis=1),
        "gas_state": state,
        "gas_covering": gas.covering,
        "gas_log_u": gas.log_u,
        "gas_av": gas.av,
    }
    return stars, screen, gas, nuisance


def _smooth(value, family, rng, edges):
    """History of each galaxy before bursts, (n, n_edges): fraction of the mass younger."""
    younger = np.empty((len(family), len(edges)))
    for number, name in enumerate(FAMILIES):
        rows = np.flatnonzero(family == number)
        if len(rows):
            drawn = {key: values[rows] for key, values in value.items()}
            younger[rows] = _HISTORIES[name](drawn, rng, edges)
    return younger


def _sums(first, prior, rng, edges):
    """Add further histories to the ``first`` (n, n_edges), each of any family and with its own
    parameters: a galaxy's ``family`` is that of its first."""
    n, sums = len(first), prior["sums"]
    number = 1 + choose(sums["number"], SUMS, rng, n)
    total, weight = first.copy(), np.ones(n)
    for k in range(1, len(SUMS)):
        value = {name: draw(prior[name], rng, n) for name in PARAMETERS["star_formation"]}
        value["onset"] = draw(sums["onset"], rng, n)
        again = _smooth(value, choose(prior["families"], FAMILIES, rng, n), rng, edges)
        fraction = np.where(number > k, draw(sums["fraction"], rng, n), 0.0)
        total += fraction[:, None] * again
        weight += fraction
    return total / weight[:, None]


def _lognormal(v, rng, edges):
    return star_formation.delayed_lognormal(edges, v["onset"], np.log(v["timescale"]), v["width"])


def _delayed_tau(v, rng, edges):
    return star_formation.delayed_tau(edges, v["onset"], v["tau"])


def _double_power_law(v, rng, edges):
    return star_formation.double_power_law(edges, v["onset"], v["peak"], v["falling"], v["rising"])


def _constant(v, rng, edges):
    return star_formation.constant(edges, v["onset"])


def _quenched(v, rng, edges):
    lost = _lognormal(v, rng, v["quenching"][:, None])[:, 0]
    return star_formation.quench(_lognormal(v, rng, edges), lost)


def _rejuvenated(v, rng, edges):
    again = star_formation.constant(edges, np.minimum(v["rejuvenation"], v["onset"]))
    fraction = v["rejuvenated_fraction"]
    return star_formation.combine([_quenched(v, rng, edges), again], [1 - fraction, fraction])


def _dirichlet(v, rng, edges):
    """Mass fractions of the bins from a symmetric Dirichlet distribution (Leja et al. 2017)."""
    gamma = rng.standard_gamma(np.repeat(v["concentration"][:, None], ages.N_BINS, axis=1))
    gamma = np.maximum(gamma, 1e-12)
    return star_formation.piecewise_constant(
        edges, ages.EDGES_YR, gamma / gamma.sum(axis=1, keepdims=True)
    )


def _continuity(v, rng, edges):
    """Log ratios of neighbouring rates from Student's t with ν = 2 (Leja et al. 2019)."""
    n = len(v["onset"])
    # Bins narrower than a few tens of Myr would let the rate wander far by their number alone.
    steps = rng.standard_t(2, (n, ages.N_BINS)) * v["continuity_scale"][:, None]
    log_rate = np.clip(np.cumsum(steps, axis=1), -6, 6)
    mass = 10.0**log_rate * np.diff(ages.EDGES_YR)
    return star_formation.piecewise_constant(
        edges, ages.EDGES_YR, mass / mass.sum(axis=1, keepdims=True)
    )


def _single_burst(v, rng, edges):
    start = np.minimum(v["single_age"], ages.MAX_AGE_YR)
    return star_formation.burst(edges, start, v["single_duration"] * start)


_HISTORIES = {
    "delayed_lognormal": _lognormal,
    "delayed_tau": _delayed_tau,
    "double_power_law": _double_power_law,
    "constant": _constant,
    "quenched": _quenched,
    "rejuvenated": _rejuvenated,
    "dirichlet": _dirichlet,
    "continuity": _continuity,
    "single_burst": _single_burst,
}


def _bursts(prior, number, rng):
    """Up to three bursts a galaxy: arrays (n, 3); unused ones have mass fraction zero.

    Together they never hold more than the prior's largest fraction.
    """
    n = len(number)
    shape = (n, MAX_BURSTS)
    drawn = {
        name: draw(prior[f"burst_{name}"], rng, n * MAX_BURSTS).reshape(shape)
        for name in ("fraction", "start", "duration")
    }
    fraction = np.where(np.arange(MAX_BURSTS) < number[:, None], drawn["fraction"], 0.0)
    excess = np.maximum(fraction.sum(axis=1) / prior["burst_fraction"]["high"], 1.0)
    drawn["fraction"] = fraction / excess[:, None]
    return drawn


def _with_bursts(younger, bursts, onset, edges):
    smooth = 1.0 - bursts["fraction"].sum(axis=1)
    total = smooth[:, None] * younger
    for k in range(MAX_BURSTS):
        start = np.minimum(bursts["start"][:, k], onset)
        one = star_formation.burst(edges, start, bursts["duration"][:, k] * start)
        total += bursts["fraction"][:, k, None] * one
    return total


def _stars(younger, value, family, prior, rng, forward):
    mass = np.diff(younger, axis=1)
    formed = 1.0 - 0.5 * (younger[:, 1:] + younger[:, :-1])
    low = np.minimum(value["z_start"], value["z_end"])
    high = np.maximum(value["z_start"], value["z_end"])
    flat = family == ENRICHMENTS.index("flat")
    inverted = family == ENRICHMENTS.index("inverted")
    start = np.where(flat | inverted, high, low)
    end = np.where(inverted, low, high)
    z = enrichment.closed_box(formed, start, end, value["consumed"])
    leaky = family == ENRICHMENTS.index("leaky_box")
    z[leaky] = enrichment.leaky_box(
        formed[leaky], start[leaky], end[leaky], value["loading"][leaky]
    )
    scatter = prior["enrichment"]["scatter"] * rng.standard_normal((len(mass), ages.N_BINS))
    mh = np.log10(z / forward.ssp.z_sun) + scatter[:, forward.templates.cell_bin]
    return Stars(mass, np.clip(mh, forward.ssp.mh[0], forward.ssp.mh[-1]))
