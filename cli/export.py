"""phangs-sfh export: a trained network as a SavedModel for TensorFlow and TF Serving."""

from pathlib import Path

import click

from phangs_sfh.cli import options


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the model, e.g. saved_models/NAME: the next free version is made in it. "
    "NAME/VERSION, with a whole number, writes that version.",
)
@click.option(
    "--library",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The library trained on; only needed for a run that was stopped before it measured it.",
)
@options.overwrite("an existing version")
def export(model, output, library, overwrite):
    """Export MODEL, the folder of a finished `fit`, as a SavedModel.

    The SavedModel holds all there is between fluxes and result columns. TensorFlow alone loads it.
    """
    from phangs_sfh.export import warm_up
    from phangs_sfh.export.saved_model import export_model

    folder = export_model(model, output, library, overwrite)
    click.echo(f"{folder}: exported")
    if not (folder / warm_up.FILE).exists():
        click.echo(
            f"Warning: {folder}: no warm-up requests for TF Serving; run: pip install "
            "tensorflow-serving-api, then export again",
            err=True,
        )
