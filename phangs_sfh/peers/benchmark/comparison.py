"""This model and full spectral fitting on the same spectra, on the same machine, in one run.

Times are of the processor with one thread, so that other work on the machine changes little.
"""

import platform
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from phangs_sfh.evaluation import metrics
from phangs_sfh.evaluation.histories.history import total_variation
from phangs_sfh.peers.benchmark import bagpipes_fits, ppxf_fits, sample, served_model
from phangs_sfh.peers.ppxf import SCALARS
from phangs_sfh.version import __version__

SCHEMA_VERSION = 1
OURS, PPXF, BOOTSTRAPPED, BAGPIPES = "phangs-sfh", "pPXF", "pPXF, bootstrapped", "bagpipes"
INTERVALS = {"68": ("p16", "p84"), "95": ("p025", "p975")}


def run(output, model, spectra, bootstrapped, bootstraps, workers=1, progress=None, bagpipes=0):
    """Ask every code about every spectrum.

    Parameters
    ----------
    output : path, where the peers' answers are kept
    model : prediction.model.Model
    spectra : sample.Spectra
    bootstrapped, bootstraps : int, spectra that pPXF resamples, and how often
    workers : int, processes for the peers, each on one core
    progress : callable given the number of the peers' fits done
    bagpipes : int, spectra that bagpipes fits

    Returns
    -------
    summary : dict, for benchmark.json
    answers : dict by code of dicts of arrays, medians or best fits of ``SCALARS``

    Raises
    ------
    InputError
        If a code cannot be run.
    """
    columns, cost = served_model.ask(model.path, spectra)
    fits = ppxf_fits.fit_all(output, spectra, bootstrapped, bootstraps, workers, progress)
    ours = {name: columns[f"{name}_p50"] for name in (*SCALARS, "sfh")}
    answers = {OURS: ours, PPXF: {name: fits[name] for name in (*SCALARS, "sfh")}}
    codes = {
        OURS: _accuracy(ours, spectra.truth) | {"coverage": _coverage_of(columns, spectra.truth)},
        PPXF: _accuracy(answers[PPXF], spectra.truth) | _cost(fits),
    }
    if fits["bootstraps"]:
        codes[BOOTSTRAPPED], answers[BOOTSTRAPPED] = _bootstrapped(fits, spectra)
    if bagpipes:
        found = bagpipes_fits.fit_all(output, spectra, bagpipes, workers, progress)
        codes[BAGPIPES], answers[BAGPIPES] = _sampled(found, spectra)
    # A shared machine's speed drifts while the peers run, so ours is timed before and after them.
    cost = _mean_cost(cost, served_model.ask(model.path, spectra)[1])
    codes[OURS] |= {"cost": cost, "seconds": cost["seconds"], "megabytes": cost["megabytes"]}
    summary = _circumstances(model, spectra) | {
        "ppxf": ppxf_fits.settings(),
        "bagpipes": bagpipes_fits.settings() if bagpipes else None,
        "codes": codes,
        "ratios": _ratios(codes, answers, spectra.truth),
    }
    return summary, answers


def _circumstances(model, spectra):
    return {
        "schema_version": SCHEMA_VERSION,
        "made": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "version": __version__,
        "model": {"name": model.info["name"], "version": model.info["version"]},
        "machine": machine(),
        "spectra": {"n": len(spectra), "source": spectra.source, "sn": spectra_sn()},
    }


def spectra_sn():
    """S/N per pixel of the benchmark's spectra."""
    return sample.SIGNAL_TO_NOISE


