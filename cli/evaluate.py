"""``phangs-sfh evaluate``: how accurate a model is, and whether its error bars are true."""

import click


@click.command("evaluate")
@click.argument("library", type=click.Path(file_okay=False))
@click.option(
    "-o", "--output", required=True, type=click.Path(file_okay=False), help="Folder to write."
)
@click.option(
    "--model", "model_folder", type=click.Path(), help="Model folder, or a released name [phangs]."
)
@click.option(
    "--split",
    default="test",
    show_default=True,
    type=click.Choice(["train", "valid", "test"]),
    help="Galaxies to use.",
)
@click.option("-n", "--galaxies", type=click.IntRange(min=60), help="The first N galaxies only.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of the noise."
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier evaluation.")
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
