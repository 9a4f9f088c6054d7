"""``phangs-sfh demo``: a real spectrum in, a table and a figure out."""

import click

from phangs_sfh.cli import options


@click.command()
@options.output("Folder for the result table and the figure.", options.FOLDER, default="demo")
@options.model()
@options.overwrite("the files of an earlier run")
def demo(output, model, overwrite):
    """Run a model on a real MUSE spectrum: a result table and a figure."""
    from phangs_sfh.plots.demonstration import demo

    click.echo(demo(output, model, overwrite))
