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


@click.command("map")
@click.argument("cube", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="Maps, .fits.")
@click.option("--image", "images", multiple=True, type=BandFile(), help="Image of a band.")
@click.option("--image-error", multiple=True, type=BandFile(), help="Its standard deviations.")
@click.option("--redshift", type=float, help="Of the galaxy.")
@click.option("--velocity", type=click.Path(), help="Map of velocities, added to --redshift.")
@click.option("--bins", type=click.Path(), help="Map of bin numbers, negative = none.")
@click.option(
    "--bin-covariance", default=0.0, show_default=True, type=click.FloatRange(min=0),
    help="Errors of a bin of n spaxels grow by 1 + this times log10(n).",
)  # fmt: skip
@click.option(
    "--ebv", default=0.0, show_default=True, type=click.FloatRange(0, 5),
    help="E(B-V) of the Milky Way [mag], to be removed.",
)  # fmt: skip
@click.option("--psf", type=click.FloatRange(min=0, min_open=True), help="Cube's FWHM [arcsec].")
@click.option(
    "--image-psf", default=0.08, show_default=True, type=click.FloatRange(min=0),
    help="Images' FWHM [arcsec].",
)  # fmt: skip
@click.option("--unit", help="Unit of the cube's flux, where its header has none.")
@click.option("--image-unit", help="Unit of the images, where their headers have none.")
@click.option(
    "--wavemed", type=click.Choice(["air", "vacuum"]), help="Where the cube does not say."
)
@click.option("--model", type=click.Path(), help="Exported model's folder [default: released].")
@click.option("--plot", type=click.Path(), help="Figure of the maps, .png or .pdf.")
@click.option("--overwrite", is_flag=True, help="Replace existing maps.")
def map(cube, output, model, plot, overwrite, **options):
    """Maps of ages, metallicities and star formation histories, with error bars, of CUBE.

    CUBE is a MUSE cube with extensions DATA and STAT, or another FITS cube with errors. The maps
    are on its spaxels, one extension for every column of the result table.
    """
    from phangs_sfh.map_output import check_map_output
    from phangs_sfh.map_request import check_request, open_request

    check_map_output(output, overwrite)
    check_request(cube, plot, overwrite, **options)

    from phangs_sfh import prediction
    from phangs_sfh.cli.progress import progress_bar
    from phangs_sfh.cubes import Mapper

    loaded = prediction.load_model(model)
    request = open_request(cube, loaded, **options)
    for warning in request.warnings:
        click.echo(f"Warning: {warning}", err=True)
    start = time.perf_counter()
    with request.output(output, overwrite) as maps:
        mapper = Mapper(request.cube, request.field, loaded, maps)
        with progress_bar("spaxels", mapper.work()) as advance:
            mapper.run(advance)
    seconds = time.perf_counter() - start
    counts, field = mapper.counts, request.field
    if plot:
        from phangs_sfh.evaluation.map_figure import write_map_figure

        write_map_figure(output, plot)
    what, n = ("spaxels", field.redshift.size) if field.bins is None else ("bins", field.n_bins)
    if counts.negative:
        click.echo(
            f"Warning: {cube}: {counts.negative} {what} without positive mean flux: spectrum not "
            "used",
            err=True,
        )
    click.echo(
        f"{output}: {counts.answered} of {n} {what} answered in {seconds:.2f} s "
        f"({field.redshift.size / seconds:,.0f} spaxels/s)"
    )