def machine():
    """Name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
        return f"one core of {names[0]}"
    except (OSError, IndexError):
        return f"one core, {platform.machine()}"


def _accuracy(answer, truth):
    rows = slice(0, len(answer["sfh"]))
    distance = total_variation(truth["sfh"][rows], np.asarray(answer["sfh"], float))
    return {
        "n": len(answer["sfh"]),
        "errors": {name: metrics.errors(answer[name] - truth[name][rows]) for name in SCALARS},
        "total_variation": float(np.nanmean(distance)),
    }


def _coverage_of(columns, truth):
    limits = {name: {q: columns[f"{name}_{q}"] for q in _quantiles()} for name in SCALARS}
    return coverage(limits, truth)


def _quantiles():
    return [q for pair in INTERVALS.values() for q in pair]


def coverage(limits, truth):
    """Share of truths in the intervals, of spectra that have an answer.

    Parameters
    ----------
    limits : dict by scalar of dicts by quantile (``p025``, ``p16``, ``p84``, ``p975``) of (n,)
        arrays
    truth : dict by scalar of arrays, the first n of which are compared

    Returns
    -------
    shares : dict by scalar of dicts by interval (``68``, ``95``)
    """
    shares = {}
    for name, found in limits.items():
        known = np.isfinite(found["p16"])
        true = truth[name][: len(known)][known]
        shares[name] = {
            level: float(np.mean((true >= found[low][known]) & (true <= found[high][known])))
            for level, (low, high) in INTERVALS.items()
        }
    return shares


def _mean_cost(first, second):
    return {
        key: 0.5 * (value + second[key]) if isinstance(value, float) else value
        for key, value in first.items()
    }


def _cost(fits):
    return {
        "seconds": float(np.nanmean(fits["seconds"])),
        "seconds_median": float(np.nanmedian(fits["seconds"])),
        "megabytes": _known_median(fits["megabytes"]),
        "failed": int(fits["failed"].sum()),
    }


def _known_median(values):
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _bootstrapped(fits, spectra):
    """The median of the bootstraps as answer, their percentiles as intervals."""
    draws = fits["bootstraps"]
    percent = {"p025": 2.5, "p16": 16, "p84": 84, "p975": 97.5}
    stacked = {name: np.array([one[name] for one in draws]) for name in (*SCALARS, "sfh")}
    answer = {name: np.nanmedian(values, axis=1) for name, values in stacked.items()}
    limits = {
        name: {key: np.nanpercentile(stacked[name], q, axis=1) for key, q in percent.items()}
        for name in SCALARS
    }
    single = fits["seconds"][: len(draws)]
    seconds = np.array([one["seconds"] for one in draws]) + single
    summary = _accuracy(answer, spectra.truth) | {"coverage": coverage(limits, spectra.truth)}
    summary |= {
        "bootstraps": len(draws[0][SCALARS[0]]),
        "seconds": float(np.nanmean(seconds)),
        "megabytes": _known_median(fits["megabytes"]),
    }
    return summary, answer


def _sampled(found, spectra):
    """bagpipes' medians as answer, its posterior's percentiles as intervals."""
    answer = {name: found[f"{name}_p50"] for name in (*SCALARS, "sfh")}
    summary = _accuracy(answer, spectra.truth) | _cost(found)
    return summary | {"coverage": _coverage_of(found, spectra.truth)}, answer


def _ratios(codes, answers, truth):
    """Ours over each peer's, on the spectra both were given."""
    ratios = {}
    for peer in codes:
        if peer == OURS:
            continue
        n = codes[peer]["n"]
        same = _accuracy({k: v[:n] for k, v in answers[OURS].items()}, truth)
        theirs = codes[peer]["errors"]
        mine = same["errors"]
        ratios[peer] = {
            "n": n,
            "std": {k: _ratio(mine[k]["std"], theirs[k]["std"]) for k in SCALARS},
            "mad_std": {k: _ratio(mine[k]["mad_std"], theirs[k]["mad_std"]) for k in SCALARS},
            "total_variation": _ratio(same["total_variation"], codes[peer]["total_variation"]),
            "speed": codes[peer]["seconds"] / codes[OURS]["seconds"],
        }
    return ratios


def _ratio(ours, theirs):
    """None where the peer makes no error, in no real case, or has no answer."""
    return ours / theirs if theirs and theirs > 1e-6 else None
