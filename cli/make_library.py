"""``phangs-sfh make-library``: simulate galaxies into TFRecords."""

import click

from phangs_sfh.cli import options


@click.command("make-library")
@options.output("Folder of the library.", options.FOLDER, default="tfrecords/library")
@options.count(
    "-n", "--galaxies", default=165_000, least=3, text="Galaxies in all three splits together."
)
@options.seed("Of all random numbers: the same seed gives the same bytes.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes [default: as many as cores]."
)
@click.option("--ssp", help="Stellar populations: engine or file [default: as the prior says].")
@click.option(
    "--instrument", default="phangs", show_default=True, help="An instrument's name or file."
)
@click.option("--prior", help="A prior's name or file [default: the problem's; broad].")
@click.option(
    "--problem", default="histories", show_default=True,
    help="What is to be inferred: a problem's name, or package.module:OBJECT.",
)  # fmt: skip
@click.option(
    "--preview", is_flag=True, help="Only draw a dozen galaxies, into OUTPUT-preview.png."
)
@options.shared("Simulate", "parts, on a disk that all share", "the library")
@options.overwrite("an existing library")
def make_library(output, galaxies, preview, part, gather, dask, overwrite, **settings):
    """Simulate galaxies and write them as train, valid and test TFRecords.

    The same seed gives the same bytes, whatever the number of workers, parts or machines. A run
    that was killed is taken up again by the same command.
    """
    options.exclude(shard=part, gather=gather, dask=dask, preview=preview)
    if preview:
        if settings["problem"] != "histories":
            raise click.UsageError("--preview draws galaxies of the problem histories alone")
        draw_preview(f"{output.rstrip('/')}-preview.png", overwrite, settings)
        return
    from phangs_sfh.library.make_library import gather_library, make_library
    from phangs_sfh.progress import progress_bar

    if gather:
        library = gather_library(output, overwrite)
    else:
        library = make_library(
            output, galaxies, part=part, dask=dask, overwrite=overwrite,
            progress=progress_bar, **settings,
        )  # fmt: skip
    if library is None:
        click.echo(f"{output}: part done; the last of all parts makes the library")
        return
    counts = ", ".join(f"{library.n_galaxies(name)} {name}" for name in library.content["splits"])
    click.echo(f"{output}: {counts}")


def draw_preview(path, overwrite, settings):
    """Draw a dozen galaxies of what the library would be."""
    from phangs_sfh.plots.preview import N_SHOWN, preview_library

    used = {name: settings[name] for name in ("prior", "instrument", "ssp", "seed")}
    preview_library(path, overwrite=overwrite, **used)
    click.echo(f"{path}: {N_SHOWN} galaxies")
