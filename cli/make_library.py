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
@click.option(
    "--ssp", default="bc03", show_default=True, help="Stellar populations: engine or file."
)
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
    from phangs_sfh.library import writer

    settings["overwrite"] = overwrite
    if preview:
        path = f"{output.rstrip('/')}-preview.png"
        if settings.pop("problem") != "histories":
            raise click.UsageError("--preview draws galaxies of the problem histories alone")
        del settings["workers"]
        draw_preview(path, **settings)
    elif gather:
        report(output, writer.gather(output, overwrite))
    elif part is not None:
        n_mine = sum(s.n_galaxies for s in writer.plan_shards(galaxies)[part[0] - 1 :: part[1]])
        report(output, simulated(writer.write_part, n_mine, output, galaxies, part, settings))
    elif dask is not None:
        from phangs_sfh.machines.dask_cluster import dask_client

        with dask_client(dask, settings["workers"]) as client:
            settings["dask"] = client
            report(output, simulated(writer.write_library, galaxies, output, galaxies, settings))
    else:
        report(output, simulated(writer.write_library, galaxies, output, galaxies, settings))


def simulated(write, total, *arguments):
    """Call ``write`` with arguments, the last of them by name, and a progress bar."""
    from phangs_sfh.progress import progress_bar

    *arguments, settings = arguments
    with progress_bar("galaxies", total) as advance:
        return write(*arguments, **settings, progress=advance)


def report(output, contents):
    if contents is None:
        click.echo(f"{output}: part done; the last of all parts makes the library")
        return
    counts = ", ".join(
        f"{split['n_galaxies']} {name}" for name, split in contents["splits"].items()
    )
    click.echo(f"{output}: {counts}")


def draw_preview(path, seed, ssp, prior, instrument, overwrite):
    from pathlib import Path

    from phangs_sfh.errors import InputError
    from phangs_sfh.galaxy.forward_model import ForwardModel
    from phangs_sfh.instrument.description import load_instrument
    from phangs_sfh.plots import preview
    from phangs_sfh.problems.histories.priors import DEFAULT, load_prior
    from phangs_sfh.ssp.engines import load_ssp

    if Path(path).exists() and not overwrite:
        raise InputError(f"{path}: exists already; use --overwrite or another name")
    settings = load_prior(prior or DEFAULT)
    forward = ForwardModel(load_ssp(ssp), load_instrument(instrument))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    preview.draw_preview(path, forward, settings, seed)
    click.echo(f"{path}: {preview.N_SHOWN} galaxies")
