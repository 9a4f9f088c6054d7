"""How near the network is to the limit that the data set: makes docs/information.md.

    python -m studies.information [STAGE ...] [--model NAME=FOLDER]

``bound`` computes Fisher matrices, ``network`` the model's scatter on mocks, ``sampling`` the exact
posteriors of single galaxies (needs emcee: pip install phangs-sfh[benchmark]; only of those not
there yet), ``ask`` the model's answers for the same galaxies, ``page`` tables and figure. Without a
stage: all of them. Results are kept in docs/data/information.json; remove it to begin afresh.
"""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import click

from studies import DOCS

FIRST_CASE = 100  # seed
STAGES = ("bound", "network", "sampling", "ask", "page")


@click.command(help=__doc__.splitlines()[0])
@click.argument("stages", nargs=-1, type=click.Choice(STAGES), metavar="[STAGE]...")
@click.option("--docs", type=click.Path(path_type=Path), default=DOCS, help="with information.md")
@click.option("--galaxies", default=300, show_default=True, help="of each prior, for the bound")
@click.option("--mocks", default=750, show_default=True, help="of each prior, for the network")
@click.option("--cases", default=9, show_default=True, help="to sample")
@click.option("--steps", default=360, show_default=True, help="of the chains")
@click.option("--first", default=FIRST_CASE, show_default=True, help="seed of the first case")
@click.option("--model", multiple=True, metavar="NAME=FOLDER", help="may be given several times")
def main(stages, **options):
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from studies.information import stages as work

    settings = SimpleNamespace(**options)
    path = settings.docs / "data" / "information.json"
    content = json.loads(path.read_text()) if path.exists() else {}
    work.run([stage for stage in STAGES if stage in (stages or STAGES)], settings, content)


if __name__ == "__main__":
    main()
