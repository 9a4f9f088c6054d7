"""What a library costs: galaxies a second, memory, where the time goes, against bagpipes.

Times are of the processor (user and system), per core, so that a busy machine changes little.
"""

import cProfile
import json
import pstats
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.library.plan import Shard
from phangs_sfh.library.shards import write_shard
from phangs_sfh.library.writer import write_library
from phangs_sfh.peers.one_core import peak_megabytes
from phangs_sfh.problems.histories import INPUTS
from phangs_sfh.problems.histories.population import draw_galaxies
from phangs_sfh.problems.histories.priors import load_prior
from phangs_sfh.problems.histories.simulator import CHUNK, Simulator
from phangs_sfh.ssp.engines import load_ssp

STAGES = {
    "draw parameters": ("population.py", "draw_galaxies"),
    "weights of SSPs": ("forward_model.py", "ssp_weights"),
    "dust": ("dust.py", "transmission"),
    "dust, power laws": ("dust.py", "power_law"),
    "velocity dispersion": ("kinematics.py", "broaden"),
    "gas, tables": ("gas.py", "emission"),
    "gas, lines on the grid": ("gas.py", "add"),
    "stars and resampling": ("forward_model.py", "noiseless"),
    "labels": ("forward_model.py", "labels"),
    "serialise": ("shards.py", "serialise"),
}
"""Functions whose cumulative time is reported, by file and name."""

WHOLE = "all of a shard"

INSIDE_NOISELESS = list(STAGES)[1:7]
"""Counted within ``noiseless``, so taken off it."""


def write_once(n):
    """Write a library of ``n`` galaxies with one worker, in this process.

    Returns
    -------
    cost : dict with ``n``, processor ``seconds`` (imports and set-up left out) and peak memory
        ``gigabytes`` of the process
    """
    import tensorflow as tf  # noqa: F401  # so that its import is not timed

    ForwardModel(load_ssp("bc03"), load_instrument())
    with tempfile.TemporaryDirectory() as folder:
        started, wall = time.process_time(), time.perf_counter()
        write_library(Path(folder) / "library", n, workers=1)
        seconds, wall = time.process_time() - started, time.perf_counter() - wall
    peak = peak_megabytes() / 1e3
    return {"n": n, "seconds": seconds, "wall": wall, "gigabytes": peak}


def write_in_fresh_process(n):
    """``write_once`` in a process of its own, whose peak memory is then its own."""
    code = (
        "import json; from studies.cost.library import write_once; "
        f"print(json.dumps(write_once({n})))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def profile(n=2500):
    """Seconds per galaxy of each stage of one shard, by the processor; profiling costs a little.

    Returns
    -------
    stages : dict of float
    """
    simulator = Simulator(load_instrument(), load_prior())
    profiler = cProfile.Profile(time.process_time)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard.gz"
        write_shard(path, Shard("train", 0, 1, 0, 250), 1, simulator, INPUTS)
        started = time.process_time()
        profiler.enable()
        write_shard(path, Shard("train", 0, 1, 0, n), 0, simulator, INPUTS)
        profiler.disable()
        # By the clock: a profiler does not always see the function in which it is switched off.
        whole = time.process_time() - started
    spent = {}
    for (file, _, function), row in pstats.Stats(profiler).stats.items():
        for stage, (known_file, known_function) in STAGES.items():
            if function == known_function and file.endswith(known_file):
                spent[stage] = row[3] / n
    spent["stars and resampling"] -= sum(spent.get(stage, 0.0) for stage in INSIDE_NOISELESS)
    return {**{stage: spent.get(stage, 0.0) for stage in STAGES}, WHOLE: whole / n}


def matrix_product(repeat=20):
    """Seconds per galaxy of the one product that no implementation can do without.

    Weights of all SSPs times their spectra and band slices, float32, in chunks as in the library.
    """
    forward, prior = ForwardModel(load_ssp("bc03"), load_instrument()), load_prior()
    stars, *_ = draw_galaxies(prior, np.random.default_rng(0), CHUNK, forward)
    weights = forward.ssp_weights(stars).astype(np.float32)
    weights @ forward.templates.rows
    started = time.process_time()
    for _ in range(repeat):
        weights @ forward.templates.rows
    return (time.process_time() - started) / (repeat * len(weights))


def bagpipes_call(repeat=40):
    """Seconds of one bagpipes model call with the same products; None without bagpipes.

    Spectrum on the same grid, five bands, two-component dust, gas, velocity dispersion; bagpipes'
    own default sampling; ``update``, as its fits call it.
    """
    try:
        import bagpipes
    except ImportError:
        return None
    instrument = load_instrument()
    galaxy = {
        "delayed": {"age": 10.0, "tau": 3.0, "massformed": 9.0, "metallicity": 0.8},
        "dust": {"type": "CF00", "Av": 0.8, "n": 0.7, "eta": 2.0},
        "nebular": {"logU": -3.0},
        "redshift": 0.001,
        "veldisp": 100.0,
        "t_bc": 0.01,
    }
    with tempfile.TemporaryDirectory() as folder:
        filters = [f"{folder}/{band.name}.txt" for band in instrument.bands]
        for path, band in zip(filters, instrument.bands, strict=True):
            np.savetxt(path, np.transpose([band.wave, band.throughput]))
        model = bagpipes.model_galaxy(galaxy, filt_list=filters, spec_wavs=instrument.wave * 1.001)
    model.update(galaxy)
    started = time.process_time()
    for number in range(repeat):
        galaxy["delayed"]["tau"] = 1.0 + 0.1 * number
        galaxy["dust"]["Av"] = 0.02 * number
        model.update(galaxy)
    return (time.process_time() - started) / repeat


def measure(sizes):
    """Print what libraries of these sizes cost, on one core."""
    threadpool_limits(1)
    costs = [write_in_fresh_process(n) for n in sizes]
    for cost in costs:
        rate = cost["n"] / cost["seconds"]
        print(
            f"{cost['n']:7d} galaxies: {cost['seconds']:7.1f} s of one core "
            f"({cost['wall']:.1f} s by the clock), {rate:6.0f} galaxies/s, "
            f"peak memory {cost['gigabytes']:.2f} GB"
        )
    first, last = costs[0], costs[-1]
    if len(costs) > 1:
        growth = (last["seconds"] / last["n"]) / (first["seconds"] / first["n"])
        print(f"time per galaxy, {last['n']} against {first['n']}: {growth:.2f} (linear is 1)")
    per_galaxy = last["seconds"] / last["n"]
    product = matrix_product()
    print(f"matrix product alone: {1e6 * product:.0f} µs a galaxy;")
    print(f"  the library takes {per_galaxy / product:.1f} times as long, written to disk")
    print("where the time goes, one shard under the profiler [µs a galaxy]:")
    for stage, seconds in profile().items():
        print(f"  {stage:40s} {1e6 * seconds:7.1f}")
    call = bagpipes_call()
    if call is None:
        print("bagpipes is not installed: sh scripts/setup/install_bagpipes.sh")
    else:
        print(
            f"one bagpipes model call: {1e3 * call:.1f} ms, {call / per_galaxy:.0f} times a galaxy "
            "of the library"
        )
