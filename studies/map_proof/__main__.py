"""``phangs-sfh map`` against a truth, and on a real cube against pPXF.

    python -m studies.map_proof                          # the made-up galaxy
    python -m studies.map_proof --real minicube.fits     # and the real cube; needs pPXF

writes docs/map_proof.md with the figures docs/map_truth.png and map_young.png and, with ``--real``,
map_real.png and map_abell478.png; a few minutes on two cores. The real cube is in mpdaf's wheel:

    pip download --no-deps mpdaf==3.6 && unzip -j mpdaf-3.6-*.whl mpdaf/data/sdetect/minicube.fits

Without ``--real`` what docs/map_proof.md says of the real cube stays as it is.
"""

import tempfile
from pathlib import Path

import click

from studies import DOCS


@click.command(help=__doc__.splitlines()[0])
@click.option("--model", type=click.Path(), help="Exported model's folder [default: released].")
@click.option("--real", type=click.Path(exists=True), help="minicube.fits of mpdaf.")
@click.option("--bootstraps", default=10, show_default=True, help="Of each pPXF fit.")
@click.option("-o", "--docs", default=DOCS, type=click.Path(exists=True), help="Where it goes.")
@click.option("--work", type=click.Path(), help="Folder for cubes, images and maps, kept; the "
              "galaxy in it is used again.")  # fmt: skip
def main(model, real, bootstraps, docs, work):
    from phangs_sfh.prediction.model_folder import read_description
    from studies.map_proof import page, proof

    _, info, _ = read_description(model)
    words = f"{info['name']}, version {info['version']}"
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(work or folder)
        folder.mkdir(parents=True, exist_ok=True)
        truth = proof.prove_truth(folder, Path(docs), model, words)
        about_real = proof.prove_real(real, folder, Path(docs), model, bootstraps) if real else None
    page.write_page(Path(docs) / "map_proof.md", truth, about_real)


if __name__ == "__main__":
    main()
