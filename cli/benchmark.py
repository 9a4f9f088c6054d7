"""``phangs-sfh benchmark``: this model against pPXF and bagpipes on the same spectra."""

import click

from phangs_sfh.cli import options


@click.command("benchmark")
@options.output("Folder to write.", options.FOLDER)
@options.model("model_folder")
@options.count("-n", "--spectra", "n_spectra", default=300, least=20, text="Spectra to fit.")
@options.count(
    "--bootstraps",
    default=100,
    least=0,
    text="Refits of resampled residuals, for pPXF's error bars.",
)
@options.count("--bootstrapped", default=24, least=0, text="Spectra that get them.")
@options.count(
    "--bagpipes", default=0, least=0, text="Spectra that bagpipes fits too; each takes minutes."
)
@click.option(
    "--library",
    type=click.Path(file_okay=False),
    help="Library whose test split to use [default: new galaxies of the released prior].",
)
@options.seed("Of galaxies, noise.")
@options.count("--workers", default=1, least=1, text="Cores for peers.")
def benchmark(
    output, model_folder, n_spectra, bootstraps, bootstrapped, bagpipes, library, seed, workers
):
    """Accuracy, coverage, time and memory on the same spectra: benchmark.json, .md and .png.

    The peers' answers are kept in the output folder: run again with another --model,
    nothing is fitted twice.
    """
    from phangs_sfh.peers.benchmark import report
    from phangs_sfh.peers.benchmark.benchmark import benchmark
    from phangs_sfh.progress import progress_bar

    benchmark(
        output, model_folder, n=n_spectra, bootstraps=bootstraps, bootstrapped=bootstrapped,
        bagpipes=bagpipes, library=library, seed=seed, workers=workers, progress=progress_bar,
    )  # fmt: skip
    click.echo(f"{output}: " + ", ".join(report.FILES))
