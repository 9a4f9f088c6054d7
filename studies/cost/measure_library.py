"""Measure what libraries cost, and print ratios from one run.

    python -m studies.cost.measure_library [SIZES ...]

Sizes are numbers of galaxies, by default 10 000 and 30 000; 10000 100000 300000 takes some
minutes. One core; times are of the processor, so that other work on the machine changes little.
"""

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from threadpoolctl import threadpool_limits  # noqa: E402

from studies.cost import library as benchmark  # noqa: E402


def main(sizes):
    threadpool_limits(1)
    costs = [benchmark.write_in_fresh_process(n) for n in sizes]
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
    product = benchmark.matrix_product()
    print(f"matrix product alone: {1e6 * product:.0f} µs a galaxy;")
    print(f"  the library takes {per_galaxy / product:.1f} times as long, written to disk")
    print("where the time goes, one shard under the profiler [µs a galaxy]:")
    for stage, seconds in benchmark.profile().items():
        print(f"  {stage:40s} {1e6 * seconds:7.1f}")
    call = benchmark.bagpipes_call()
    if call is None:
        print("bagpipes is not installed: sh scripts/setup/install_bagpipes.sh")
    else:
        print(
            f"one bagpipes model call: {1e3 * call:.1f} ms, {call / per_galaxy:.0f} times a galaxy "
            "of the library"
        )


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [10_000, 30_000])
