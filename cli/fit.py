"""``phangs-sfh fit``: train a model on a library and export it."""

import sys

import click

from phangs_sfh.cli import options


@click.command("fit")
@click.argument("library", default="tfrecords/library", type=click.Path(file_okay=False))
@options.output(
    "Folder of the model [default: saved_models/NAME OF THE LIBRARY].",
    options.FOLDER,
    required=False,
)
@click.option("--mirrored", is_flag=True, help="Train on all GPUs, or else on logical CPUs.")
@options.count(
    "--replicas", default=2, least=1, text="Logical CPUs of --mirrored where there is no GPU."
)
@click.option(
    "--multi-worker",
    is_flag=True,
    help="Train on all machines that the variable TF_CONFIG lists; start it on each of them.",
)
@click.option(
    "--wait",
    default=300.0,
    show_default=True,
    type=options.Number(min=1),
    help="Seconds that the machines of --multi-worker may take to find each other.",
)
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@options.overwrite("an existing run, when the new one is finished; exported versions stay")
@click.option(
    "--from",
    "start_from",
    type=click.Path(file_okay=False, exists=True),
    metavar="MODEL",
    help="Start from the weights of a trained model: to train on, or for your own prior.",
)
@options.count(
    "--epochs", default=15, least=1, text="Passes over all galaxies, each with new noise."
)
@options.count(
    "--batch-size", default=256, least=1, text="Galaxies a step, over all replicas and machines."
)
@click.option(
    "--learning-rate",
    type=options.POSITIVE,
    help="Highest rate; it rises at first and then falls as a cosine "
    "[default: 0.003 at a batch of 256, growing as the batch's square root].",
)
@click.option(
    "--stream/--in-memory",
    default=None,
    help="Read the library from disk in every epoch [default: if it does not fit memory].",
)
@options.seed("Of weights, order and noise.", default=1)
def fit(library, output, mirrored, replicas, multi_worker, wait, resume, overwrite, **settings):
    """Train a model on LIBRARY, a folder made by make-library, and export it.

    The run itself (checkpoints, metrics.csv, TensorBoard logs) is kept in DIR/run; the exported
    model is DIR/1 or the next free version.
    """
    options.exclude(resume=resume, overwrite=overwrite)
    if mirrored and multi_worker:
        raise click.UsageError("--mirrored and --multi-worker exclude each other; each machine of "
                               "--multi-worker uses all its GPUs")  # fmt: skip
    settings |= {"resume": resume, "overwrite": overwrite}
    settings["verbose"] = 1 if sys.stdout.isatty() else 2
    if multi_worker:
        from phangs_sfh.cli.workers import on_all_workers

        def work(cluster, started):
            train(library, output, cluster=cluster, started=started, **settings)

        on_all_workers(work, wait)
    else:
        train(library, output, mirrored=mirrored, replicas=replicas, **settings)


def train(library, output, **settings):
    """Train, alone or as one worker of many, and say what came of it."""
    from phangs_sfh.export.fit import fit

    run = fit(library, output, **settings)
    if run.exported is not None:
        best = run.best
        click.echo(
            f"{run.exported}: valid loss {best['val_loss']:.4f} after {best['epoch'] + 1} epochs"
        )
