"""``phangs-sfh map``: a cube and HST images in, maps of star formation histories out."""

import time

import click

from phangs_sfh.cli.make_library import parsed


class BandFile(click.ParamType):
    """BAND=FILE."""

    name = "BAND=FILE"

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        band, equals, path = value.partition("=")
        if not (band and equals and path):
            self.fail(f"'{value}' must be BAND=FILE, for instance F275W=image.fits", param, ctx)
        return band.upper(), path


class BandWidth(click.ParamType):
    """FWHM or BAND=FWHM."""

    name = "[BAND=]FWHM"

    def convert(self, value, param, ctx):
        if isinstance(value, tuple):
            return value
        band, equals, width = str(value).rpartition("=")
        try:
            fwhm = float(width)
        except ValueError:
            fwhm = -1.0
        if not 0 <= fwhm < 100 or (equals and not band):
            self.fail(f"'{value}' must be arcseconds, or BAND=arcseconds", param, ctx)
        return (band.upper() if equals else None), fwhm


POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command("map")
@click.argument("cube", type=click.Path(), required=False)
@click.option("-o", "--output", required=True, type=click.Path(), help="Maps, .fits.")
@click.option("--image", "images", multiple=True, type=BandFile(), help="Image of a band.")
@click.option("--image-error", multiple=True, type=BandFile(), help="Its standard deviations.")
@click.option("--redshift", type=float, help="Of the galaxy.")
@click.option("--velocity", type=click.Path(), help="Map of velocities, added to --redshift.")
@click.option("--bins", type=click.Path(), help="Map of bin numbers, negative = none.")
@click.option("--snr", type=POSITIVE, help="Make bins of this S/N per pixel of 1.25 Angstrom.")
@click.option(
    "--bin-covariance", default=0.0, show_default=True, type=click.FloatRange(min=0),
    help="Errors of a bin of n spaxels grow by 1 + this times log10(n).",
)  # fmt: skip
@click.option(
    "--ebv", default=0.0, show_default=True, type=click.FloatRange(0, 5),
    help="E(B-V) of the Milky Way [mag], to be removed.",
)  # fmt: skip
@click.option("--distance", type=POSITIVE, help="[Mpc], for masses and rates of spaxels.")
@click.option(
    "--psf", type=POSITIVE,
    help="FWHM [arcsec] that images are brought to [default: the cube's, from its header].",
)  # fmt: skip
@click.option(
    "--image-psf", multiple=True, type=BandWidth(),
    help="FWHM [arcsec] of the images, of all or of one band [default: 0.08].",
)  # fmt: skip
@click.option("--grid", type=str.upper, help="Without CUBE: band whose pixels are used.")
@click.option("--unit", help="Unit of the cube's flux, where its header has none.")
@click.option("--image-unit", help="Unit of the images, where their headers have none.")
@click.option(
    "--wavemed", type=click.Choice(["air", "vacuum"]), help="Where the cube does not say."
)
@click.option(
    "--model", type=click.Path(), help="Exported model's folder, or a released name [phangs]."
)
@click.option("--plot", type=click.Path(), help="Figure of the maps, .png or .pdf.")
@click.option(
    "--shard", "part", metavar="I/N",
    help="Answer only the I-th of N shares of the rows; the last of them makes the maps.",
)  # fmt: skip
@click.option("--gather", is_flag=True, help="Make the maps of shares that are all there.")
@click.option(
    "--dask", metavar="ADDRESS",
    help="Answer on a Dask cluster: its scheduler's tcp://HOST:PORT, or 'local'.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace existing maps.")
