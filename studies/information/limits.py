"""The information limit of a prior: many galaxies, several S/N, and what would change it."""

from dataclasses import replace

import numpy as np

from phangs_sfh.evaluation import metrics
from studies.information import fisher_matrix
from studies.information.latent import QUANTITIES, LatentModel, draw_latent

SN = (30, 50, 100)
MARK_SN = (30.0, 150.0)
REFERENCE_SN = 50
NUISANCES = ("calibration", "aperture", "zero_point", "velocity", "kinematics", "gas.")
SLOPES = ("dust.slope", "dust.slope_young")
HISTORY = ("star_formation.onset",)

SCENARIOS = {
    "as observed": {},
    "no bands": {"bands": False},
    "emission-line windows masked": {"masked": True},
    "no flux-calibration error": {"known": ("calibration",)},
    "no zero-point and aperture errors": {"known": ("zero_point", "aperture")},
    "none of these three": {"known": ("calibration", "zero_point", "aperture")},
    "gas known": {"known": ("gas.",)},
    "velocities known": {"known": ("velocity", "kinematics")},
    "dust slopes known": {"known": SLOPES},
    "dust known": {"known": ("dust.",)},
    "no scatter about the enrichment": {"known": ("scatter",)},
    "age of the first star known": {"known": HISTORY},
    "bursts known": {"known": ("burst_",)},
    "dust slopes, gas, velocities, calibration known": {"known": (*NUISANCES, *SLOPES)},
    "all that and no enrichment scatter": {"known": (*NUISANCES, *SLOPES, "scatter")},
    "all that and the first star": {"known": (*NUISANCES, *SLOPES, "scatter", *HISTORY)},
    "all but stars known": {"known": (*NUISANCES, "dust.", "scatter")},
    "S/N 300": {"sn": 300},
    "S/N 1000": {"sn": 1000},
}
"""Changes of the reference, S/N 50 with all bands; arguments of ``Information.covariance``."""

BURST_LIMITS = (0.01, 0.1)


def fisher_matrices(forward, prior, conditions, n, seed, progress=None):
    """Fisher matrices of ``n`` galaxies of a prior.

    Parameters
    ----------
    forward : galaxy.forward_model.ForwardModel
    prior : dict from ``priors.load_prior``
    conditions : observing.ObservingConditions
    n, seed : int
    progress : callable given 1 after each galaxy

    Returns
    -------
    latent_model : latent.LatentModel
    matrices : list of information.Information
    """
    rng = np.random.default_rng(seed)
    latent_model = LatentModel(forward, prior)
    matrices = []
    for galaxy in draw_latent(prior, rng, n):
        night = fisher_matrix.draw_night(conditions, rng)
        matrices.append(fisher_matrix.measure(latent_model, galaxy, conditions, night))
        if progress is not None:
            progress(1)
    return latent_model, matrices


def deviations(matrices, sn, **settings):
    """Standard deviations by gradients, (n, 6); ``sn`` a number or one a galaxy."""
    every = np.broadcast_to(sn, len(matrices))
    return np.array(
        [
            fisher_matrix.linear_deviation(one, one.covariance(own, **settings))
            for one, own in zip(matrices, every, strict=True)
        ]
    )


def limits(latent_model, matrices, seed=0):
    """All numbers of one prior.

    No galaxy counts as less known than the prior's standard deviation: where an answer hangs on
    the data through a curve, its gradient may promise more than the whole prior.

    Returns
    -------
    summary : dict, JSON-able
        ``sn`` by S/N (and ``30-150``, log-uniform); at S/N 50 ``uncapped``, ``sampled`` (without
        gradients), ``scenarios`` and ``bursts_below``, each by quantity a dict of
        ``fisher_matrix.scatter``; ``prior``: standard deviations without any data
    """
    rng = np.random.default_rng(seed)
    mixed = np.exp(rng.uniform(*np.log(MARK_SN), len(matrices)))
    by_sn = {str(sn): deviations(matrices, sn) for sn in SN}
    by_sn["30-150"] = deviations(matrices, mixed)
    reference = by_sn[str(REFERENCE_SN)]
    sampled = np.array(
        [
            fisher_matrix.sampled_deviation(latent_model, one, one.covariance(REFERENCE_SN), rng)
            for one in matrices
        ]
    )
    burst = np.array([one.burst_fraction for one in matrices])
    prior_width = np.array([one.truth for one in matrices]).std(axis=0)

    def summary(values):
        return _summary(np.minimum(values, prior_width))

    scenarios = {
        name: summary(deviations(matrices, **({"sn": REFERENCE_SN} | settings)))
        for name, settings in SCENARIOS.items()
    }
    return {
        "n": len(matrices),
        "prior": dict(zip(QUANTITIES, prior_width.tolist(), strict=True)),
        "sn": {name: summary(values) for name, values in by_sn.items()},
        "uncapped": _summary(reference),
        "sampled": summary(sampled),
        "scenarios": scenarios,
        "bursts_below": {
            str(limit): summary(reference[burst < limit]) | {"n": int(np.sum(burst < limit))}
            for limit in BURST_LIMITS
        },
    }


def _summary(values):
    return {name: fisher_matrix.scatter(values[:, k]) for k, name in enumerate(QUANTITIES)}


def network_scatter(signatures, forward, prior, conditions, n, seed):
    """Errors of an exported model on galaxies of a prior.

    Parameters
    ----------
    signatures : dict with the callable ``serving_default``
    forward : galaxy.forward_model.ForwardModel
    prior : dict
    conditions : observing.ObservingConditions; its S/N is replaced
    n, seed : int

    Returns
    -------
    summary : dict by S/N, as of ``limits``, by quantity of ``metrics.errors``
    """
    from phangs_sfh.library import observing
    from phangs_sfh.problems.histories import simulator

    rng = np.random.default_rng(seed)
    chunks = list(simulator.galaxies(forward, prior, rng, n))
    choices = {str(sn): (float(sn), float(sn)) for sn in SN} | {"30-150": MARK_SN}
    summary = {}
    for name, limit in choices.items():
        errors = []
        for number, chunk in enumerate(chunks):
            inputs = observing.observe(
                {kind: chunk[kind].astype(np.float32) for kind in ("spectrum", "bands")},
                forward.instrument,
                replace(conditions, sn=limit),
                (seed, number),
            )
            answer = signatures["serving_default"](**inputs)
            errors.append(
                {q: np.asarray(answer[f"{q}_p50"]) - np.asarray(chunk[q]) for q in QUANTITIES}
            )
        summary[name] = {
            q: metrics.errors(np.concatenate([part[q] for part in errors])) for q in QUANTITIES
        }
    return summary
