"""Measure the released model again: numbers and figures of README and docs/benchmark.md.

    make figures BROAD=tfrecords/broad

evaluates the model on the test split of a library of prior ``broad``, under two assumptions about
the stars, benchmarks it against pPXF (kept answers are used; missing ones take half an hour) and
draws the demo. README.md and docs/benchmark.md get their tables between marks such as
``<!-- bc03 -->`` and ``<!-- end bc03 -->``; docs/ gets predicted_against_true.png, benchmark.png
and demo.png.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import click

from studies import DOCS

README = DOCS.parent / "README.md"
ASSUMED = ("bc03", "uncertain")
SHOWN = ("sn20", "sn50", "sn100")


@click.command(help=__doc__.splitlines()[0])
@click.option("--broad", required=True, help="library of prior broad")
@click.option("--model", default="phangs", show_default=True, help="model's name or folder")
@click.option(
    "--work",
    default="figures",
    show_default=True,
    type=click.Path(path_type=Path),
    help="folder for all results",
)
@click.option("--benchmark", type=click.Path(path_type=Path), help="folder of an earlier benchmark")
@click.option("-n", default=300, show_default=True, help="spectra of the benchmark")
@click.option("--bootstrapped", default=24, show_default=True, help="of which pPXF resamples")
@click.option("--bagpipes", default=0, show_default=True, help="spectra that bagpipes fits")
def main(broad, model, work, benchmark, n, bootstrapped, bagpipes):
    work.mkdir(parents=True, exist_ok=True)
    for stars in ASSUMED:
        folder, given = work / stars, ["--model", model, "--assume", f"stars={stars}"]
        command("evaluate", broad, "-o", folder, "--overwrite", *given)
        metrics = json.loads((folder / "metrics.json").read_text())
        put(README, stars, accuracy(metrics))
    shutil.copy(work / ASSUMED[0] / "predicted_against_true.png", DOCS)
    folder = benchmark or work / "benchmark"
    spectra = ["-n", n, "--bootstrapped", bootstrapped, "--bagpipes", bagpipes]
    command("benchmark", "-o", folder, *spectra, "--model", model)
    put_benchmark(folder)
    command("demo", "-o", work / "demo", "--overwrite")
    for picture in (work / "demo").glob("*.png"):
        shutil.copy(picture, DOCS / "demo.png")


def put_benchmark(folder):
    from phangs_sfh.peers.benchmark import report

    summary = json.loads((folder / report.JSON).read_text())
    put(README, "benchmark", report.short_table(summary))
    put(DOCS / "benchmark.md", "benchmark", report.markdown(summary))
    shutil.copy(folder / report.FIGURE, DOCS)


def command(*words):
    """Run phangs-sfh; what goes wrong ends this too."""
    line = [sys.executable, "-c", "from phangs_sfh.cli.main import main; main()"]
    subprocess.run([*line, *map(str, words)], check=True)


def accuracy(metrics):
    """Scatter at three S/N and bias, from metrics.json."""
    from phangs_sfh.evaluation.report.markdown import number, table
    from phangs_sfh.peers.benchmark import report

    found = {name: metrics["conditions"][name]["scalars"] for name in SHOWN}
    header = ["[dex]", "S/N 20: std, 1.4826 MAD", "S/N 50", "S/N 100", "bias at S/N 50"]
    rows = []
    for name, title in report.NAMES.items():
        cells = [f"{number(e[name]['std'])}, {number(e[name]['mad_std'])}" for e in found.values()]
        rows.append([title, *cells, number(found["sn50"][name]["bias_median"], sign=True)])
    return f"{metrics['n']:,} galaxies of the test split:\n\n" + table(header, rows)


def put(page, mark, text):
    from phangs_sfh.evaluation.report.markdown import put_between

    if not put_between(page, mark, text):
        click.echo(f"{page.name}: no marks '{mark}', left as it is")


if __name__ == "__main__":
    main()
