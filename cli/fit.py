"""``phangs-sfh fit``: train a model on a library and export it."""

import sys
from pathlib import Path

import click


@click.command("fit")
@click.argument("library", default="tfrecords/library", type=click.Path(file_okay=False))
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False),
    help="Folder of the model [default: saved_models/NAME OF THE LIBRARY].",
)
@click.option("--mirrored", is_flag=True, help="Train on all GPUs, or else on logical CPUs.")
@click.option(
    "--replicas",
    default=2,
    show_default=True,
    type=click.IntRange(min=1),
    help="Logical CPUs of --mirrored where there is no GPU.",
)
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@click.option("--overwrite", is_flag=True, help="Replace an existing run; exported versions stay.")
@click.option(
    "--from",
    "start_from",
    type=click.Path(file_okay=False, exists=True),
    metavar="MODEL",
    help="Start from the weights of a trained model: to train on, or for your own prior.",
)
@click.option(
    "--epochs",
    default=15,
    show_default=True,
    type=click.IntRange(min=1),
    help="Passes over all galaxies, each with new noise.",
)
@click.option(
    "--batch-size",
    default=256,
    show_default=True,
    type=click.IntRange(min=1),
    help="Galaxies a step, over all replicas.",
)
@click.option(
    "--learning-rate",
    default=2e-3,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Highest rate; it rises at first and then falls as a cosine.",
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(min=0),
    help="Of weights, order and noise.",
)
def fit(library, output, mirrored, replicas, resume, overwrite, **settings):
    """Train a model on LIBRARY, a folder made by make-library, and export it.

    The run itself (checkpoints, metrics.csv, TensorBoard logs) is kept in DIR/run; the exported
    model is DIR/1 or the next free version.
    """
    if resume and overwrite:
        raise click.UsageError("--resume and --overwrite exclude each other")
    from phangs_sfh import serving, training
    from phangs_sfh.library import records

    opened = records.open_library(library)
    records.verify(opened, ("train", "valid"))
    output = Path(output or Path("saved_models") / opened.name)
    strategy = training.mirrored_strategy(replicas) if mirrored else None
    history = training.fit(
        opened,
        output / "run",
        training.FitSettings(conditions=records.conditions(opened), **settings),
        strategy=strategy,
        resume=resume,
        overwrite=overwrite,
        verbose=1 if sys.stdout.isatty() else 2,
    )
    best = min(history, key=lambda row: row["val_loss"])
    exported = serving.export_model(output / "run", output, library=library)
    click.echo(f"{exported}: valid loss {best['val_loss']:.4f} after {best['epoch'] + 1} epochs")
