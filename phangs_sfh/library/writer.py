"""Write a synthetic library: shards of TFRecords and library.json, by several processes.

Shards appear in ``FOLDER.building`` one by one under their final names. When all are there,
library.json is added and the folder is renamed to ``FOLDER``. A build that was killed is taken up
again by the same command: finished shards are kept, and since each has its own random numbers the
bytes are those of an unbroken run. So they are, too, where several machines share the shards: by
hand (``write_part`` on each) or through Dask (``dask``).
"""

import json
import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from phangs_sfh.errors import InputError
from phangs_sfh.files import checksums, lock
from phangs_sfh.files.json_files import read_json
from phangs_sfh.files.lock import Busy, held
from phangs_sfh.files.whole import (
    check_replaceable,
    remove_leftovers,
    replace_folder,
    write_first,
    write_text,
)
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.library import on_dask
from phangs_sfh.library.contents import Plan, understood
from phangs_sfh.library.observing import ObservingConditions
from phangs_sfh.library.plan import SCHEMA_VERSION, SPLITS, plan_shards
from phangs_sfh.library.shards import simulating, write_shard
from phangs_sfh.problems.catalogue import load_problem
from phangs_sfh.problems.problem import DEFAULT
from phangs_sfh.ssp.engines import computed_once
from phangs_sfh.version import __version__

WHILE_BUILT = ("plan.json", "ssp.fits", lock.FILE)  # a kill at the very end may leave them
SMALLEST = 3  # one galaxy for each split

_worker = {}


def write_library(
    folder,
    n_galaxies,
    seed=0,
    workers=None,
    ssp=None,
    prior=None,
    overwrite=False,
    progress=None,
    dask=None,
    problem=DEFAULT,
    instrument=None,
):
    """Simulate ``n_galaxies`` and write them into ``folder``.

    Parameters
    ----------
    folder : path
    n_galaxies : int, 3 or more
    seed : int, not negative; the same seed gives the same bytes, whatever the workers
    workers : int, processes; default: the cores there are
    ssp : engine name or grid file; default: as the prior says
    prior : prior name or file; default: the problem's
    overwrite : bool, replace an existing library
    progress : callable given the number of galaxies done with each finished shard
    dask : distributed.Client, optional; its workers are used instead of processes of this machine
    problem : name of a problem, see ``problems.problem.load_problem``
    instrument : name or file of an instrument; default: MUSE with the bands of PHANGS-HST

    Returns
    -------
    contents : dict, as in library.json

    Raises
    ------
    InputError
        Bad settings, an existing output, or another build in the same folder.
    OSError
        Disk full or unwritable; finished shards are kept for the next run.
    """
    folder = Path(folder)
    _check(folder, n_galaxies, seed, overwrite)
    workers = workers or os.cpu_count()
    shards = plan_shards(n_galaxies)
    contents = describe(folder.name, n_galaxies, seed, ssp, prior, problem, instrument)
    building = folder.parent / f"{folder.name}.building"
    with _building_folder(building, contents):
        todo = _missing(building, shards, progress)
        job = _job(contents, problem, computed_once(ssp, building))
        if dask is None:
            _run(todo, building, job, min(workers, len(todo)), progress)
        else:
            for shard in on_dask.write_shards(dask, building, todo, job):
                _report(progress, shard)
        _finish(folder, building, shards, contents, overwrite)
    return contents


