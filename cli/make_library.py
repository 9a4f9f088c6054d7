"""``phangs-sfh make-library``: simulate galaxies into TFRecords."""

import click


@click.command("make-library")
@click.option(
    "-o",
    "--output",
    default="tfrecords/library",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Folder of the library.",
)
@click.option(
    "-n",
    "--galaxies",
    default=165_000,
    show_default=True,
    type=click.IntRange(min=3),
    help="Galaxies in all three splits together.",
)
@click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Of all random numbers: the same seed gives the same bytes.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes [default: as many as cores]."
)
@click.option(
    "--ssp", default="bc03", show_default=True, help="Stellar populations: engine or file."
)
@click.option("--prior", default="broad", show_default=True, help="A prior's name or file.")
@click.option(
    "--preview", is_flag=True, help="Only draw a dozen galaxies, into OUTPUT-preview.png."
)
@click.option("--overwrite", is_flag=True, help="Replace an existing library.")
def make_library(output, galaxies, seed, workers, ssp, prior, preview, overwrite):
    """Simulate galaxies and write them as train, valid and test TFRecords.

    The same seed gives the same bytes, whatever the number of workers. A run that was killed is
    taken up again by the same command.
    """
    if preview:
        draw_preview(f"{output.rstrip('/')}-preview.png", seed, ssp, prior, overwrite)
        return
    from phangs_sfh.cli.progress import progress_bar
    from phangs_sfh.library.writer import write_library

    with progress_bar("galaxies", galaxies) as advance:
        contents = write_library(output, galaxies, seed, workers, ssp, prior, overwrite, advance)
    counts = ", ".join(
        f"{split['n_galaxies']} {name}" for name, split in contents["splits"].items()
    )
    click.echo(f"{output}: {counts}")


def draw_preview(path, seed, ssp, prior, overwrite):
    from pathlib import Path

    from phangs_sfh.errors import InputError
    from phangs_sfh.evaluation import preview
    from phangs_sfh.galaxy.model import ForwardModel
    from phangs_sfh.instrument import load_instrument
    from phangs_sfh.library.priors import load_prior
    from phangs_sfh.ssp.engines import load_ssp

    if Path(path).exists() and not overwrite:
        raise InputError(f"{path}: exists already; use --overwrite or another name")
    settings = load_prior(prior)
    model = ForwardModel(load_ssp(ssp), load_instrument())
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    preview.draw_preview(path, model, settings, seed)
    click.echo(f"{path}: {preview.N_SHOWN} galaxies")
