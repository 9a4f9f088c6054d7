"""``phangs-sfh demo``: a real spectrum in, a table and a figure out."""

import click


@click.command()
@click.option(
    "-o",
    "--output",
    default="demo",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Folder for the result table and the figure.",
)
@click.option("--model", type=click.Path(), help="Model folder, or a released name [phangs].")
@click.option("--overwrite", is_flag=True, help="Replace the files of an earlier run.")
def demo(output, model, overwrite):
    """Run a model on a real MUSE spectrum: a result table and a figure."""
    from phangs_sfh.plots import demonstration

    click.echo(demonstration.summary(demonstration.run(output, model, overwrite)))
