"""How fast the exported graph answers, where the time goes, and how much memory it takes.

Each number of threads is measured in a process of its own: TensorFlow fixes its threads at start.
Times are the best of several runs, since other programs only ever add to them; CPU time, over all
threads, is what counts where other programs run. ``memory`` looks at memory alone: many
requests of one spectrum, every hundredth of 2 to 64.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from phangs_sfh.peers.one_core import peak_megabytes

SECONDS = 2.0  # of measuring, a case


def best_times(function, seconds=SECONDS):
    """Shortest time of one call by the clock, and least CPU time [s]."""
    function()
    best, least, end = float("inf"), float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start, used = time.perf_counter(), time.process_time()
        function()
        best = min(best, time.perf_counter() - start)
        least = min(least, time.process_time() - used)
    return best, least


def resident_mib():
    """Resident memory now [MiB]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _wait(answer):
    """Return when every tensor of a nested answer is there."""
    import tensorflow as tf

    for tensor in tf.nest.flatten(answer):
        tensor.numpy()


def random_inputs(description, n, rng):
    """Spectra near 1 with S/N 50 and five bands; speed does not hang on the values."""
    import numpy as np

    sizes = {
        "flux": description["instrument"]["wave"]["n_pixels"],
        "band_flux": len(description["instrument"]["bands"]),
    }
    inputs = {}
    for name, size in sizes.items():
        inputs[name] = rng.normal(1.0, 0.02, (n, size)).astype(np.float32)
        inputs[f"{name}_err"] = np.full((n, size), 0.02, np.float32)
    return inputs


def measure(folder, threads, batches):
    """Measure one number of threads in this process; a dict for JSON."""
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    start = time.perf_counter()
    model = tf.saved_model.load(str(folder))
    found = {"threads": threads, "load_s": time.perf_counter() - start, "batches": {}}
    description = json.loads((folder / "model.json").read_text())
    rng = np.random.default_rng(0)
    for n in batches:
        inputs = random_inputs(description, n, rng)
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        times = {}
        for name, function in model.signatures.items():
            if name == "posterior" and n > 256:
                continue  # 256 samples of 38 numbers for each would fill the memory
            best = best_times(lambda f=function, t=tensors: _wait(f(**t)))
            times[name], times[f"{name} CPU"] = best
        found["batches"][n] = times
    if threads == 1:
        found["stages"] = stages(folder, random_inputs(description, max(batches), rng))
    return found


def memory(folder, n_requests):
    """Print resident memory while one process answers ``n_requests`` requests."""
    import numpy as np
    import tensorflow as tf

    model = tf.saved_model.load(str(folder))
    function = model.signatures["serving_default"]
    description = json.loads((folder / "model.json").read_text())
    rng = np.random.default_rng(0)
    sizes = [
        {k: tf.constant(v) for k, v in random_inputs(description, n, rng).items()}
        for n in range(1, 65)
    ]
    for inputs in sizes * 2:
        function(**inputs)
    steady = resident_mib()
    print(f"steady: {steady:.0f} MiB")
    for i in range(1, n_requests + 1):
        _wait(function(**sizes[0 if i % 100 else i // 100 % 64]))
        if i % 10000 == 0:
            print(f"{i} requests: {resident_mib() - steady:+.1f} MiB", flush=True)


def stages(folder, inputs):
    """CPU time of each stage alone, a spectrum [s]."""
    import tensorflow as tf

    from phangs_sfh.network.cleaning import clean, in_order
    from phangs_sfh.network.model import behind_cleaning, load_model
    from phangs_sfh.posterior.density import posterior_of
    from phangs_sfh.posterior.fused_head import FusedHead
    from phangs_sfh.posterior.marginals import marginal_quantiles
    from phangs_sfh.problems.catalogue import described_by

    model, description = load_model(folder)
    last = model.get_layer("params")
    network = behind_cleaning(model, last.input)
    labels = described_by(description, folder).labels
    head = FusedHead(
        posterior_of(description), labels.cut, *last.get_weights(), variable=tf.Variable
    )
    given = {name: tf.constant(value) for name, value in inputs.items()}
    n = len(inputs["flux"])
    cleaned = in_order(clean(given)[0])
    hidden = network(cleaned, training=False)
    mixture = head.marginals(hidden)
    steps = {
        "cleaning": (lambda x: in_order(clean(x)[0]), [given]),
        "network": (lambda *x: network(list(x), training=False), cleaned),
        "head": (head.marginals, [hidden]),
        "quantiles": (lambda *x: marginal_quantiles(labels, *x), mixture),
    }
    found = {}
    for name, (function, arguments) in steps.items():
        compiled = tf.function(function, autograph=False)
        found[name] = best_times(lambda f=compiled, a=arguments: _wait(f(*a)))[1] / n
    return found


def report(results):
    print("threads  batch  latency ms  spectra/s  CPU µs/spectrum  posterior µs  load s  RSS MiB")
    for found in results:
        for n, times in found["batches"].items():
            n = int(n)
            default, samples = times["serving_default"], times.get("posterior")
            print(
                f"{found['threads']:7d} {n:6d} {default * 1e3:11.1f} {n / default:10.0f} "
                f"{times['serving_default CPU'] / n * 1e6:16.1f} "
                + (f"{samples / n * 1e6:13.1f}" if samples else f"{'-':>13s}")
                + f" {found['load_s']:7.2f} {found['peak_mib']:8.0f}"
            )
    stage = results[0].get("stages", {})
    if stage:
        n = max(int(n) for n in results[0]["batches"])
        whole = results[0]["batches"][str(n)]["serving_default CPU"] / n
        stage["surprise, flags, rest"] = whole - sum(stage.values())
        print(f"one thread, batch {n}, CPU µs/spectrum:")
        print("  " + ", ".join(f"{name} {value * 1e6:.1f}" for name, value in stage.items()))


def measure_all(folder, threads, batches):
    """Measure each number of threads in a process of its own, and print the table."""
    results = []
    for number in threads:
        command = [sys.executable, "-m", "studies.cost.serving", folder, number, *batches]
        child = subprocess.run(
            [str(word) for word in command],
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": str(number)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        results.append(json.loads(child.stdout.splitlines()[-1]))
    report(results)


def child(folder, threads, *batches):
    """What a process of its own does: print one number of threads' results."""
    found = measure(Path(folder), int(threads), [int(n) for n in batches])
    found["peak_mib"] = peak_megabytes()
    print(json.dumps(found))


if __name__ == "__main__":
    child(*sys.argv[1:])
