"""``phangs-sfh predict``: a table of spectra and bands in, a table of histories out."""

import time

import click


@click.command()
@click.argument("table", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), help="Result, .fits or .ecsv.")
@click.option(
    "--model", type=click.Path(), help="Exported model's folder, or a released name [phangs]."
)
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
    type=click.FloatRange(min=0, min_open=True),
    help="With --server: longest wait for a batch.",
)
@click.option("--redshift", type=float, help="For rows of which the table gives none.")
@click.option(
    "--wavemed",
    type=click.Choice(["air", "vacuum"]),
    help="Medium of the wavelengths, where the table does not say.",
)
@click.option(
    "--batch-size",
    default=256,
    show_default=True,
    type=click.IntRange(min=1),
    help="Spectra answered at once; changes no answer.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing result.")
def predict(table, output, model, server, timeout, redshift, wavemed, batch_size, overwrite):
    """Star formation histories with error bars for every row of TABLE.

    TABLE is FITS or ECSV with columns wave, flux, flux_err [mask], redshift and bands F275W,
    F275W_err ...; or any 1-D spectrum that specutils can load.
    """
    from phangs_sfh.files.tables import check_input, check_output, write_table

    check_input(table)
    check_output(output, overwrite)

    from phangs_sfh.prediction.model import load_model
    from phangs_sfh.progress import progress_bar

    loaded = load_model(model, server=server, timeout=timeout)
    observations = loaded.read(table, redshift, wavemed)
    for warning in (*loaded.warnings, *observations.warnings):
        click.echo(f"Warning: {warning}", err=True)
    start = time.perf_counter()
    result = loaded.predict(observations, batch_size=batch_size, progress=progress_bar)
    seconds = time.perf_counter() - start
    write_table(result, output, overwrite)
    flagged = sum(flag != 0 for flag in result["flag"])
    click.echo(
        f"{output}: {len(result)} rows in {seconds:.2f} s "
        f"({len(result) / seconds:,.0f} spectra/s), {flagged} flagged"
    )
