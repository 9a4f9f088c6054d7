"""What libraries, maps, serving and variants of the network cost in time and memory.

    python -m studies.cost library 10000 100000 300000    # docs/choices.md
    python -m studies.cost maps --side 100 --mosaic 0      # docs/scale.md
    python -m studies.cost serving                         # docs/serving.md
    python -m studies.cost variants MODEL LIBRARY --xla    # docs/serving.md

Run it on a machine that does nothing else where times are by the clock (maps, serving); the others
are of the processor.
"""

import os
from pathlib import Path

import click

from studies import DOCS

RELEASED = DOCS.parent / "saved_models" / "phangs" / "3"


@click.group(help=__doc__.splitlines()[0])
def main():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@main.command()
@click.argument("sizes", nargs=-1, type=int)
def library(sizes):
    """Galaxies a second and memory of libraries of SIZES (10 000 and 30 000), on one core."""
    from studies.cost import library

    library.measure(sizes or (10_000, 30_000))


@main.command()
@click.option(
    "--side",
    "sides",
    multiple=True,
    type=int,
    default=(100, 200, 400),
    show_default=True,
    help="Of a square cube; may be given several times, 0 = none.",
)
@click.option("--mosaic", default=1400, show_default=True, help="Side of the sparse one, 0 = none.")
@click.option("--rows", default=56, show_default=True, help="Image rows of it with spectra.")
@click.option("--images", is_flag=True, help="With an image for the mosaic.")
@click.option("--folder", type=click.Path(), help="For the cubes (5 GB) [default: temporary].")
@click.option("--model", type=click.Path(), help="Exported model's folder [default: released].")
def maps(sides, **options):
    """Spaxels a second and memory of the command map, from disk to maps."""
    from studies.cost import maps

    maps.measure([side for side in sides if side], **options)


@main.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path), default=RELEASED)
@click.option("--threads", multiple=True, type=int, default=(1, 2), show_default=True)
@click.option(
    "--batch",
    "batches",
    multiple=True,
    type=int,
    default=(1, 32, 128, 1024),
    show_default=True,
    help="Size; may be given several times.",
)
@click.option("--requests", type=int, help="Only look at memory, over so many requests.")
def serving(model, threads, batches, requests):
    """Rates, stages and memory of the exported MODEL."""
    from studies.cost import serving

    if requests:
        serving.memory(model, requests)
    else:
        serving.measure_all(model, threads, batches)


@main.command()
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.argument("library", type=click.Path(exists=True, path_type=Path))
@click.option("-n", default=4000, show_default=True, help="Test galaxies.")
@click.option("--xla", is_flag=True, help="XLA too; compiling takes a while.")
def variants(model, library, n, xla):
    """Time and accuracy of smaller or faster variants of MODEL, on the test split of LIBRARY."""
    from studies.cost import variants

    variants.measure(model, library, n, xla)


if __name__ == "__main__":
    main()
