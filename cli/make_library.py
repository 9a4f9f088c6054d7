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
@click.option(
    "--shard",
    "part",
    metavar="I/N",
    help="Write only the I-th of N parts, on a disk that all share; the last makes the library.",
)
@click.option("--gather", is_flag=True, help="Make the library of parts that are all there.")
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Simulate on a Dask cluster: its scheduler's tcp://HOST:PORT, or 'local'.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing library.")
def make_library(output, galaxies, preview, part, gather, dask, overwrite, **settings):
    """Simulate galaxies and write them as train, valid and test TFRecords.

    The same seed gives the same bytes, whatever the number of workers, parts or machines. A run
    that was killed is taken up again by the same command.
    """
    if (part is not None) + gather + (dask is not None) + preview > 1:
        raise click.UsageError("--shard, --gather, --dask and --preview exclude each other")
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
        part = parsed(part)
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


def parsed(part):
    """(i, n) of ``I/N``."""
    i, _, n = part.partition("/")
    if not (i.isdecimal() and n.isdecimal() and 1 <= int(i) <= int(n)):
        raise click.UsageError(f"--shard {part}: give I/N, with I from 1 to N")
    return int(i), int(n)


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
