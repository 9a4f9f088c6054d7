"""``phangs-sfh predict``: a table of spectra and bands in, a table of histories out."""

import time

import click

from phangs_sfh.cli import options


@click.command()
@click.argument("table", type=click.Path())
@options.output("Result, .fits or .ecsv.")
@options.model()
@options.assume(" 'all': beside the default, columns of all others, NAME_OPTION.")
@click.option(
    "--server",
    metavar="HOST:PORT",
    help="Ask TensorFlow Serving there (gRPC; http://HOST:PORT for REST; /NAME behind for another "
    "model) instead of this machine. --model then says what the served model is.",
)
@click.option(
    "--timeout",
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    type=options.POSITIVE,
    help="With --server: longest wait for a batch.",
)
@options.redshift("For rows of which the table gives none.")
@options.wavemed("Medium of the wavelengths, where the table does not say.")
@options.count(
    "--batch-size", default=256, least=1, text="Spectra answered at once; changes no answer."
)
@click.option(
    "--samples",
    default=0,
    metavar="N",
    type=click.IntRange(0, 256),
    help="Add N samples of the joint posterior, at most 256, as vector columns NAME_samples.",
)
@click.option(
    "--plot",
    metavar="DIR",
    type=click.Path(),
    help="Draw each row into DIR/row-00000.png and so on; at most 100 rows.",
)
@options.overwrite("an existing result, and figures")
def predict(
    table, output, model, assumed, server, timeout, redshift, wavemed, batch_size, samples, plot,
    overwrite,
):  # fmt: skip
    """Star formation histories with error bars for every row of TABLE.

    TABLE is FITS or ECSV with columns wave, flux, flux_err [mask], redshift and bands F275W,
    F275W_err ...; or any 1-D spectrum that specutils can load.
    """
    from phangs_sfh.files.paths import check_apart
    from phangs_sfh.files.tables import check_input, check_output, write_table

    check_input(table)
    check_output(output, overwrite)
    check_apart(output, table)

    from phangs_sfh.prediction.model import load_model
    from phangs_sfh.progress import progress_bar

    loaded = load_model(model, server=server, timeout=timeout)
    side_by_side = "all" in assumed.values()
    if not side_by_side:
        loaded = loaded.assuming(**assumed)
    observations = loaded.read(table, redshift, wavemed)
    for warning in (*loaded.warnings, *observations.warnings):
        click.echo(f"Warning: {warning}", err=True)
    if plot:
        from phangs_sfh.plots.plot import check_figures, plot_rows

        check_figures(plot, len(observations), overwrite=overwrite)
    start = time.perf_counter()
    result = loaded.predict(
        observations, samples=samples, batch_size=batch_size, progress=progress_bar,
        side_by_side=side_by_side,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    write_table(result, output, overwrite)
    flagged = sum(flag != 0 for flag in result["flag"])
    click.echo(
        f"{output}: {len(result)} rows in {seconds:.2f} s "
        f"({len(result) / seconds:,.0f} spectra/s), {flagged} flagged"
    )
    if plot:
        paths = plot_rows(
            result, plot, table, loaded, redshift=redshift, wavemed=wavemed, overwrite=overwrite,
            progress=progress_bar,
        )  # fmt: skip
        click.echo(f"{plot}: {len(paths)} figures")