def write_part(folder, n_galaxies, part, seed=0, workers=None, ssp=None, prior=None,
               overwrite=False, progress=None, problem=DEFAULT, instrument=None):  # fmt: skip
    """Write one of several parts of a library, all into one folder on a disk they share.

    Parameters
    ----------
    part : (i, n) with 1 <= i <= n: every n-th shard, from the i-th on
    others : as for ``write_library``

    Returns
    -------
    contents : dict as in library.json if this was the last part, and so the library is whole; else
        None

    Raises
    ------
    InputError, OSError
        As ``write_library``.
    """
    folder = Path(folder)
    contents = describe(folder.name, n_galaxies, seed, ssp, prior, problem, instrument)
    if not overwrite and _is_made(folder, contents):  # this part, run again, has nothing to add
        return json.loads((folder / "library.json").read_text())
    _check(folder, n_galaxies, seed, overwrite)
    shards = plan_shards(n_galaxies)
    mine = shards[part[0] - 1 :: part[1]]
    building = folder.parent / f"{folder.name}.building"
    with _building_folder(building, contents, shared=True):
        todo = _missing(building, mine, progress)
        job = _job(contents, problem, computed_once(ssp, building))
        _run(todo, building, job, min(workers or os.cpu_count(), len(todo)), progress)
    # The lock is let go before: of two parts that end together, one finds itself alone and last.
    if any(not (building / shard.file).exists() for shard in shards):
        return None
    try:
        return gather(folder, overwrite)
    except Busy:
        return None


def gather(folder, overwrite=False):
    """Make a library of shards that ``write_part`` left, all of which must be there.

    Returns
    -------
    contents : dict, as in library.json

    Raises
    ------
    InputError
        If there are no parts, some shards are missing, or a part is still being written.
    """
    folder = Path(folder)
    building = folder.parent / f"{folder.name}.building"
    plan, remedy = building / "plan.json", "remove the folder and make the parts again"
    try:
        contents = read_json(plan, Plan, remedy)
    except FileNotFoundError:
        raise InputError(
            f"{building}: no parts of a library; run make-library --shard I/N"
        ) from None
    understood(contents, plan)
    _check(folder, contents["n_galaxies"], contents["seed"], overwrite)
    shards = plan_shards(contents["n_galaxies"])
    with _building_folder(building, contents):
        missing = [shard.file for shard in shards if not (building / shard.file).exists()]
        if missing:
            raise InputError(
                f"{building}: {len(missing)} of {len(shards)} shards are missing, the first is "
                f"{missing[0]}; run the --shard jobs again that did not end well"
            )
        _finish(folder, building, shards, contents, overwrite)
    return contents


def _is_made(folder, contents):
    """True if ``folder`` is the whole library of these contents."""
    return _holds(folder / "library.json", contents)


def _holds(path, contents):
    """True if a JSON file has these contents, and perhaps more."""
    try:
        made = read_json(path, dict, "make it again")
    except (OSError, InputError):
        return False
    return {key: made.get(key) for key in contents} == contents


def _missing(building, shards, progress):
    """Those of ``shards`` that are not there; the others are reported as done."""
    todo = []
    for shard in shards:
        if (building / shard.file).exists():
            _report(progress, shard)
        else:
            todo.append(shard)
    return todo


def _finish(folder, building, shards, contents, overwrite):
    """Add library.json and give the folder its name."""
    _check(folder, contents["n_galaxies"], contents["seed"], overwrite)  # hours may have passed
    contents["splits"] = _inventory(building, shards)
    write_text(building / "library.json", json.dumps(contents, indent=1) + "\n")
    replace_folder(building, folder)
    # Only now: shards without their plan could be taken up by a build with other settings.
    for name in WHILE_BUILT:
        (folder / name).unlink(missing_ok=True)


def describe(name, n_galaxies, seed, ssp=None, prior=None, problem=DEFAULT, instrument=None):
    """Contents of library.json but for the shards."""
    chosen, seen_with = load_problem(problem), load_instrument(instrument)
    drawn_from = chosen.priors.load(prior or chosen.priors.default)
    ObservingConditions.from_dict(drawn_from.get("observing", {}))
    return {
        "schema_version": SCHEMA_VERSION,
        "name": name,
        "package_version": __version__,
        "seed": seed,
        "n_galaxies": n_galaxies,
        **chosen.described_under(drawn_from, ssp).to_dict(),
        "emission_lines": chosen.emission_lines(drawn_from),
        "prior": drawn_from,
        **chosen.simulator(seen_with, drawn_from, ssp).describe(),
        "instrument": seen_with.to_dict(),
    }


