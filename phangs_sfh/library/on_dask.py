"""Shards of a library from the workers of a Dask cluster, which need not share a disk."""

import os
import socket
import tempfile
from pathlib import Path

from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.machines.dask_cluster import each
from phangs_sfh.problems.histories.simulate import write_shard
from phangs_sfh.ssp.engines import ENGINES, load_ssp

_model = {}


def write_shards(client, building, shards, seed, ssp, prior):
    """Write ``shards`` into the folder ``building``.

    Parameters
    ----------
    client : distributed.Client
    building : Path
    shards : list of plan.Shard
    seed : int
    ssp : engine that only reads a file of the package, or a grid file, which is sent
    prior : dict from ``priors.load_prior``

    Yields
    ------
    shard : as soon as it is on disk
    """
    grid = None if ssp in ENGINES else Path(ssp).read_bytes()
    for shard, data in each(client, simulate, shards, (seed, ssp, grid, prior)):
        path = building / shard.file
        temporary = Path(f"{path}.partial-{socket.gethostname()}-{os.getpid()}")
        try:
            temporary.write_bytes(data)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        yield shard


def simulate(shard, job):
    """On a worker: the bytes of one shard. ``job``: seed, ssp, grid file's bytes or None, prior."""
    from threadpoolctl import threadpool_limits

    seed, ssp, grid, prior = job
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        if _model.get("of") != (ssp, grid):
            if grid is not None:
                ssp_file = Path(folder) / "ssp.fits"
                ssp_file.write_bytes(grid)
            built = ForwardModel(load_ssp(str(ssp_file) if grid else ssp), load_instrument())
            _model.update(of=(ssp, grid), built=built)
        path = Path(folder) / shard.file
        write_shard(path, shard, seed, _model["built"], prior)
        return path.read_bytes()
