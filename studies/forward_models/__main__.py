"""The same galaxies through this package and through bagpipes or FSPS: docs/peers.png.

    python -m studies.forward_models bagpipes bagpipes.npz
    SPS_HOME=... python -m studies.forward_models fsps fsps.npz
    python -m studies.forward_models draw bagpipes.npz fsps.npz docs/peers.png

Each galaxy has one star formation history, metallicity, dust and velocity dispersion in both codes;
the instrument's line-spread function is set to the SSPs' own, since bagpipes and FSPS have
none. tests/galaxy/test_against_peers.py holds the tolerances.
"""

import click


@click.group(help=__doc__.splitlines()[0])
def main():
    pass


@main.command()
@click.argument("output", type=click.Path())
def bagpipes(output):
    """Compare with bagpipes and write OUTPUT (.npz)."""
    from studies.forward_models import against_bagpipes

    against_bagpipes.compare(output)


@main.command()
@click.argument("output", type=click.Path())
def fsps(output):
    """Compare with FSPS and write OUTPUT (.npz)."""
    from studies.forward_models import against_fsps

    against_fsps.compare(output)


@main.command()
@click.argument("bagpipes_file", type=click.Path(exists=True))
@click.argument("fsps_file", type=click.Path(exists=True))
@click.argument("output", type=click.Path())
def draw(bagpipes_file, fsps_file, output):
    """Draw both comparisons into OUTPUT (.png)."""
    from studies.forward_models import figure

    figure.draw(bagpipes_file, fsps_file, output)


if __name__ == "__main__":
    main()
