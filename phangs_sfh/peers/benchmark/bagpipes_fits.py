"""bagpipes on the benchmark's first spectra, one core a process, every answer kept on disk.

A fit takes minutes: each runs in a process of its own (``peers.bagpipes``), which writes its
posterior samples to a file of its own when it is done, and is found again if the same spectrum is
asked for with the same settings. A stopped benchmark loses the fits under way and nothing else.
"""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.galaxy import ages
from phangs_sfh.observations.rest_frame import INPUTS
from phangs_sfh.peers import bagpipes
from phangs_sfh.peers.bagpipes import require_bagpipes
from phangs_sfh.peers.one_core import ONE_THREAD
from phangs_sfh.peers.ppxf import PERCENTILES, SCALARS

FOLDER = "bagpipes"
Z_SUN = 0.02  # bagpipes' metallicities are in units of it
HISTORY = "continuity"  # prefix of bagpipes' parameters of the stars


def fit_all(folder, spectra, n, workers=1, progress=None):
    """Fit the first ``n`` spectra.

    Parameters
    ----------
    folder : path, that of the benchmark; answers go to ``bagpipes/`` in it
    spectra : sample.Spectra
    n : int
    workers : int, processes, with one thread each
    progress : callable given the number of fits done

    Returns
    -------
    answers : dict of arrays with a row a spectrum
        the four ``peers.ppxf.SCALARS`` and ``sfh`` (n, 16), each with ``_p025``, ``_p16``,
        ``_p50``, ``_p84`` and ``_p975``; ``av``, ``sigma``, ``noise`` (medians), ``seconds``,
        ``megabytes`` (peak of the process), ``failed`` (bool; NaN elsewhere)

    Raises
    ------
    InputError
        If bagpipes is not installed or its process is ended.
    """
    require_bagpipes()
    folder = Path(folder).resolve() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    n = min(n, len(spectra))
    paths = [folder / f"{index:05d}.npz" for index in range(n)]
    todo = [i for i in range(n) if _read(paths[i], spectra.fingerprint(i)) is None]
    if progress and len(todo) < n:
        progress(n - len(todo))
    for _ in _in_processes(todo, paths, spectra, workers):
        progress and progress(1)
    stored = [_read(paths[index], spectra.fingerprint(index)) for index in range(n)]
    return merged(stored, spectra.instrument)


def _in_processes(todo, paths, spectra, workers):
    """Yields the index of each spectrum when its answer is on disk."""
    pool = ThreadPoolExecutor(workers)  # of threads that wait for processes
    try:
        runs = {pool.submit(_fit, paths[index], spectra, index): index for index in todo}
        for run in as_completed(runs):
            run.result()
            yield runs[run]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _fit(path, spectra, index):
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "given.npz"
        np.savez(
            given,
            **dict(zip(INPUTS, spectra.row(index), strict=True)),
            instrument=json.dumps(spectra.instrument.to_dict()),
            fingerprint=spectra.fingerprint(index),
            settings=settings(),
            live_points=bagpipes.LIVE_POINTS,
        )
        command = [sys.executable, "-m", bagpipes.__name__, str(given), str(path)]
        run = _run(command)
    if run.returncode:
        reason = (run.stderr.strip().splitlines() or ["no message"])[-1][:200]
        raise InputError(
            f"bagpipes' process for spectrum {index} ended with code {run.returncode} ({reason}); "
            "run again, finished answers are kept"
        )


