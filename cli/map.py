"""``phangs-sfh map``: a cube and HST images in, maps of star formation histories out."""

import time

import click


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
@click.option("--overwrite", is_flag=True, help="Replace existing maps.")
def map(cube, output, model, plot, overwrite, **options):
    """Maps of ages, metallicities and star formation histories, with error bars, of CUBE.

    CUBE is a MUSE cube with extensions DATA and STAT, or another FITS cube with errors. Without
    one, the maps are of the images alone, on the pixels of the first. A run that was killed goes on
    where it was when it is started again in the same way.
    """
    from phangs_sfh.map_request import Options, check_request, open_request

    check_request(cube, output, plot, overwrite, Options(**options))

    from phangs_sfh import prediction

    loaded = prediction.load_model(model)
    request = open_request(cube, loaded, **options)
    for warning in request.warnings:
        click.echo(f"Warning: {warning}", err=True)
    counts, seconds = _run(request, loaded, output, overwrite)
    field = request.field
    if plot:
        from phangs_sfh.evaluation.map_figure import write_map_figure

        write_map_figure(output, plot)
    spaxels = request.shape[0] * request.shape[1]
    what, n = ("spaxels", spaxels) if field.bins is None else ("bins", field.n_bins)
    if counts.negative:
        click.echo(
            f"Warning: {cube}: {counts.negative} {what} without positive mean flux: spectrum not "
            "used",
            err=True,
        )
    click.echo(
        f"{output}: {counts.answered} of {n} {what} answered in {seconds:.2f} s "
        f"({spaxels / seconds:,.0f} spaxels/s)"
    )


def _run(request, model, output, overwrite):
    """Answer everything; returns the counts and the time taken [s]."""
    from phangs_sfh.cli.progress import progress_bar
    from phangs_sfh.cubes import Mapper

    start = time.perf_counter()
    try:
        with (
            request.work(output) as work,
            request.output(output, overwrite, work) as maps,
        ):
            if work.resumed:
                click.echo(f"{output}: going on where the last run ended", err=True)
            if work.replaced:
                click.echo(
                    f"Warning: {output}: an unfinished run with other input or options: begun anew",
                    err=True,
                )
            mapper = Mapper(request.cube, request.field, model, maps)
            with progress_bar("spaxels", mapper.work()) as advance:
                mapper.run(advance)
    except KeyboardInterrupt:
        click.echo(f"{output}: stopped; the same command goes on from here", err=True)
        raise
    return mapper.counts, time.perf_counter() - start
