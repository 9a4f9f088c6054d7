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
    from phangs_sfh.evaluation.evaluate import open_for
    from phangs_sfh.peers.bagpipes import require_bagpipes
    from phangs_sfh.peers.benchmark import comparison, report, sample
    from phangs_sfh.peers.ppxf import require_ppxf
    from phangs_sfh.prediction.model import load_model
    from phangs_sfh.progress import progress_bar

    require_ppxf()
    if bagpipes:
        require_bagpipes()
    model = load_model(model_folder)
    masked = model.masks_emission_lines
    if library:
        spectra = sample.from_library(open_for(model, library), n_spectra, seed, masked)
    else:
        spectra = sample.drawn(model.instrument, n_spectra, seed, masked)
    bootstrapped = min(bootstrapped, len(spectra)) if bootstraps else 0
    total = len(spectra) + bootstrapped * bootstraps + min(bagpipes, len(spectra))
    with progress_bar("fits of peers", total) as advance:
        summary, answers = comparison.run(
            output, model, spectra, bootstrapped, bootstraps, workers, advance, bagpipes
        )
    report.write(output, summary, answers, spectra.truth)
    click.echo(f"{output}: " + ", ".join(report.FILES))
