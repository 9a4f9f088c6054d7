"""All metrics of one set of answers, as a dict that goes to metrics.json."""

import numpy as np

from phangs_sfh.evaluation import calibration, metrics
from phangs_sfh.evaluation.mocks import GROUPS, QUANTITIES, SCALARS
from phangs_sfh.galaxy import ages
from phangs_sfh.problems.histories.priors import FAMILIES, GAS_STATES

SN_EDGES = (0, 10, 20, 50, 100, 200, np.inf)
AGE_EDGES = (0, 8.5, 9.0, 9.5, 9.8, 10.2)
AV_EDGES = (0, 0.1, 0.3, 0.6, 1.2, np.inf)
SURPRISE_EDGES = (0, 0.5, 1, 1.5, 2, 3, np.inf)
FEWEST = 20
"""Groups of fewer galaxies have no meaningful scatter and are left out."""


def assess(answers, mocks):
    """Metrics of one set of answers.

    Parameters
    ----------
    answers : answers.Answers
    mocks : mocks.Mocks

    Returns
    -------
    summary : dict, JSON-able
    """
    true_young = metrics.young_fraction(mocks.truth["sfh"])
    distance = metrics.total_variation(mocks.truth["sfh"], answers.columns["sfh_p50"])
    return {
        "n": len(answers),
        "observing": answers.conditions.to_dict(),
        "galaxies_per_second": rate(len(answers), answers.seconds),
        "posterior_galaxies_per_second": rate(len(answers), answers.seconds_posterior),
        "scalars": scalar_errors(answers, mocks),
        "bins": metrics.bin_errors(mocks.truth, answers.columns, mocks.floored),
        "total_variation": _percentiles(distance),
        "young": metrics.young_stars(true_young, answers.young[:, 1]),
        "calibration": assess_calibration(answers, mocks),
        "groups": by_group(answers, mocks),
        "surprise": assess_surprise(answers, mocks),
    }


def rate(n, seconds):
    return n / seconds if seconds > 0 else None


def scalar_errors(answers, mocks, rows=slice(None)):
    """Bias and scatter of the six scalars: dict of ``metrics.errors``."""
    return {
        name: metrics.errors((answers.columns[f"{name}_p50"] - mocks.truth[name])[rows])
        for name in SCALARS
    }


def _percentiles(values):
    low, middle, high = np.percentile(values, [16, 50, 84]).tolist()
    return {"mean": float(np.mean(values)), "p16": low, "p50": middle, "p84": high}


def intervals(answers):
    """16 and 84 % of every quantity as the model reports them, each (n, 38)."""
    return [
        np.concatenate(
            [
                np.stack([answers.columns[f"{name}_{p}"] for name in SCALARS], axis=-1),
                metrics.log_fraction(answers.columns[f"sfh_{p}"]),
                answers.columns[f"mh_{p}"],
            ],
            axis=-1,
        )
        for p in ("p16", "p84")
    ]


def assess_calibration(answers, mocks):
    """Coverage, ranks, TARP and sharpness: dicts by quantity or group.

    Coverage at 68 % is that of the reported p16 to p84, at other levels that of the samples.
    """
    low, high = intervals(answers)
    share = calibration.coverage(answers.probability)
    share[:, calibration.LEVELS.index(0.68)] = within(answers, mocks).mean(axis=0)
    sharp = calibration.sharpness(low, high, mocks.vector)
    by_tercile = tercile_coverage(answers, mocks)
    return {
        "levels": list(calibration.LEVELS),
        "coverage": {name: share[i].tolist() for i, name in enumerate(QUANTITIES)},
        "sharpness": dict(zip(QUANTITIES, sharp.tolist(), strict=True)),
        "ranks": {
            name: calibration.uniformity(answers.probability[:, i])
            for i, name in enumerate(QUANTITIES)
        },
        "tarp": {name: calibration.expected_coverage(answers.tarp[name]) for name in GROUPS},
        "terciles": by_tercile,
    }


def within(answers, mocks):
    """True where a truth lies between the reported p16 and p84, (n, 38)."""
    low, high = intervals(answers)
    return (mocks.vector >= low) & (mocks.vector <= high)


