"""``phangs-sfh benchmark``: this model against pPXF and bagpipes on the same spectra."""

import click


@click.command("benchmark")
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False), help="Folder to write."
)
@click.option(
    "--model", "model_folder", type=click.Path(), help="Model folder [default: the released model]."
)
@click.option(
    "-n",
    "--spectra",
    "n_spectra",
    default=300,
    show_default=True,
    type=click.IntRange(min=20),
    help="Spectra to fit.",
)
@click.option(
    "--bootstraps",
    default=100,
    show_default=True,
    type=click.IntRange(min=0),
    help="Refits of resampled residuals, for pPXF's error bars.",
)
@click.option(
    "--bootstrapped",
    default=24,
    show_default=True,
    type=click.IntRange(min=0),
    help="Spectra that get them.",
)
@click.option(
    "--bagpipes",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Spectra that bagpipes fits too; each takes minutes.",
)
@click.option(
    "--library",
    type=click.Path(file_okay=False),
    help="Library whose test split to use [default: new galaxies of the released prior].",
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of galaxies, noise."
)
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(min=1), help="Cores for peers."
)
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
