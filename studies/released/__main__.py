"""Measure the released model again and put the numbers and figures where readers find them.

    make figures BROAD=tfrecords/broad [PAPER=tfrecords/paper]

evaluates the model on the test split of a library of prior ``broad`` (and ``phangs-paper`` on one
of prior ``paper``), benchmarks it against pPXF (kept answers are used; missing ones take half an
hour) and draws the demo. README.md and docs/benchmark.md get their tables between marks such as
``<!-- broad -->`` and ``<!-- end broad -->``; docs/ gets predicted_against_true.png, benchmark.png
and demo.png.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from phangs_sfh.evaluation.report.markdown import number, put_between, table
from phangs_sfh.peers.benchmark import report

ROOT = Path(__file__).parents[2]
SHOWN = ("sn20", "sn50", "sn100")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--broad", required=True, help="library of prior broad")
    parser.add_argument("--paper", help="library of prior paper")
    parser.add_argument("--model", default="phangs", help="model's name or folder")
    parser.add_argument("--paper-model", default="phangs-paper", help="the same for prior paper")
    parser.add_argument("--work", default="figures", type=Path, help="folder for all results")
    parser.add_argument("--benchmark", type=Path, help="folder of an earlier benchmark")
    parser.add_argument("-n", default=300, type=int, help="spectra of the benchmark")
    parser.add_argument("--bootstrapped", default=24, type=int)
    parser.add_argument("--bagpipes", default=0, type=int, help="spectra that bagpipes fits")
    options = parser.parse_args()
    model = ["--model", options.model]
    options.work.mkdir(parents=True, exist_ok=True)
    for name in ("broad", "paper"):
        library = getattr(options, name)
        if library:
            folder = options.work / name
            chosen = options.model if name == "broad" else options.paper_model
            command("evaluate", library, "-o", folder, "--overwrite", "--model", chosen)
            metrics = json.loads((folder / "metrics.json").read_text())
            put(ROOT / "README.md", name, accuracy(metrics))
    shutil.copy(options.work / "broad" / "predicted_against_true.png", ROOT / "docs")
    folder = options.benchmark or options.work / "benchmark"
    spectra = ["-n", options.n, "--bootstrapped", options.bootstrapped]
    spectra += ["--bagpipes", options.bagpipes]
    command("benchmark", "-o", folder, *spectra, *model)
    summary = json.loads((folder / report.JSON).read_text())
    put(ROOT / "README.md", "benchmark", report.short_table(summary))
    put(ROOT / "docs" / "benchmark.md", "benchmark", report.markdown(summary))
    shutil.copy(folder / report.FIGURE, ROOT / "docs")
    command("demo", "-o", options.work / "demo", "--overwrite")
    for picture in (options.work / "demo").glob("*.png"):
        shutil.copy(picture, ROOT / "docs" / "demo.png")


def command(*words):
    """Run phangs-sfh; what goes wrong ends this too."""
    line = [sys.executable, "-c", "from phangs_sfh.cli.main import main; main()"]
    subprocess.run([*line, *map(str, words)], check=True)


def accuracy(metrics):
    """Scatter at three S/N and bias, from metrics.json."""
    found = {name: metrics["conditions"][name]["scalars"] for name in SHOWN}
    header = ["[dex]", "S/N 20: std, 1.4826 MAD", "S/N 50", "S/N 100", "bias at S/N 50"]
    rows = []
    for name, title in report.NAMES.items():
        cells = [f"{number(e[name]['std'])}, {number(e[name]['mad_std'])}" for e in found.values()]
        rows.append([title, *cells, number(found["sn50"][name]["bias_median"], sign=True)])
    return f"{metrics['n']:,} galaxies of the test split:\n\n" + table(header, rows)


def put(page, mark, text):
    if not put_between(page, mark, text):
        print(f"{page.name}: no marks '{mark}', left as it is")


if __name__ == "__main__":
    main()
