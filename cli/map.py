"""``phangs-sfh map``: a cube and HST images in, maps of star formation histories out."""

import click

from phangs_sfh.cli import options as common


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


@click.command("map")
@click.argument("cube", type=click.Path(), required=False)
@common.output("Maps, .fits.")
@click.option(
    "--phangs", metavar="DIR", type=click.Path(),
    help="CUBE is a galaxy's name; take what this folder of PHANGS has of it. Other options go "
    "first; 'none' for a file leaves out what was found.",
)  # fmt: skip
@click.option("--image", "images", multiple=True, type=BandFile(), help="Image of a band.")
@click.option("--image-error", multiple=True, type=BandFile(), help="Its errors.")
@click.option(
    "--image-error-is", type=click.Choice(["standard deviation", "variance", "inverse variance"]),
    help="What error images hold [default: what names, headers and the sky's scatter tell].",
)  # fmt: skip
@common.redshift("Of the galaxy.")
@click.option("--velocity", type=click.Path(), help="Map of velocities, added to --redshift.")
@click.option("--bins", type=click.Path(), help="Map of bin numbers, negative = none.")
@click.option("--star-mask", type=click.Path(), help="Map, not 0 on foreground stars: left out.")
@click.option(
    "--snr", type=common.POSITIVE, help="Make bins of this S/N per pixel of 1.25 Angstrom."
)
@click.option(
    "--bin-covariance", default=0.0, show_default=True, type=common.Number(min=0),
    help="Errors of a bin of n spaxels grow by 1 + this times log10(n).",
)  # fmt: skip
@click.option(
    "--ebv", type=common.Number(0, 5),
    help="E(B-V) of the Milky Way [mag], to be removed [default: 0].",
)  # fmt: skip
@click.option("--distance", type=common.POSITIVE, help="[Mpc], for masses and rates of spaxels.")
@click.option(
    "--psf", type=common.POSITIVE,
    help="FWHM [arcsec] that images are brought to [default: the cube's, from its header].",
)  # fmt: skip
@click.option(
    "--image-psf", multiple=True, type=BandWidth(),
    help="FWHM [arcsec] of the images, of all or of one band [default: 0.08].",
)  # fmt: skip
@click.option("--grid", type=str.upper, help="Without CUBE: band whose pixels are used.")
@click.option("--unit", help="Unit of the cube's flux, where its header has none.")
@click.option("--image-unit", help="Unit of the images, where their headers have none.")
@common.wavemed("Medium of the wavelengths, where the cube does not say.")
@common.model()
@click.option("--table", type=click.Path(), help="Table too, .fits or .ecsv: a row for each bin.")
@click.option(
    "--samples", default=0, type=click.IntRange(0, 256),
    help="Put so many samples of the posterior of each bin into the table.",
)  # fmt: skip
@common.assume()
@click.option("--plot", type=click.Path(), help="Figure of the maps, .png or .pdf.")
@common.shared("Answer", "shares of the rows", "the maps")
@common.overwrite("existing maps")
def map(
    cube, output, phangs, model, assumed, plot, part, gather, dask, overwrite, **options
):  # fmt: skip
    """Maps of ages, metallicities and star formation histories, with error bars, of CUBE.

    CUBE is a MUSE cube with extensions DATA and STAT, or another FITS cube with errors. Without
    one, the maps are of the images alone, on the pixels of the first. With --phangs DIR it is the
    name of a galaxy, and all that is needed is found. A run that was killed goes on where it was
    when it is started again in the same way. --gather needs no CUBE.
    """
    common.exclude(shard=part, gather=gather, dask=dask)
    from phangs_sfh.cli.notes import warnings_as_lines
    from phangs_sfh.maps.map_cube import gather_maps, map_cube
    from phangs_sfh.maps.request import check_plot
    from phangs_sfh.prediction.model import load_model
    from phangs_sfh.progress import progress_bar

    images = (path for _, path in (*options["images"], *options["image_error"]))
    others = cube, output, options["velocity"], options["bins"], *images
    check_plot(plot, overwrite, others)
    with warnings_as_lines():
        if gather:
            maps = gather_maps(output, overwrite)
        else:
            if phangs:
                options = found_in(phangs, cube, model, options)
            else:
                options["cube"] = cube
            try:
                loaded = load_model(model).assuming(**assumed)
                maps = map_cube(
                    output=output, model=loaded, part=part, dask=dask, overwrite=overwrite,
                    progress=progress_bar, **options,
                )  # fmt: skip
            except KeyboardInterrupt:
                click.echo(f"{output}: stopped; the same command goes on from here", err=True)
                raise
    report(output, maps, plot)


def found_in(folder, galaxy, model, options):
    """The options, filled from a folder of PHANGS; says what was taken."""
    from phangs_sfh.maps.phangs.finder import find_phangs

    if galaxy is None:
        raise click.UsageError("--phangs DIR: name a galaxy, for instance NGC3627")
    found = find_phangs(folder, galaxy, model=model, **options)
    click.echo(found, err=True)
    return found.arguments


def report(output, maps, plot):
    """Draw the maps, if asked to, and say what was done."""
    if maps is None:
        click.echo(f"{output}: part done; the last of all parts makes the maps")
        return
    if plot:
        from phangs_sfh.plots.map_figure import plot_maps

        plot_maps(output, plot)
    how = ", by parts"
    if maps.seconds is not None:
        how = f" in {maps.seconds:.2f} s ({maps.spaxels / maps.seconds:,.0f} spaxels/s)"
    click.echo(f"{output}: {maps.answered} of {maps.of} {maps.what} answered{how}")