def _run(command):
    environment = os.environ | ONE_THREAD | {"MKL_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _read(path, fingerprint):
    """An answer kept earlier; None if there is none, or of something else."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            answer = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError):
        return None
    same = str(answer["fingerprint"]) == fingerprint and str(answer["settings"]) == settings()
    return answer if same else None


def settings():
    """What else decides bagpipes' answers, as text."""
    from importlib.metadata import version

    p = bagpipes
    return (
        f"bagpipes {version('bagpipes')}, nautilus {version('nautilus-sampler')}, continuity in "
        f"{len(p.EDGES_MYR)} bins, CF00 dust, lines masked, {p.LIVE_POINTS} live points, "
        f"model R {p.MODEL_R:g}, {p.REBIN} pixels added, calibration order {p.CALIBRATION_ORDER}, "
        f"band floor {p.BAND_FLOOR:g}"
    )


def merged(stored, instrument):
    """Answers of posterior samples as read from files; see ``fit_all``."""
    from phangs_sfh.galaxy.forward_model import ForwardModel
    from phangs_sfh.ssp.engines import load_ssp

    forward = ForwardModel(load_ssp(), instrument)
    rows = [_nothing() if str(one["failed"]) else _answer(one, forward) for one in stored]
    answers = {name: np.array([row[name] for row in rows]) for name in _nothing()}
    answers["failed"] = np.array([str(one["failed"]) != "" for one in stored])
    return answers


def _nothing():
    empty = dict.fromkeys(("av", "sigma", "noise", "seconds", "megabytes"), np.nan)
    for name in (*SCALARS, "sfh"):
        value = np.full(ages.N_BINS, np.nan) if name == "sfh" else np.nan
        empty |= {f"{name}_{key}": value for key in PERCENTILES}
    return empty


def _answer(stored, forward):
    draws = populations(stored, forward)
    answer = {
        f"{name}_{key}": np.percentile(draws[name], q, axis=0)
        for name in (*SCALARS, "sfh")
        for key, q in PERCENTILES.items()
    }
    for name, parameter in (("av", "dust:Av"), ("sigma", "veldisp"), ("noise", "noise:scaling")):
        answer[name] = np.median(_column(stored, parameter))
    return answer | {name: float(stored[name]) for name in ("seconds", "megabytes")}


def populations(stored, forward):
    """Ages, metallicities and histories of posterior samples, by this package's definitions.

    Parameters
    ----------
    stored : dict with ``samples``, ``parameters`` and ``edges_myr`` as from ``peers.bagpipes.fit``
    forward : galaxy.forward_model.ForwardModel, whose SSPs give the light

    Returns
    -------
    draws : dict of ``SCALARS`` (n,) and ``sfh`` (n, 16) arrays
    """
    from phangs_sfh.galaxy.forward_model import Stars

    edges = np.asarray(stored["edges_myr"], float) * 1e6
    mass = bin_masses(stored, edges)
    younger = np.concatenate([np.zeros((len(mass), 1)), np.cumsum(mass, axis=1)], axis=1)
    cells = np.array([np.diff(np.interp(forward.cell_edges, edges, row)) for row in younger])
    mh = np.log10(_column(stored, f"{HISTORY}:metallicity") * Z_SUN / forward.ssp.z_sun)
    stars = Stars(cells, np.repeat(mh[:, None], cells.shape[1], axis=1))
    labels = forward.labels(stars, np.ones((len(cells), forward.instrument.n_bands)))
    return {name: labels[name] for name in (*SCALARS, "sfh")}


def bin_masses(stored, edges):
    """Mass fractions formed in bagpipes' bins, young to old.

    Parameters
    ----------
    stored : dict, as for ``populations``
    edges : (n_bins + 1,) array

    Returns
    -------
    mass : (n, n_bins) array; rows sum to 1
    """
    n_bins = len(edges) - 1
    steps = [_column(stored, f"{HISTORY}:dsfr{number}") for number in range(1, n_bins)]
    # Each is log10 of the rate in a bin over that in the next older one, from the oldest bin on.
    log_rate = np.cumsum([np.zeros(len(stored["samples"])), *steps], axis=0)[::-1].T
    mass = 10.0 ** (log_rate - log_rate.max(axis=1, keepdims=True)) * np.diff(edges)
    return mass / mass.sum(axis=1, keepdims=True)


def _column(stored, parameter):
    names = [str(name) for name in stored["parameters"]]
    return np.asarray(stored["samples"], float)[:, names.index(parameter)]
