"""One process of a job on several machines: waits for the others, and never hangs without them."""

import os
import sys
import threading

import click

from phangs_sfh.cli.main import one_line
from phangs_sfh.errors import InputError


def on_all_workers(work, seconds):
    """Do ``work`` as one worker of the cluster that TF_CONFIG describes.

    Parameters
    ----------
    work : callable, given the Cluster and a function to call when all workers are there
    seconds : float, that this may take
    """
    from phangs_sfh.cluster import read_cluster

    cluster = read_cluster()
    import tensorflow  # noqa: F401  (its import takes long, and keeps standard error closed)

    clock = threading.Timer(seconds, lambda: leave(nobody_came(cluster, seconds)))
    clock.daemon = True
    clock.start()
    try:
        work(cluster, clock.cancel)
    except InputError as error:
        leave(one_line(error))
    finally:
        clock.cancel()


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