def map(cube, output, model, plot, part, gather, dask, overwrite, **options):
    """Maps of ages, metallicities and star formation histories, with error bars, of CUBE.

    CUBE is a MUSE cube with extensions DATA and STAT, or another FITS cube with errors. Without
    one, the maps are of the images alone, on the pixels of the first. A run that was killed goes on
    where it was when it is started again in the same way. --gather needs no CUBE.
    """
    if (part is not None) + gather + (dask is not None) > 1:
        raise click.UsageError("--shard, --gather and --dask exclude each other")
    part = part and parsed(part)
    from phangs_sfh.maps.request import Options, check_independent, check_plot, check_request

    check_plot(plot, overwrite)
    if gather:
        from phangs_sfh.maps import shares as map_parts

        joined(output, plot, map_parts.gather(output, overwrite))
        return
    check_request(cube, output, plot, overwrite, Options(**options))
    if part or dask is not None:
        check_independent(Options(**options), "--shard" if part else "--dask")

    from phangs_sfh.maps.request import open_request
    from phangs_sfh.prediction.model import load_model

    loaded = load_model(model)
    request = open_request(cube, loaded, **options)
    for warning in request.warnings:
        click.echo(f"Warning: {warning}", err=True)
    if part:
        share(request, loaded, output, overwrite, part, plot)
    elif dask is not None:
        from phangs_sfh.machines.dask_cluster import dask_client
        from phangs_sfh.maps.on_dask import describe

        with dask_client(dask) as client:
            cluster = client, describe(cube, loaded, options, request.identity)
            whole(cube, request, plot, output, *_run(request, loaded, output, overwrite, cluster))
    else:
        whole(cube, request, plot, output, *_run(request, loaded, output, overwrite))


def share(request, model, output, overwrite, part, plot):
    """Answer one share of the rows, and join all if it was the last."""
    from phangs_sfh.maps import shares as map_parts

    with map_parts.one_part(request, output, part) as path:
        if path is not None:
            mapper, _ = _run(request, model, path, True, part=part)
            map_parts.note_done(path, mapper.blocks, mapper.counts)
    joined(output, plot, map_parts.gather_if_last(output, overwrite))


def joined(output, plot, found):
    if found is None:
        click.echo(f"{output}: part done; the last of all parts makes the maps")
        return
    counts, spaxels = found
    draw(output, plot)
    warn_of_negative(output, counts, "spaxels")
    click.echo(f"{output}: {counts.answered} of {spaxels} spaxels answered, by parts")


def draw(output, plot):
    if plot:
        from phangs_sfh.plots.map_figure import write_map_figure

        write_map_figure(output, plot)


def whole(cube, request, plot, output, mapper, seconds):
    """Draw and report what a run on one machine or cluster made."""
    draw(output, plot)
    counts, field = mapper.counts, request.field
    spaxels = request.shape[0] * request.shape[1]
    what, n = ("spaxels", spaxels) if field.bins is None else ("bins", field.n_bins)
    warn_of_negative(cube, counts, what)
    click.echo(
        f"{output}: {counts.answered} of {n} {what} answered in {seconds:.2f} s "
        f"({spaxels / seconds:,.0f} spaxels/s)"
    )


def warn_of_negative(source, counts, what):
    if counts.negative:
        click.echo(
            f"Warning: {source}: {counts.negative} {what} without positive mean flux: spectrum not "
            "used",
            err=True,
        )


def _run(request, model, output, overwrite, cluster=None, part=None):
    """Answer everything, or a part; returns the mapper and the time taken [s]."""
    from phangs_sfh.cli.progress import progress_bar
    from phangs_sfh.maps.mapper import Mapper

    start = time.perf_counter()
    try:
        with (
            request.work(output, part) as work,
            request.output(output, overwrite, work, part) as maps,
        ):
            if work.resumed:
                click.echo(f"{output}: going on where the last run ended", err=True)
            if work.replaced:
                click.echo(
                    f"Warning: {output}: an unfinished run with other input or options: begun anew",
                    err=True,
                )
            mapper = Mapper(request.cube, request.field, model, maps, part)
            with progress_bar("spaxels", mapper.work()) as advance:
                if cluster is None:
                    mapper.run(advance)
                else:
                    from phangs_sfh.maps.on_dask import run

                    run(mapper, *cluster, advance)
    except KeyboardInterrupt:
        click.echo(f"{output}: stopped; the same command goes on from here", err=True)
        raise
    return mapper, time.perf_counter() - start