def tercile_coverage(answers, mocks):
    """Coverage at 68 % in the thirds of S/N, age and dust.

    A posterior that is right covers 68 % in any group chosen by the data, so thirds are of the
    *estimated* age and A_V. In thirds of the true values even a perfect one does not (estimates of
    the oldest galaxies are too young, as every mean of a posterior is drawn to the prior): these
    are given beside, as ``true_...``.

    Returns
    -------
    summary : dict by ``sn``, ``mw_logage``, ``av``, ``true_mw_logage`` and ``true_av`` with
        ``limits`` of the thirds and ``coverage_68``, by quantity three shares
    """
    inside = within(answers, mocks)
    seen = np.isfinite(answers.sn)
    two = ("mw_logage", "av")
    sorted_by = {"sn": answers.sn, **{name: answers.columns[f"{name}_p50"] for name in two}}
    sorted_by |= {f"true_{name}": mocks.truth[name] for name in two}
    summary = {}
    for name, values in sorted_by.items():
        rows = seen if name == "sn" else np.full(len(values), True)
        if rows.sum() < 3 * FEWEST:
            continue
        index, limits = metrics.terciles(values[rows])
        if np.bincount(index, minlength=3).min() < FEWEST:  # all answers alike
            continue
        thirds = [inside[rows][index == third].mean(axis=0) for third in range(3)]
        shares = np.stack(thirds, axis=-1).tolist()
        summary[name] = {
            "limits": limits,
            "coverage_68": dict(zip(QUANTITIES, shares, strict=True)),
        }
    return summary


def by_group(answers, mocks):
    """Errors of the scalars, coverage and total variation by kind of galaxy and of observation.

    Returns
    -------
    groups : dict of lists of dicts ``label``, ``n``, ``scalars``, ``coverage_68`` (of the scalars)
        and ``total_variation`` (median)
    """
    labels = {
        "sn": _binned(answers.sn, SN_EDGES, "S/N"),
        "family": _named(mocks.nuisance.get("family"), [f.replace("_", " ") for f in FAMILIES]),
        "gas": _named(mocks.nuisance.get("gas_state"), [f"gas {name}" for name in GAS_STATES]),
        "age": _binned(mocks.truth["mw_logage"], AGE_EDGES, "true log age"),
        "av": _binned(mocks.truth["av"], AV_EDGES, "true A_V"),
        "bands": _named(answers.band_present.sum(axis=1), [f"{k} bands" for k in range(6)]),
        "data": _named(_data_kind(answers), ["spectrum and bands", "spectrum only", "bands only"]),
    }
    distance = metrics.total_variation(mocks.truth["sfh"], answers.columns["sfh_p50"])
    inside = within(answers, mocks)
    groups = {}
    for name, label in labels.items():
        found = [(text, rows) for text, rows in label if rows.sum() >= FEWEST]
        groups[name] = [
            _group(text, rows, answers, mocks, inside, distance) for text, rows in found
        ]
    return {name: entries for name, entries in groups.items() if len(entries) > 1}


def _group(text, rows, answers, mocks, inside, distance):
    covered = inside[rows, : len(SCALARS)].mean(axis=0)
    return {
        "label": text,
        "n": int(rows.sum()),
        "scalars": scalar_errors(answers, mocks, rows),
        "coverage_68": dict(zip(SCALARS, covered.tolist(), strict=True)),
        "total_variation": float(np.median(distance[rows])),
    }


def _binned(values, edges, name):
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        text = f"{name} {low:g}-{high:g}" if np.isfinite(high) else f"{name} over {low:g}"
        yield text, (values >= low) & (values < high)


def _named(index, names):
    for number, name in enumerate(names if index is not None else []):
        yield name, index == number


def _data_kind(answers):
    """0 both, 1 spectrum only, 2 bands only."""
    return np.where(np.isnan(answers.sn), 2, np.where(answers.band_present.any(axis=1), 0, 1))


def assess_surprise(answers, mocks):
    """Is a surprising input's answer worse? Normalised errors and coverage against surprise.

    Returns
    -------
    summary : dict with ``p50``, ``p99`` of surprise, ``high`` (share at 3 or above) and ``bins``, a
        list of dicts ``low``, ``high``, ``n``, ``mad_std`` and ``coverage_68`` by scalar
    """
    value = answers.columns["surprise"]
    bins, inside = [], within(answers, mocks)
    for low, high in zip(SURPRISE_EDGES[:-1], SURPRISE_EDGES[1:], strict=True):
        rows = (value >= low) & (value < high)
        if rows.sum() < FEWEST:
            continue
        entry = _group("", rows, answers, mocks, inside, np.zeros(len(rows)))
        bins.append(
            {
                "low": low,
                "high": high if np.isfinite(high) else None,
                "n": entry["n"],
                "mad_std": {k: v["mad_std"] for k, v in entry["scalars"].items()},
                "coverage_68": entry["coverage_68"],
            }
        )
    p50, p99 = np.percentile(value, [50, 99]).tolist()
    return {"p50": p50, "p99": p99, "high": float(np.mean(value >= 3.0)), "bins": bins}


def bin_values(summary, key, number):
    """One number of every age bin, e.g. ``bin_values(bins, "log_sfh", "mad_std")``: (16,) array."""
    values = [entry[number] for entry in summary[key]]
    assert len(values) == ages.N_BINS
    return np.array([np.nan if v is None else v for v in values])
