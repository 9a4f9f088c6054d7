"""How right the model is on stellar libraries it never saw: writes docs/robustness.md.

    pip download --no-deps sdss-mangadap==4.5.0
    unzip -q sdss_mangadap-4.5.0-py3-none-any.whl -d dap
    python -m studies.robustness page dap [--model NAME ...] [-n 300] [--ppxf 16]
    python -m studies.robustness grids dap grids

``page`` reads the templates in place; pPXF's answers are kept in --cache: with another model
nothing is fitted again. ``grids`` writes the sets as SSP grids for ``make-library --ssp``:
grids/miuscat.fits, bpass.fits, mastar.fits and mastar_noism.fits. The templates' own terms hold for
these too: they are for your use and not to be passed on.
"""

from pathlib import Path

import click

from studies import DOCS

MARK, AGES_MARK = "compare_libraries", "library_ages"
KNOWN_MARK = "known_populations"


@click.group(help=__doc__.splitlines()[0])
def main():
    pass


@main.command()
@click.argument("mangadap", type=click.Path(exists=True))
@click.option("--model", default="phangs", show_default=True, help="name or folder")
@click.option(
    "--assume",
    "options",
    multiple=True,
    default=("uncertain", "bc03", "basti"),
    show_default=True,
    help="stars; may be given several times",
)
@click.option("--set", "sets", multiple=True, help="of templates, by name [default: all]")
@click.option("-n", default=300, show_default=True, help="mocks a set")
@click.option("--ppxf", default=16, show_default=True, help="of which pPXF fits so many")
@click.option("--cache", default="compare_libraries", show_default=True, help="pPXF's answers")
@click.option("--workers", default=1, show_default=True, help="processes for pPXF")
@click.option("--page", type=click.Path(path_type=Path), default=DOCS / "robustness.md")
def page(mangadap, model, options, sets, n, ppxf, cache, workers, page):
    """Tables of the page, from MANGADAP, an unpacked sdss-mangadap wheel."""
    from phangs_sfh.evaluation.report.markdown import put_between
    from phangs_sfh.prediction.model import load_model
    from phangs_sfh.ssp import bc03
    from studies.robustness import apparent_ages, comparison, known_populations

    sets, loaded = sets or comparison.NAMES, load_model(model)
    models = {option: loaded.assuming(stars=option) for option in options}
    text = "\n".join(
        tables(one, option, mangadap, sets, n, ppxf if i == 0 else 0, cache, workers)
        for i, (option, one) in enumerate(models.items())
    )
    whole = [name for name in sets if not name.endswith(comparison.OLD)]
    control, *foreign = comparison.grids(mangadap, whole)
    ages = apparent_ages.ages_table(foreign, bc03.load())
    grids = dict([control, *foreign])
    known = known_populations.old_table(models, grids)
    known += "\n" + known_populations.gradient_table(models, grids)
    for mark, between in ((MARK, text), (AGES_MARK, ages), (KNOWN_MARK, known)):
        if not put_between(page, mark, between):
            raise click.ClickException(f"{page}: no marks '{mark}'; put them back")


def tables(model, option, mangadap, sets, n, ppxf, cache, workers):
    """A model under one assumption on all sets: the page's text."""
    from studies.robustness import comparison

    found = {}
    for known, grid in comparison.grids(mangadap, sets):
        folder = Path(cache) / known
        found[known] = comparison.compare(model, grid, n, ppxf, folder, workers=workers)
        covered = {k: round(v, 2) for k, v in found[known]["coverage"].items()}
        click.echo(f"{option}: {known} {covered}")
    return (
        f"## Model {model.info['name']} {model.info['version']}, stars={option}\n\n"
        f"{n} mocks a library, S/N 50, bias, standard deviation and 1.4826 MAD in dex:\n\n"
        + comparison.offsets_table(found)
        + "\nTruths in our 68 % intervals [%]:\n\n"
        + comparison.coverage_table(found)
        + "\nRoot mean square error [dex] and truths in 68 % intervals [%] by surprise, all "
        "tested libraries:\n\n" + comparison.surprise_table(found)
    )


@main.command()
@click.argument("mangadap", type=click.Path(exists=True))
@click.argument("output", type=click.Path(path_type=Path))
def grids(mangadap, output):
    """Write the sets of MANGADAP as SSP grids into the folder OUTPUT."""
    from phangs_sfh.ssp.grid import write_grid
    from studies.robustness.foreign_ssps import SETS, load_foreign

    output.mkdir(parents=True, exist_ok=True)
    for name in SETS:
        write_grid(load_foreign(name, mangadap), output / f"{name}.fits")
        click.echo(output / f"{name}.fits")


if __name__ == "__main__":
    main()
