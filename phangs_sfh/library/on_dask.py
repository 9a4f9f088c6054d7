"""Shards of a library from the workers of a Dask cluster, which need not share a disk."""

import tempfile
from pathlib import Path

from phangs_sfh.files.whole import whole_file
from phangs_sfh.library.shards import simulating, write_shard
from phangs_sfh.machines.dask_cluster import each
from phangs_sfh.ssp.engines import ENGINES

_made = {}


def write_shards(client, building, shards, job):
    """Write ``shards`` into the folder ``building``.

    Parameters
    ----------
    client : distributed.Client
    building : Path
    shards : list of plan.Shard
    job : dict as ``writer._job`` makes it; ``ssp`` is an engine that only reads a file of the
        package, or a grid file, which is sent

    Yields
    ------
    shard : as soon as it is on disk
    """
    grid = None if job["ssp"] in (None, *ENGINES) else Path(job["ssp"]).read_bytes()
    for shard, data in each(client, simulate, shards, (job, grid)):
        with whole_file(building / shard.file) as temporary:
            temporary.write_bytes(data)
        yield shard


def simulate(shard, sent):
    """On a worker: the bytes of one shard. ``sent``: the job, and a grid file's bytes or None."""
    from threadpoolctl import threadpool_limits

    job, grid = sent
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        if _made.get("of") != sent:
            if grid is not None:
                ssp_file = Path(folder) / "ssp.fits"
                ssp_file.write_bytes(grid)
                job = {**job, "ssp": str(ssp_file)}
            _made.update(of=sent, **simulating(job))
        path = Path(folder) / shard.file
        write_shard(path, shard, job["seed"], _made["simulator"], _made["inputs"])
        return path.read_bytes()
