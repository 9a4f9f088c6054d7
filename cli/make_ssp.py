"""``phangs-sfh make-ssp``: write an engine's stellar populations as a grid file."""

import click

from phangs_sfh.cli import options


@click.command("make-ssp")
@click.argument("engine")
@options.output("Grid file to write (FITS).", options.FILE)
@options.overwrite("an existing file")
def make_ssp(engine, output, overwrite):
    """Compute the stellar populations of ENGINE (bc03, basti, fsps or a grid file) and keep them.

    The file serves as ``make-library --ssp FILE``. For fsps the environment variable SPS_HOME must
    name the data of FSPS, and python-fsps must be built with the MILES library.
    """
    from phangs_sfh.ssp.make_ssp import make_ssp

    grid = make_ssp(engine, output, overwrite)
    click.echo(
        f"{output}: {grid.provenance['engine']}, {len(grid.age)} ages to "
        f"{grid.age[-1] / 1e9:.1f} Gyr, {len(grid.metallicity)} metallicities, "
        f"{grid.wave[0]:.0f}-{grid.wave[-1]:.0f} Å"
    )