def _job(contents, problem, ssp):
    """What a worker needs to simulate (dict)."""
    kept = {key: contents[key] for key in ("seed", "prior", "instrument")}
    return {**kept, "problem": problem, "ssp": ssp}


def _check(folder, n_galaxies, seed, overwrite):
    if n_galaxies < SMALLEST:
        raise InputError(f"{folder}: n is {n_galaxies}; give {SMALLEST} galaxies or more")
    if seed < 0:
        raise InputError(f"{folder}: seed is {seed}; give a number that is not negative")
    if folder.exists() and not overwrite:
        raise InputError(f"{folder}: exists already; use --overwrite or another name")
    if folder.exists():
        own = _own_files(folder)
        if not own:
            raise InputError(
                f"{folder}: is no library, so it is not overwritten; give another name"
            )
        check_replaceable(folder, own, "the library")


def _own_files(folder):
    """Names of all files of the library in ``folder`` (list); none if it is no library."""
    try:
        content = json.loads((folder / "library.json").read_text())
        splits = [content["splits"][split]["shards"] for split in SPLITS]
        shards = [escape(str(shard["file"])) for shards in splits for shard in shards]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    return ["library.json", *shards, *WHILE_BUILT]


@contextmanager
def _building_folder(building, contents, shared=False):
    """Hold ``building`` for this run alone, or for all parts of one library (``shared``); take up
    an unfinished build of the same contents."""
    building.parent.mkdir(parents=True, exist_ok=True)
    busy = f"{building}: another run is writing here; wait for it or give another name"
    with held(building, busy, shared):
        if not shared:
            remove_leftovers(building)
        _keep_plan(building, contents)
        yield


def _keep_plan(building, contents):
    """Write plan.json, or compare with the one there."""
    plan = building / "plan.json"
    written = write_first(plan, json.dumps(contents, indent=1) + "\n")
    if not written and not _holds(plan, contents):
        raise InputError(
            f"{building}: holds an unfinished library with other settings; finish it with those "
            "settings or remove the folder"
        )


def _run(shards, building, job, workers, progress):
    if workers <= 1:
        if shards:
            _start_worker(building, job)
        for shard in shards:
            _report(progress, _work(shard))
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (building, job)) as pool:
        pending = [pool.submit(_work, shard) for shard in shards]
        try:
            for done in as_completed(pending):
                _report(progress, done.result())
        except BrokenProcessPool:
            raise InputError(
                f"{building}: a worker process died (out of memory?); run the same command "
                "again, with fewer --workers, to go on from the finished shards"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker(building, job):
    from threadpoolctl import threadpool_limits

    _die_with_parent()
    # One thread a process: workers share the cores, and sums keep their order.
    threadpool_limits(1)
    _worker.update(building=Path(building), seed=job["seed"], **simulating(job))


def _die_with_parent():
    """In a worker: end when the main process is gone, even if it was killed.

    Otherwise workers would wait for their next shard for ever, or write on beside a second run.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch():
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(shard):
    path = _worker["building"] / shard.file
    write_shard(path, shard, _worker["seed"], _worker["simulator"], _worker["inputs"])
    return shard


def _report(progress, shard):
    if progress is not None:
        progress(shard.n_galaxies)


def _inventory(building, shards):
    splits = {split: {"n_galaxies": 0, "shards": []} for split in SPLITS}
    for shard in shards:
        checksum = checksums.sha256(building / shard.file)
        entry = {"file": shard.file, "n_galaxies": shard.n_galaxies, "sha256": checksum}
        splits[shard.split]["shards"].append(entry)
        splits[shard.split]["n_galaxies"] += shard.n_galaxies
    return splits
