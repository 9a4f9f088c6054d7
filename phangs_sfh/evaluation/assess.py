"""All metrics of one set of answers, as a dict that goes to metrics.json."""

import numpy as np

from phangs_sfh.evaluation import calibration, metrics
from phangs_sfh.evaluation.extras import Extra
from phangs_sfh.evaluation.mocks import joint_groups, scalar_columns, to_vector

SN_EDGES = (0, 10, 20, 50, 100, 200, np.inf)
SURPRISE_EDGES = (0, 0.5, 1, 1.5, 2, 3, np.inf)
FEWEST = 20
"""Groups of fewer objects have no meaningful scatter and are left out."""


def assess(answers, mocks, extra=None):
    """Metrics of one set of answers.

    Parameters
    ----------
    answers : answers.Answers
    mocks : mocks.Mocks
    extra : extras.Extra of the problem, optional

    Returns
    -------
    summary : dict, JSON-able
    """
    extra = extra or Extra()
    measured = {k: one.of(mocks.truth, answers.columns) for k, one in extra.measures.items()}
    bins = metrics.bin_errors(mocks.labels, mocks.truth, answers.columns, mocks.floored)
    return {
        "n": len(answers),
        "observing": answers.conditions.to_dict(),
        "galaxies_per_second": rate(len(answers), answers.seconds),
        "posterior_galaxies_per_second": rate(len(answers), answers.seconds_posterior),
        "scalars": scalar_errors(answers, mocks),
        "bins": {**bins, **extra.bins(answers, mocks)},
        **{name: metrics.percentiles(values) for name, values in measured.items()},
        **extra.assess(answers, mocks),
        "calibration": assess_calibration(answers, mocks, extra.sorted_by),
        "groups": by_group(answers, mocks, extra.groups(answers, mocks), measured),
        "surprise": assess_surprise(answers, mocks),
    }


def rate(n, seconds):
    return n / seconds if seconds > 0 else None


def scalar_errors(answers, mocks, rows=slice(None)):
    """Bias and scatter of the single numbers: dict of ``metrics.errors``."""
    return {
        name: metrics.errors((answers.columns[f"{name}_p50"] - mocks.truth[name])[rows])
        for name in (label.name for label in mocks.labels.scalars)
    }


def intervals(answers, labels):
    """16 and 84 % of every quantity as the model reports them, each (n, D)."""
    return [
        to_vector(labels, {name: answers.columns[f"{name}_{p}"] for name in labels.names})
        for p in ("p16", "p84")
    ]


def assess_calibration(answers, mocks, sorted_by=()):
    """Coverage, ranks, TARP and sharpness: dicts by quantity or group.

    Coverage at 68 % is that of the reported p16 to p84, at other levels that of the samples.
    """
    names = mocks.labels.quantities
    low, high = intervals(answers, mocks.labels)
    share = calibration.coverage(answers.probability)
    share[:, calibration.LEVELS.index(0.68)] = within(answers, mocks).mean(axis=0)
    sharp = calibration.sharpness(low, high, mocks.vector)
    return {
        "levels": list(calibration.LEVELS),
        "coverage": {name: share[i].tolist() for i, name in enumerate(names)},
        "sharpness": dict(zip(names, sharp.tolist(), strict=True)),
        "ranks": {
            name: calibration.uniformity(answers.probability[:, i]) for i, name in enumerate(names)
        },
        "tarp": {
            name: calibration.expected_coverage(answers.tarp[name])
            for name in joint_groups(mocks.labels)
        },
        "terciles": tercile_coverage(answers, mocks, sorted_by),
    }


def within(answers, mocks):
    """True where a truth lies between the reported p16 and p84, (n, D)."""
    low, high = intervals(answers, mocks.labels)
    return (mocks.vector >= low) & (mocks.vector <= high)


def tercile_coverage(answers, mocks, sorted_by=()):
    """Coverage at 68 % in the thirds of S/N and of some scalars.

    A posterior that is right covers 68 % in any group chosen by the data, so thirds are of the
    *estimated* value. In thirds of the true values even a perfect one does not (estimates of the
    highest values are too low, as every mean of a posterior is drawn to the prior): these are given
    beside, as ``true_...``.

    Parameters
    ----------
    sorted_by : names of scalars besides the first

    Returns
    -------
    summary : dict by ``sn``, names of scalars and ``true_`` names, with ``limits`` of the thirds
        and ``coverage_68``, by quantity three shares
    """
    inside = within(answers, mocks)
    seen = np.isfinite(answers.sn)
    names = [label.name for label in mocks.labels.scalars[:1]] + list(sorted_by)
    values = {"sn": answers.sn, **{name: answers.columns[f"{name}_p50"] for name in names}}
    values |= {f"true_{name}": mocks.truth[name] for name in names}
    summary = {}
    for name, sorted_values in values.items():
        rows = seen if name == "sn" else np.full(len(sorted_values), True)
        if rows.sum() < 3 * FEWEST:
            continue
        index, limits = metrics.terciles(sorted_values[rows])
        if np.bincount(index, minlength=3).min() < FEWEST:  # all answers alike
            continue
        thirds = [inside[rows][index == third].mean(axis=0) for third in range(3)]
        shares = np.stack(thirds, axis=-1).tolist()
        summary[name] = {
            "limits": limits,
            "coverage_68": dict(zip(mocks.labels.quantities, shares, strict=True)),
        }
    return summary


def by_group(answers, mocks, more=None, measured=None):
    """Errors and coverage of the scalars by kind of object and of observation.

    Parameters
    ----------
    more : dict of lists of (text, rows), further groups, optional
    measured : dict of (n,) arrays, of which each group's median is given, optional

    Returns
    -------
    groups : dict of lists of dicts ``label``, ``n``, ``scalars``, ``coverage_68`` (of the scalars)
        and medians of ``measured``
    """
    n_bands = answers.band_present.shape[1]
    bands = [f"{count} bands" for count in range(n_bands + 1)]
    groups = {
        "sn": binned(answers.sn, SN_EDGES, "S/N"),
        **(more or {}),
        "bands": named(answers.band_present.sum(axis=1), bands),
        "data": named(_data_kind(answers), ["spectrum and bands", "spectrum only", "bands only"]),
    }
    inside = within(answers, mocks)
    summary = {}
    for name, found in groups.items():
        summary[name] = [
            _group(text, rows, answers, mocks, inside)
            | {key: float(np.median(values[rows])) for key, values in (measured or {}).items()}
            for text, rows in found
            if rows.sum() >= FEWEST
        ]
    return {name: entries for name, entries in summary.items() if len(entries) > 1}


def _group(text, rows, answers, mocks, inside):
    covered = inside[rows][:, scalar_columns(mocks.labels)].mean(axis=0)
    names = [label.name for label in mocks.labels.scalars]
    return {
        "label": text,
        "n": int(rows.sum()),
        "scalars": scalar_errors(answers, mocks, rows),
        "coverage_68": dict(zip(names, covered.tolist(), strict=True)),
    }


def binned(values, edges, name):
    """Groups of values between edges: list of (text, rows)."""
    return [
        (
            f"{name} {low:g}-{high:g}" if np.isfinite(high) else f"{name} over {low:g}",
            (values >= low) & (values < high),
        )
        for low, high in zip(edges[:-1], edges[1:], strict=True)
    ]


def named(index, names):
    """Groups of numbers 0, 1, ... with their names; none if ``index`` is None."""
    return [] if index is None else [(name, index == i) for i, name in enumerate(names)]


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
        entry = _group("", rows, answers, mocks, inside)
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
