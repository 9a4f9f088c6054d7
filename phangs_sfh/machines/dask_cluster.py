"""Work spread over a Dask cluster: a scheduler's address, or processes of this machine.

A Dask cluster runs what it is sent, unpickled: use one that you trust. Nothing that this package
reads or writes is a pickle.
"""

import os
from contextlib import contextmanager

from phangs_sfh.errors import InputError
from phangs_sfh.version import __version__

LOCAL = "local"
QUEUED = 2  # tasks in the cluster for each of its threads: results never pile up
RETRIES = 3  # a task is given up when this many workers died of it


@contextmanager
def dask_client(address, workers=None):
    """A client of the cluster at ``address``.

    Parameters
    ----------
    address : ``tcp://host:port`` of a scheduler, or ``local`` for processes of this machine
    workers : int, processes of ``local``; default: the cores there are

    Yields
    ------
    client : distributed.Client

    Raises
    ------
    InputError
        If dask.distributed is not installed, nobody answers at ``address``, it has no workers, or a
        worker has no or another version of this package.
    """
    try:
        import distributed
    except ImportError:
        raise InputError(
            "dask: the package 'distributed' is not installed; pip install 'phangs-sfh[cluster]'"
        ) from None
    if address == LOCAL:
        cluster = distributed.LocalCluster(
            n_workers=workers or os.cpu_count(), threads_per_worker=1, processes=True,
            dashboard_address=None,
        )  # fmt: skip
        with cluster, distributed.Client(cluster) as client:
            yield client
        return
    try:
        client = distributed.Client(address, timeout=20)
    except (OSError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{address}: no Dask scheduler answers ({reason}); give its tcp://HOST:PORT or 'local'"
        ) from None
    with client:
        _check_workers(client, address)
        yield client


def _own_version():
    from phangs_sfh.version import __version__

    return __version__


def _check_workers(client, address):
    if not client.scheduler_info(n_workers=-1)["workers"]:
        raise InputError(f"{address}: the Dask cluster has no workers; start some")
    try:
        versions = client.run(_own_version)
    except ImportError:
        raise InputError(
            f"{address}: workers lack phangs-sfh; install {__version__} there"
        ) from None
    for worker, version in versions.items():
        if version != __version__:
            raise InputError(
                f"{worker}: has phangs-sfh {version}, this is {__version__}; install the same"
            )


def each(client, work, items, common):
    """Do ``work(item, common)`` for all items, a few at a time.

    Parameters
    ----------
    client : distributed.Client
    work : function of a module of this package; the same result however often it is called
    items : list
    common : what all items need, of a few MB at most; sent with each, for what is kept on a worker
        may be lost with it

    Yields
    ------
    item, result : as they are done, in any order. An item whose worker died is done by another

    Raises
    ------
    InputError
        If an item killed every worker that tried it, or no worker is left.
    """
    import distributed

    waiting = list(reversed(items))
    if not waiting:
        return
    running = {}

    def submit():
        item = waiting.pop()
        future = client.submit(work, item, common, pure=False)
        running[future] = item
        return future

    most = QUEUED * max(1, sum(client.nthreads().values()))
    done = distributed.as_completed([submit() for _ in range(min(most, len(waiting)))])
    for future in done:
        item = running.pop(future)
        try:
            result = future.result()
        except distributed.KilledWorker:
            raise InputError(
                f"{item}: {RETRIES} Dask workers died of it (out of memory?); run the same command "
                "again, with larger or fewer workers, to go on"
            ) from None
        except (distributed.CancelledError, distributed.comm.CommClosedError):
            raise InputError(
                "dask: the scheduler is gone; run the same command again to go on"
            ) from None
        future.release()
        if waiting:
            done.add(submit())
        yield item, result
