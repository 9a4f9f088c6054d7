"""``phangs-sfh evaluate``: how accurate a model is, and whether its error bars are true."""

import click

from phangs_sfh.cli import options


@click.command("evaluate")
@click.argument("library", type=click.Path(file_okay=False))
@options.output("Folder to write.", options.FOLDER)
@options.model("model_folder")
@click.option(
    "--split",
    default="test",
    show_default=True,
    type=click.Choice(["train", "valid", "test"]),
    help="Galaxies to use.",
)
@click.option("-n", "--galaxies", type=click.IntRange(min=60), help="The first N galaxies only.")
@options.seed("Of the noise.")
@options.overwrite("an earlier evaluation")
def evaluate(library, output, model_folder, split, galaxies, seed, overwrite):
    """Measure a model on LIBRARY: metrics.json, report.md with figures, model_card.md.

    Galaxies are observed at S/N 20, 50 and 100, without bands, without spectrum, and in the mix of
    the training. Noise comes from the seed.
    """
    from phangs_sfh.evaluation import evaluate as evaluation
    from phangs_sfh.evaluation.report import page
    from phangs_sfh.prediction.model import load_model
    from phangs_sfh.progress import progress_bar

    page.check_output(output, overwrite)
    model = load_model(model_folder)
    library = evaluation.open_for(model, library)
    n = min(library.n_galaxies(split), galaxies or library.n_galaxies(split))
    with progress_bar("galaxies", n * len(evaluation.DESCRIPTIONS)) as advance:
        results = evaluation.evaluate(library, model, split, galaxies, seed, advance)
    page.write_report(output, *results, overwrite)
    click.echo(f"{output}: {page.REPORT}, {page.METRICS}, {page.CARD}")
