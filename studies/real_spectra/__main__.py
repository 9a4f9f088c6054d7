"""Real spectra through the model and pPXF: table and figure of docs/real_spectra.md.

pip download --no-deps sdss-mangadap==4.5.0
unzip -q sdss_mangadap-4.5.0-py3-none-any.whl -d dap
python -m studies.real_spectra [--mangadap dap] [--model DIR] [--bootstraps 0]
"""

from pathlib import Path

import click

from studies import DOCS

MARK = "real_spectra"


@click.command(help=__doc__.splitlines()[0])
@click.option("--mangadap", type=click.Path(exists=True), help="unpacked sdss-mangadap wheel")
@click.option("--model", help="model's name or folder [default: released]")
@click.option("--bootstraps", default=0, show_default=True, help="of pPXF, for its error bars")
@click.option("--docs", type=click.Path(path_type=Path), default=DOCS, help="where both go")
def main(mangadap, model, bootstraps, docs):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from phangs_sfh.evaluation.report.markdown import put_between
    from phangs_sfh.prediction.model import load_model
    from studies.real_spectra import comparison

    model = load_model(model)
    tables = comparison.all_tables(mangadap)
    found = comparison.compare(tables, model, bootstraps)
    figure = comparison.draw(found)
    FigureCanvasAgg(figure)
    figure.savefig(docs / "real_spectra.png", dpi=70)
    page = docs / "real_spectra.md"
    named = f"Model {model.info['name']} {model.info['version']}.\n\n"
    table = comparison.markdown(found) + "\n" + comparison.differences(found) + "\n"
    if not put_between(page, MARK, named + table):
        raise click.ClickException(f"{page}: no marks '{MARK}'; put them back")
    click.echo(table)


if __name__ == "__main__":
    main()
