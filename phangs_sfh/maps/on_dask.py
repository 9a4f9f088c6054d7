"""Maps by the workers of a Dask cluster, which see cube, images and model on a disk they share.

Blocks of rows go out, answers come back over the network, and one process writes the file. Blocks
are those of a run on one machine, so the answers are too.
"""

import os
import socket
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.machines.dask_cluster import each
from phangs_sfh.maps.mapper import Counts, Mapper

_kept, _one_at_a_time = {}, threading.Lock()


def run(mapper, client, job, progress=lambda n: None):
    """What ``Mapper.run`` does, by the workers of a cluster; without bins.

    Parameters
    ----------
    mapper : Mapper
    client : distributed.Client
    job : from ``describe``
    progress : callable, given how many more spaxels are done

    Raises
    ------
    InputError
        If nothing could be answered, a worker sees other files, or the workers are gone.
    """
    output, nx, ended = mapper.output, mapper.shape[1], {}
    state = output.state
    mapper.counts = Counts(state.get("answered", 0), state.get("negative", 0))
    left = [(rows.start, rows.stop) for rows in mapper.blocks if rows.stop > state["rows"]]
    progress(mapper.work() - nx * sum(stop - start for start, stop in left))
    first = left[0][0] if left else 0
    for (start, stop), (maps, counts) in each(client, answer_rows, left, job):
        if maps is None:
            raise InputError(counts)
        for name, values in maps.items():
            output.write(name, slice(start, stop), values)
        progress((stop - start) * nx)
        ended[start] = stop, counts
        while first in ended:  # a killed run goes on after the rows that are done without a gap
            first, found = ended.pop(first)
            mapper.counts.add(found)
            output.done(first, **mapper.counts.state)
    mapper.counts.check(mapper.source)


def describe(cube, model, options, identity):
    """What a worker needs to know.

    Parameters
    ----------
    cube : path or None
    model : prediction.model.Model
    options : dict, those of ``map_request.Options``
    identity : dict, of the Request

    Returns
    -------
    job : tuple; paths are absolute, as workers run elsewhere
    """
    options = dict(options)
    for name in ("images", "image_error"):
        options[name] = tuple((band, os.path.abspath(p)) for band, p in options.get(name, ()))
    for name in ("velocity", "star_mask"):
        if options.get(name):
            options[name] = os.path.abspath(options[name])
    seen = [identity[key] for key in ("files", "model", "creator")]
    asked = os.path.abspath(model.path), model.assumed
    return cube and os.path.abspath(cube), asked, options, seen


def answer_rows(rows, job):
    """On a worker: maps of rows (start, stop) by extension, and the state of their Counts; or None
    and a refusal, which Dask would log with all its traceback if it were raised."""
    with _one_at_a_time:
        if _kept.get("job") != job:
            _kept.clear()
            try:
                _kept.update(mapper=_open(*job), job=job)
            except InputError as error:
                return None, f"Dask worker on {socket.gethostname()}: {error}"
        mapper = _kept["mapper"]
        mapper.output.maps, mapper.counts = {}, Counts()
        mapper.answer_rows(slice(*rows))
        return mapper.output.maps, mapper.counts.state


def _open(cube, model, options, seen):
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, "1")  # workers share the cores
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow says that it has no GPU
    from phangs_sfh.maps.input.cube import check_file
    from phangs_sfh.maps.request import Options, open_request
    from phangs_sfh.prediction.model import load_model

    for path in Options(**options).files(cube):
        check_file(Path(path))
    path, assumed = model
    loaded = replace(load_model(path), assumed=assumed)
    request = open_request(cube, loaded, **options)
    if [request.identity[key] for key in ("files", "model", "creator")] != seen:
        raise InputError(
            "its input or model are not those of the machine that asks; put them on a disk that "
            "all share"
        )
    return Mapper(request.cube, request.field, loaded, _Held(request))


class _Held:
    """Stands in for the map file: what is written is held."""

    def __init__(self, request):
        self.shape, self.layout = request.shape, {e.name: e for e in request.layout}
        self.path, self.maps = "maps", {}

    def write(self, name, rows, values):
        integer = self.layout[name].integer
        self.maps[name] = np.asarray(values, np.int32 if integer else np.float32)
