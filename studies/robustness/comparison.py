"""Answers on galaxies made of stellar libraries that the network never saw.

A control of BC03, cut to the same ages and bands, tells what the other library does from what
fewer bands do. pPXF fits some of the same spectra with BC03 templates.
"""

from dataclasses import replace

import numpy as np

from phangs_sfh.evaluation import metrics
from phangs_sfh.evaluation.report.markdown import number, percent, table
from phangs_sfh.observations.flags import Flag
from phangs_sfh.peers.benchmark import ppxf_fits
from phangs_sfh.peers.ppxf import SCALARS
from phangs_sfh.ssp import bc03
from studies.robustness import foreign_ssps, mocks

CONTROL = "bc03"
CHOSEN_ON = "miuscat"
"""The library on which the size of the prior's library errors is chosen, not tested."""
OLD = " old"
"""Ending of a name: the library cut to the ages of the control."""
NAMES = (CHOSEN_ON, "m11", "bpass", "mastar" + OLD, "mastar")
CONTROL_WAVE = (3600.0, 10400.0)
CONTROL_AGE = (63.0e6, 14e9)
BATCH = 256


def grids(folder, names=NAMES):
    """The control and each library as (name, SSPGrid) pairs."""
    control = bc03.load()
    coverage = {"covered_wave": list(CONTROL_WAVE), "covered_age": list(CONTROL_AGE)}
    yield CONTROL, replace(control, provenance=control.provenance | coverage | {"engine": CONTROL})
    for name in names:
        grid = foreign_ssps.load_foreign(name.removesuffix(OLD), folder)
        if name.endswith(OLD):
            youngest, oldest = grid.provenance["covered_age"]
            covered = {"covered_age": [max(youngest, CONTROL_AGE[0]), oldest]}
            grid = replace(grid, provenance=grid.provenance | covered)
        yield name, grid


def ask(model, spectra):
    """Columns of the result table for all spectra, dict of arrays."""
    parts = []
    for start in range(0, len(spectra), BATCH):
        rows = {name: values[start : start + BATCH] for name, values in spectra.inputs.items()}
        parts.append(model.answer(**rows))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def compare(model, grid, n, n_ppxf, folder, seed=0, workers=1, progress=None):
    """One library.

    Parameters
    ----------
    model : prediction.model.Model
    grid : SSPGrid that the mocks are made of
    n, n_ppxf : int, mocks, and how many of them pPXF fits too
    folder : path, where pPXF's answers are kept

    Returns
    -------
    found : dict with ``errors`` and ``coverage`` of our model and ``ppxf`` by scalar (``ours_same``
        are ours on pPXF's spectra), and arrays ``error`` and ``inside`` (n, 4), ``surprise`` (n,)
    """
    masked = model.masks_emission_lines
    spectra = mocks.mocks(grid, model.instrument, n, seed, masks_lines=masked)
    columns = ask(model, spectra)
    truth = spectra.truth
    error = np.stack([columns[f"{name}_p50"] - truth[name] for name in SCALARS], axis=1)
    inside = [
        (truth[name] >= columns[f"{name}_p16"]) & (truth[name] <= columns[f"{name}_p84"])
        for name in SCALARS
    ]
    found = {
        "n": n,
        "errors": {name: metrics.errors(error[:, i]) for i, name in enumerate(SCALARS)},
        "coverage": {name: float(np.mean(inside[i])) for i, name in enumerate(SCALARS)},
        "error": error,
        "inside": np.stack(inside, axis=1),
        "surprise": columns["surprise"],
        "flagged": (columns["flag"] & int(Flag.HIGH_SURPRISE)) > 0,
    }
    if n_ppxf:
        some = replace(
            spectra,
            inputs={name: values[:n_ppxf] for name, values in spectra.inputs.items()},
            truth={name: values[:n_ppxf] for name, values in truth.items()},
        )
        fits = ppxf_fits.fit_all(folder, some, 0, 0, workers, progress)
        found["ppxf"] = {name: metrics.errors(fits[name] - some.truth[name]) for name in SCALARS}
        found["ours_same"] = {
            name: metrics.errors(error[:n_ppxf, i]) for i, name in enumerate(SCALARS)
        }
    return found


def offsets_table(found):
    """Bias and scatter by library, ours and pPXF's."""
    header = ["library", "code", "n", "age, mass", "age, light", "[M/H], mass", "[M/H], light"]
    rows = []
    for name, one in found.items():
        sets = [("ours", one["errors"]), ("ours, same spectra", one.get("ours_same"))]
        sets.append(("pPXF", one.get("ppxf")))
        for code, errors in sets:
            if errors is not None:
                cells = [_cell(errors[scalar]) for scalar in SCALARS]
                rows.append([name, code, errors[SCALARS[0]]["n"], *cells])
    return table(header, rows)


def _cell(e):
    return f"{number(e['bias_median'], 2, sign=True)}, {number(e['std'], 2)}, " + number(
        e["mad_std"], 2
    )


def coverage_table(found):
    """Share of truths in our 68 % intervals, median surprise and share flagged, by library."""
    header = ["library", "age, mass", "age, light", "[M/H], mass", "[M/H], light"]
    header += ["surprise, median", "flagged [%]"]
    rows = [
        [
            name,
            *(percent(one["coverage"][scalar], 0) for scalar in SCALARS),
            number(float(np.median(one["surprise"])), 2),
            percent(float(one["flagged"].mean()), 0),
        ]
        for name, one in found.items()
    ]
    return table(header, rows)


def surprise_table(found):
    """Errors and coverage in thirds of surprise, all tested libraries together."""
    foreign = [one for name, one in found.items() if name not in (CONTROL, CHOSEN_ON)]
    surprise = np.concatenate([one["surprise"] for one in foreign])
    error = np.concatenate([one["error"] for one in foreign])
    inside = np.concatenate([one["inside"] for one in foreign])
    third, limits = metrics.terciles(surprise)
    titles = [f"under {limits[0]:.2f}", "between", f"over {limits[1]:.2f}"]
    header = ["surprise", "n", "age, mass", "age, light", "[M/H], mass", "[M/H], light"]
    rows = []
    for number_, title in enumerate(titles):
        rows_in = third == number_
        rms = np.sqrt(np.mean(error[rows_in] ** 2, axis=0))
        held = inside[rows_in].mean(axis=0)
        cells = [f"{e:.2f}, {percent(share, 0)}" for e, share in zip(rms, held, strict=True)]
        rows.append([title, int(rows_in.sum()), *cells])
    return table(header, rows)
