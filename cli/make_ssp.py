"""``phangs-sfh make-ssp``: write an engine's stellar populations as a grid file."""

import click

from phangs_sfh.cli import options


@click.command("make-ssp")
@click.argument("engine")
@options.output("Grid file to write (FITS).", options.FILE)
@options.overwrite("an existing file")
def make_ssp(engine, output, overwrite):
    """Compute the simple stellar populations of ENGINE (bc03, fsps or a grid file) and keep them.

    The file serves as ``make-library --ssp FILE``. For fsps the environment variable SPS_HOME must
    name the data of FSPS, and python-fsps must be built with the MILES library.
    """
    from pathlib import Path

    from phangs_sfh.errors import InputError
    from phangs_sfh.ssp.engines import load_ssp
    from phangs_sfh.ssp.grid import write_grid

    if Path(output).exists() and not overwrite:
        raise InputError(f"{output}: exists already; use --overwrite or another name")
    if not Path(output).resolve().parent.is_dir():
        raise InputError(f"{output}: no such folder; make it first")
    grid = load_ssp(engine)
    write_grid(grid, output)
    click.echo(
        f"{output}: {grid.provenance['engine']}, {len(grid.age)} ages to "
        f"{grid.age[-1] / 1e9:.1f} Gyr, {len(grid.metallicity)} metallicities, "
        f"{grid.wave[0]:.0f}-{grid.wave[-1]:.0f} Å"
    )
