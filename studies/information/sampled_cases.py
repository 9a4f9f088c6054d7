"""A few galaxies whose exact posteriors are known: Fisher matrix, chains, network together."""

import numpy as np

from studies.information import fisher_matrix, posterior_sampling
from studies.information.latent import QUANTITIES, LatentModel, draw_latent

N_WALKERS = 256
"""Many, since a call of the forward model reads its whole tables: few steps of many are cheap."""


def draw_case(forward, prior, conditions, seed):
    """One galaxy of a prior and one observation of it.

    Returns
    -------
    latent_model : latent.LatentModel
    fisher : information.Information
    observation : posterior_sampling.Observation
    """
    rng = np.random.default_rng(seed)
    latent_model = LatentModel(forward, prior)
    galaxy = draw_latent(prior, rng, 1)[0]
    night = fisher_matrix.draw_night(conditions, rng)
    fisher = fisher_matrix.measure(latent_model, galaxy, conditions, night)
    observation = posterior_sampling.draw_observation(latent_model, galaxy, conditions, night, rng)
    return latent_model, fisher, observation


def run_case(forward, prior, conditions, seed, n_steps, n_walkers=N_WALKERS):
    """Sample the posterior of one case.

    Returns
    -------
    result : dict, JSON-able: ``truth``, ``fisher`` and ``fisher_sampled`` (standard deviations),
        ``chains`` (``median``, ``std``, ``half_width`` of the 68 % interval, which a stuck walker
        does not move, ``std_halves`` of the halves of what was kept, ``acceptance``), each a list
        by ``latent.QUANTITIES``
    """
    latent_model, fisher, observation = draw_case(forward, prior, conditions, seed)
    sn = conditions.sn[0]
    covariance = fisher.covariance(sn)
    rng = np.random.default_rng(seed)
    sampled = fisher_matrix.sampled_deviation(latent_model, fisher, covariance, rng)
    posterior = posterior_sampling.Posterior(
        latent_model, fisher.galaxy, fisher.index, observation, conditions
    )
    chains = posterior_sampling.sample(posterior, fisher, sn, n_walkers, n_steps, seed)
    middle = len(chains.quantities) // 2
    halves = [
        part.reshape(-1, len(QUANTITIES)).std(axis=0)
        for part in (chains.quantities[:middle], chains.quantities[middle:])
    ]
    return {
        "seed": seed,
        "n_steps": n_steps,
        "burst_fraction": fisher.burst_fraction,
        "truth": _list(observation.truth),
        "fisher": _list(fisher_matrix.linear_deviation(fisher, covariance)),
        "fisher_sampled": _list(sampled),
        "chains": {
            "median": _list(chains.middle()),
            "std": _list(chains.deviation()),
            "half_width": _list(chains.half_width()),
            "std_halves": [_list(half) for half in halves],
            "acceptance": chains.acceptance,
        },
    }


def ask_network(signatures, observations):
    """What an exported model says of the same observations.

    Parameters
    ----------
    signatures : dict of the callables ``serving_default`` and ``posterior``
    observations : list of posterior_sampling.Observation

    Returns
    -------
    results : list of dict ``median``, ``std`` and ``half_width``, lists by ``latent.QUANTITIES``
    """
    inputs = {
        name: np.array([getattr(one, name) for one in observations], dtype=np.float32)
        for name in ("flux", "flux_err", "band_flux", "band_flux_err")
    }
    answer = signatures["serving_default"](**inputs)
    samples = signatures["posterior"](**inputs)
    by_percentile = {
        p: np.stack([np.asarray(answer[f"{q}_{p}"]) for q in QUANTITIES], axis=-1)
        for p in ("p16", "p50", "p84")
    }
    std = np.stack([np.asarray(samples[q]).std(axis=-1) for q in QUANTITIES], axis=-1)
    half = 0.5 * (by_percentile["p84"] - by_percentile["p16"])
    return [
        {"median": _list(m), "std": _list(s), "half_width": _list(h)}
        for m, s, h in zip(by_percentile["p50"], std, half, strict=True)
    ]


def _list(values):
    return [round(float(value), 5) for value in values]
