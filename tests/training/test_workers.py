"""Training on several machines: two processes on this one, over loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import toy_library

from phangs_sfh.network.model import load_model
from phangs_sfh.training import checkpoints

TESTS = str(Path(__file__).parents[1] / "helpers")

WORKER = f"""
import sys
sys.path[:0] = [{TESTS!r}]
import os, signal
from phangs_sfh.machines.quiet import silence_tensorflow
silence_tensorflow()
from phangs_sfh.cli.workers import on_all_workers
library, out, epochs, action = sys.argv[1:]


def work(cluster, started):
    import keras
    from phangs_sfh.training import workers
    from phangs_sfh.library import records
    from small_training import settings

    class Act(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if action == "die" and self.model.optimizer.iterations >= 12:
                os.kill(os.getpid(), signal.SIGKILL)

    rows = workers.fit(
        records.open_library(library), out, settings(int(epochs)), cluster,
        resume=action == "resume", callbacks=[Act()], jit=action == "jit", started=started,
    )
    for row in rows:
        print("ROW", row["epoch"], row["loss"], row["val_loss"])


on_all_workers(work, 300)
"""

ALONE = f"""
import sys
sys.path[:0] = [{TESTS!r}]
import tensorflow as tf
from phangs_sfh.library import batches
from phangs_sfh.training import fit as training, workers
from phangs_sfh.library import records
from small_training import settings
library, chosen = records.open_library(sys.argv[1]), settings(2)
parts = [workers.part_of(library, w, 2) for w in range(2)]
both = tuple(
    workers.part_batches(records.load(part, "train"), library, chosen, w, 2)
    for w, part in enumerate(parts)
)
joined = tf.data.Dataset.zip(both).map(
    lambda a, b: tf.nest.map_structure(lambda x, y: tf.concat([x, y], 0), a, b)
)
steps = workers.share(library, chosen.batch_size, 2)[1]
batches.training_batches = lambda *arguments: (joined, steps)
for row in training.fit(library, sys.argv[2], chosen, jit=False):
    print("ROW", row["epoch"], row["loss"], row["val_loss"])
"""


def free_ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def environment(ports=None, index=0):
    found = {k: v for k, v in os.environ.items() if k not in ("TF_CONFIG", "TF_CPP_MIN_LOG_LEVEL")}
    if ports:
        addresses = [f"127.0.0.1:{port}" for port in ports]
        task = {"type": "worker", "index": index}
        found["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
    return found


def start(command, ports, index):
    return subprocess.Popen(
        command, env=environment(ports, index), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def together(library, out, epochs, actions):
    """Run two workers to their end; list of (exit code, stdout, stderr)."""
    ports = free_ports(2)
    runs = [
        start([sys.executable, "-c", WORKER, library, out, str(epochs), action], ports, index)
        for index, action in enumerate(actions)
    ]
    try:
        return [(*run.communicate(timeout=500)[::-1], run.returncode)[::-1] for run in runs]
    finally:
        for run in runs:
            run.kill()


def rows(text):
    found = [line.split()[1:] for line in text.splitlines() if line.startswith("ROW")]
    return np.array(found, float)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return str(toy_library.write_library(tmp_path_factory.mktemp("toy") / "toy"))


@pytest.fixture(scope="module")
def trained(library, tmp_path_factory):
    out = tmp_path_factory.mktemp("two") / "run"
    ended = together(library, str(out), 2, ["jit", "jit"])
    assert [code for code, *_ in ended] == [0, 0], ended
    return out, [rows(stdout) for _, stdout, _ in ended]


def test_two_workers_train_as_one_process_does(library, trained, tmp_path):
    out, (chief, other) = trained
    np.testing.assert_array_equal(chief, other)
    command = [sys.executable, "-c", ALONE, library, str(tmp_path / "one")]
    alone = subprocess.run(command, env=environment(), text=True, capture_output=True, timeout=500)
    assert alone.returncode == 0, alone.stderr[-2000:]
    np.testing.assert_allclose(chief, rows(alone.stdout), rtol=1e-4)
    for ours, whole in zip(
        load_model(out)[0].get_weights(), load_model(tmp_path / "one")[0].get_weights(),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(ours, whole, atol=2e-3)


@pytest.mark.parametrize("victim", [1, pytest.param(0, marks=pytest.mark.slow)])
def test_a_killed_worker_stops_the_others_which_go_on_together(library, trained, tmp_path, victim):
    out = tmp_path / "run"
    actions = ["", ""]
    actions[victim] = "die"
    ended = together(library, str(out), 2, actions)  # the other does not wait for ever
    code, _, errors = ended[1 - victim]
    assert ended[victim][0] == 128 + signal.SIGKILL  # as a shell says it
    assert code == 1
    (line,) = errors.strip().splitlines()
    assert line.startswith(f"Error: worker {1 - victim} of 2: lost") and "--resume" in line
    assert checkpoints.read_state(out)["epochs_done"] == 1
    assert not (out / "model.keras").exists()
    ended = together(library, str(out), 2, ["resume", "resume"])
    assert [code for code, *_ in ended] == [0, 0], ended
    for (_, stdout, _), unbroken in zip(ended, trained[1], strict=True):
        np.testing.assert_allclose(rows(stdout), unbroken, rtol=1e-4)


def test_a_refusal_of_the_chief_is_that_of_all(library, trained):
    ended = together(library, str(trained[0]), 2, ["", ""])
    for code, _, errors in ended:
        assert code == 1
        (line,) = errors.strip().splitlines()
        assert "exists already" in line and "--resume" in line


def test_does_not_wait_for_ever(library, tmp_path):
    ports = free_ports(2)
    command = ["-c", "from phangs_sfh.cli.main import main; main()", "fit", library, "-o"]
    command += [str(tmp_path / "out"), "--multi-worker", "--wait", "12"]
    run = start([sys.executable, *command], ports, 0)
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 1
    (line,) = errors.strip().splitlines()
    assert f"127.0.0.1:{ports[1]} did not come up" in line
    assert not (tmp_path / "out").exists()
