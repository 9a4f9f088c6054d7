"""pPXF on the benchmark's spectra, one core a process, every answer kept on disk.

A fit takes seconds and a bootstrapped one minutes: answers are written as they come, one file a
spectrum, and found again if the same spectrum is asked for with the same settings. A stopped
benchmark goes on where it was, and one of another model fits nothing anew.
"""

import multiprocessing
import os
from pathlib import Path

import numpy as np

from phangs_sfh.files.whole import whole_file
from phangs_sfh.galaxy import ages
from phangs_sfh.observations.rest_frame import INPUTS
from phangs_sfh.peers import ppxf_templates
from phangs_sfh.peers.one_core import peak_megabytes
from phangs_sfh.peers.ppxf import SCALARS

FOLDER = "ppxf"
MEMORY = "VmHWM, no TensorFlow"  # how memory was measured; earlier answers have more in it
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_worker = {}


def fit_all(folder, spectra, bootstrapped, bootstraps, workers=1, progress=None, ssp="bc03"):
    """Fit every spectrum once and the first few with bootstraps.

    Parameters
    ----------
    folder : path, that of the benchmark; answers go to ``ppxf/`` in it
    spectra : sample.Spectra
    bootstrapped : int, how many spectra
    bootstraps : int, refits of each of these
    workers : int, processes, with one thread each
    progress : callable given the number of fits done, bootstraps included
    ssp : engine name or grid file of the templates

    Returns
    -------
    answers : dict of arrays with a row a spectrum
        the four ``peers.ppxf.SCALARS``, ``sfh`` (n, 16), ``av``, ``sigma``, ``chi2``, ``seconds``,
        ``megabytes`` (peak of the process), ``failed`` (bool; NaN elsewhere); and ``bootstraps``,
        a list of dicts of (bootstraps, ...) arrays with ``seconds``, one for each of the first
    """
    folder = Path(folder) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    todo, done = [], {}
    for index in range(len(spectra)):
        wanted = bootstraps if index < bootstrapped else 0
        path = folder / f"{index:05d}.npz"
        kept = _read(path, spectra.fingerprint(index), wanted)
        if kept is None:
            todo.append((index, spectra.row(index), wanted))
        else:
            done[index] = kept
            progress and progress(1 + wanted)
    for index, answer in _in_processes(todo, spectra.instrument, ssp, workers):
        _write(folder / f"{index:05d}.npz", answer, spectra.fingerprint(index))
        done[index] = answer
        progress and progress(1 + answer.get("bootstraps", 0))
    return _merged([done[index] for index in range(len(spectra))], min(bootstrapped, len(spectra)))


def _in_processes(todo, instrument, ssp, workers):
    if not todo:
        return
    from phangs_sfh.ssp.engines import load_ssp

    # Made here: the memory of a process that fits is then pPXF's, without the whole SSP grid.
    step = ppxf_templates.LOG_AGE_STEP
    templates = ppxf_templates.make_templates(load_ssp(ssp), instrument, step)
    kept = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    context = multiprocessing.get_context("spawn")
    try:
        with context.Pool(workers, _start, (instrument, templates)) as pool:
            todo = sorted(todo, key=lambda task: task[2])  # slow ones last: more is kept of a stop
            yield from pool.imap_unordered(_fit, todo)
    finally:
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _start(instrument, templates):
    from phangs_sfh.peers.ppxf import PpxfPeer

    _worker["peer"] = PpxfPeer(instrument=instrument, templates=templates)


def _fit(task):
    index, row, bootstraps = task
    try:
        fit = _worker["peer"].fit(**dict(zip(INPUTS, row, strict=True)), bootstraps=bootstraps)
    except Exception as error:  # pPXF asserts, and lets linear algebra fail, on unusual input
        return index, {"failed": str(error)[:200], "bootstraps": bootstraps} | _nothing()
    answer = {name: getattr(fit, name) for name in _nothing() if name != "megabytes"}
    answer["megabytes"] = peak_megabytes()
    answer |= {"failed": "", "bootstraps": bootstraps}
    answer |= {f"bootstrap {name}": values for name, values in fit.bootstraps.items()}
    answer["seconds_bootstraps"] = fit.seconds_bootstraps
    return index, answer


def _nothing():
    scalars = (*SCALARS, "av", "sigma", "chi2", "seconds", "megabytes")
    return dict.fromkeys(scalars, np.nan) | {"sfh": np.full(ages.N_BINS, np.nan)}


def _write(path, answer, fingerprint):
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, fingerprint=fingerprint, settings=settings(), memory=MEMORY, **answer)


def _read(path, fingerprint, bootstraps):
    """An answer kept earlier; None if it is of something else or has too few bootstraps."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            answer = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError):
        return None
    same = answer.pop("fingerprint") == fingerprint and answer.pop("settings") == settings()
    if not same or int(answer["bootstraps"]) < bootstraps:
        return None
    if answer.pop("memory", "") != MEMORY:
        answer["megabytes"] = np.array(np.nan)
    return {name: value[()] if value.ndim == 0 else value for name, value in answer.items()}


def settings():
    """What else decides pPXF's answers, as text."""
    from importlib.metadata import version

    from phangs_sfh.peers import ppxf, ppxf_templates

    return (
        f"ppxf {version('ppxf')}, regul {ppxf.REGUL:g}, mdegree {ppxf.MDEGREE}, "
        f"ages every {ppxf_templates.LOG_AGE_STEP:g} dex, band floor {ppxf.BAND_FLOOR:g}"
    )


def _merged(answers, bootstrapped):
    merged = {name: np.array([answer[name] for answer in answers]) for name in _nothing()}
    merged["failed"] = np.array([str(answer["failed"]) != "" for answer in answers])
    merged["bootstraps"] = []
    for answer in answers[:bootstrapped]:
        names = [name for name in answer if name.startswith("bootstrap ")]
        draws = {name.removeprefix("bootstrap "): np.asarray(answer[name]) for name in names}
        if draws:
            seconds = float(answer["seconds_bootstraps"])
            merged["bootstraps"].append(draws | {"seconds": seconds})
    return merged
