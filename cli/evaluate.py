"""``phangs-sfh evaluate``: how accurate a model is, and whether its error bars are true."""

import click

from phangs_sfh.cli import options


@click.command("evaluate")
@click.argument("library", type=click.Path(file_okay=False))
@options.output("Folder to write.", options.FOLDER)
@options.model("model_folder")
@options.assume()
@click.option(
    "--split",
    default="test",
    show_default=True,
    type=click.Choice(["train", "valid", "test"]),
    help="Which of its objects to use.",
)
@click.option("-n", "--galaxies", type=click.IntRange(min=60), help="The first N objects only.")
@options.seed("Of the noise.")
@options.overwrite("an earlier evaluation")
def evaluate(library, output, model_folder, assumed, split, galaxies, seed, overwrite):
    """Measure a model on LIBRARY: metrics.json, report.md with figures, model_card.md.

    The library's objects are observed at S/N 20, 50 and 100, without bands, without spectrum, and
    in the mix of the training, as far as the model's problem has spectra and bands. Noise comes
    from the seed.
    """
    from phangs_sfh.evaluation.report import page
    from phangs_sfh.evaluation.report.evaluation import evaluate
    from phangs_sfh.prediction.model import load_model
    from phangs_sfh.progress import progress_bar

    page.check_output(output, overwrite)
    model = load_model(model_folder).assuming(**assumed)
    found = evaluate(model, library, split=split, n=galaxies, seed=seed, progress=progress_bar)
    found.write(output, overwrite)
    click.echo(f"{output}: {page.REPORT}, {page.METRICS}, {page.CARD}")
