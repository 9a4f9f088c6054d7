"""A library of synthetic galaxies, made in one call."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from phangs_sfh.errors import InputError
from phangs_sfh.files.paths import PathLike
from phangs_sfh.library import writer
from phangs_sfh.library.plan import plan_shards
from phangs_sfh.library.records import open_library
from phangs_sfh.machines.dask_cluster import dask_client
from phangs_sfh.problems.problem import DEFAULT
from phangs_sfh.progress import counted

if TYPE_CHECKING:
    from phangs_sfh.library.records import Library
    from phangs_sfh.progress import Progress

N_GALAXIES = 165_000


def make_library(
    folder: PathLike,
    n: int = N_GALAXIES,
    *,
    problem: str = DEFAULT,
    prior: str | None = None,
    instrument: str | None = None,
    ssp: str | None = None,
    seed: int = 0,
    workers: int | None = None,
    part: tuple[int, int] | None = None,
    dask: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Library | None:
    """Simulate galaxies and write them as train, valid and test TFRecords.

    The same seed gives the same bytes, whatever the number of workers, parts or machines. A run
    that was killed is taken up again by the same call.

    Parameters
    ----------
    folder : of the library, to be made
    n : galaxies in all three splits together, 3 or more; 5 % each are for valid and test
    problem : what is to be inferred; name, or ``package.module:OBJECT``
    prior : name or file; default: the problem's, ``broad`` for histories
    instrument : name or file; default: MUSE with the five bands of PHANGS-HST
    ssp : stellar populations of all galaxies, engine or grid file; default: as the prior says
        (``broad``: those of several assumptions), BC03 where it says nothing
    seed : of all random numbers, not negative
    workers : processes; default: as many as cores. More than one need the caller's code to be
        under ``if __name__ == "__main__":``, as Python's multiprocessing does
    part : (i, n), write only the i-th of n parts, on a disk that all see; the last makes the
        library
    dask : address of a Dask scheduler, or 'local', to simulate on a cluster
    overwrite : replace an existing library
    progress : ``progress_bar`` or alike; counts galaxies

    Returns
    -------
    library : opened; None if other parts are missing yet

    Raises
    ------
    InputError
        Bad settings, an existing output, or another run at work on it.
    OSError
        Disk full or unwritable; what is finished is kept for the next run.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> library = ps.make_library("tfrecords/tiny", 60, seed=1, workers=1)
    >>> library.n_galaxies("train"), library.n_galaxies("test")
    (54, 3)
    """
    if part is not None and dask is not None:
        raise InputError(f"{folder}: --shard and --dask exclude each other; give one of them")
    settings = {
        "seed": seed, "ssp": ssp, "prior": prior, "problem": problem, "instrument": instrument,
        "overwrite": overwrite,
    }  # fmt: skip
    if part is not None:
        mine = sum(one.n_galaxies for one in plan_shards(n)[part[0] - 1 :: part[1]])
        with counted(progress, "galaxies", mine) as advance:
            made = writer.write_part(folder, n, part, workers=workers, progress=advance, **settings)
        return None if made is None else open_library(folder)
    with (
        nullcontext() if dask is None else dask_client(dask, workers) as client,
        counted(progress, "galaxies", n) as advance,
    ):
        writer.write_library(folder, n, workers=workers, progress=advance, dask=client, **settings)
    return open_library(folder)


def gather_library(folder: PathLike, overwrite: bool = False) -> Library:
    """Make the library of parts that are all there; the last part does it too.

    Parameters
    ----------
    folder : that the parts were made for
    overwrite : replace an existing library

    Returns
    -------
    library : opened

    Raises
    ------
    InputError
        If there are no parts, some are missing, or one is still being written.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> ps.gather_library("tfrecords/none")
    Traceback (most recent call last):
    ...
    phangs_sfh.errors.InputError: ...: no parts of a library; run make-library --shard I/N
    """
    writer.gather(folder, overwrite)
    return open_library(folder)
