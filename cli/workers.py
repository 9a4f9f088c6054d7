"""One process of a job on several machines: waits for the others, and never hangs without them."""

import ctypes
import os
import select
import signal
import sys

import click

from phangs_sfh.cli.main import one_line
from phangs_sfh.errors import InputError

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
IMPORT_SECONDS = 600.0  # for TensorFlow's import, which says when it is done


def on_all_workers(work, seconds):
    """Do ``work`` as one worker of the cluster that TF_CONFIG describes.

    The work is done in a child process. TensorFlow waits for the other workers with Python's
    interpreter locked, so no thread or signal handler of the same process could end that.

    Parameters
    ----------
    work : callable, given the Cluster and a function to call when all workers are there
    seconds : float, that this may take
    """
    from phangs_sfh.machines.tf_config import read_cluster

    cluster = read_cluster()
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reads)
        _work(work, cluster, writes)
        return
    os.close(writes)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: os.kill(child, received))
    # One byte when TensorFlow is imported, one when all are there; none if the child has ended.
    if _byte(reads, IMPORT_SECONDS) and _byte(reads, seconds) is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        leave(nobody_came(cluster, seconds))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(code if code >= 0 else 128 - code)


def _work(work, cluster, writes):
    if sys.platform == "linux":  # a killed command takes its work along
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    import tensorflow  # noqa: F401  (its import takes long, and keeps standard error closed)

    os.write(writes, b"i")
    try:
        work(cluster, lambda: os.write(writes, b"h"))
    except InputError as error:
        leave(one_line(error))


def _byte(reads, seconds):
    """The next byte, empty if there will be none, None if it did not come in time."""
    ready, _, _ = select.select([reads], [], [], seconds)
    return os.read(reads, 1) if ready else None


def nobody_came(cluster, seconds):
    silent = ", ".join(cluster.silent()) or "the others"
    return (
        f"worker {cluster.index} of {cluster.size}: {silent} did not come up within {seconds:.0f} "
        "seconds; start all workers of TF_CONFIG, or give a longer --wait"
    )


def leave(line):
    """Say why and end at once: TensorFlow's own end would wait for workers that are gone."""
    click.echo(f"Error: {line}", err=True)
    sys.stderr.flush()
    os._exit(1)
