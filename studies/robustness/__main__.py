"""How right the model is on stellar libraries it never saw: writes docs/robustness.md.

    pip download --no-deps sdss-mangadap==4.5.0
    unzip -q sdss_mangadap-4.5.0-py3-none-any.whl -d dap
    python -m studies.robustness --mangadap dap [--model NAME ...] [-n 300] [--ppxf 16]

The templates are read in place. pPXF's answers are kept in --cache: with another model nothing is
fitted again.
"""

import argparse
from pathlib import Path

from phangs_sfh.evaluation.report.markdown import put_between
from phangs_sfh.prediction.model import load_model
from phangs_sfh.ssp import bc03
from studies.robustness import apparent_ages, comparison

PAGE = Path(__file__).parents[2] / "docs" / "robustness.md"
MARK, AGES_MARK = "compare_libraries", "library_ages"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mangadap", required=True, help="unpacked sdss-mangadap wheel")
    parser.add_argument("--model", nargs="*", default=["phangs", "phangs-robust"])
    parser.add_argument("--libraries", nargs="*", default=comparison.NAMES)
    parser.add_argument("-n", type=int, default=300, help="mocks a library")
    parser.add_argument("--ppxf", type=int, default=16, help="of which pPXF fits so many")
    parser.add_argument("--cache", default="compare_libraries", help="folder of pPXF's answers")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--page", default=PAGE, type=Path)
    options = parser.parse_args()
    text = "\n".join(tables(name, options) for name in options.model)
    whole = [name for name in options.libraries if not name.endswith(comparison.OLD)]
    grids = list(comparison.grids(options.mangadap, whole))[1:]
    ages = apparent_ages.ages_table(grids, bc03.load())
    for mark, part in ((MARK, text), (AGES_MARK, ages)):
        if not put_between(options.page, mark, part):
            raise SystemExit(f"{options.page}: no marks '{mark}'; put them back")


def tables(name, options):
    """One model on all libraries: the page's text."""
    model = load_model(name)
    found = {}
    for library, grid in comparison.grids(options.mangadap, options.libraries):
        folder = Path(options.cache) / library
        found[library] = comparison.compare(
            model, grid, options.n, options.ppxf, folder, workers=options.workers
        )
        print(library, {k: round(v, 2) for k, v in found[library]["coverage"].items()}, flush=True)
    return (
        f"## Model {model.info['name']} {model.info['version']}\n\n"
        f"{options.n} mocks a library, S/N 50, bias, standard deviation and 1.4826 MAD in dex:\n\n"
        + comparison.offsets_table(found)
        + "\nTruths in our 68 % intervals [%]:\n\n"
        + comparison.coverage_table(found)
        + "\nRoot mean square error [dex] and truths in 68 % intervals [%] by surprise, all "
        "tested libraries:\n\n" + comparison.surprise_table(found)
    )


if __name__ == "__main__":
    main()
