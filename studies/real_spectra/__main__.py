"""Real spectra through the model and pPXF: table and figure of docs/real_spectra.md.

pip download --no-deps sdss-mangadap==4.5.0
unzip -q sdss_mangadap-4.5.0-py3-none-any.whl -d dap
python -m studies.real_spectra [--mangadap dap] [--model DIR] [--bootstraps 0]
"""

import argparse
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg

from phangs_sfh.evaluation.report.markdown import put_between
from phangs_sfh.prediction.model import load_model
from studies.real_spectra import comparison

DOCS = Path(__file__).parents[2] / "docs"
MARK = "real_spectra"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mangadap", help="unpacked sdss-mangadap wheel")
    parser.add_argument("--model", help="model folder, default the released model")
    parser.add_argument("--bootstraps", type=int, default=0, help="of pPXF, for its error bars")
    parser.add_argument("--docs", type=Path, default=DOCS)
    options = parser.parse_args()
    model = load_model(options.model)
    tables = comparison.all_tables(options.mangadap)
    found = comparison.compare(tables, model, options.bootstraps)
    figure = comparison.draw(found)
    FigureCanvasAgg(figure)
    figure.savefig(options.docs / "real_spectra.png", dpi=70)
    page = options.docs / "real_spectra.md"
    named = f"Model {model.info['name']} {model.info['version']}.\n\n"
    table = comparison.markdown(found) + "\n" + comparison.differences(found) + "\n"
    if not put_between(page, MARK, named + table):
        raise SystemExit(f"{page}: no marks '{MARK}'; put them back")
    print(table)


if __name__ == "__main__":
    main()
