"""What a prior says about each reported quantity, and a dozen of its galaxies.

    python -m studies.priors [--prior NAME|FILE] [--docs FOLDER]

writes docs/prior_NAME.png and docs/preview_NAME.png; docs/choices.md shows those of ``broad``.
"""

from pathlib import Path

import click

from studies import DOCS


@click.command(help=__doc__.splitlines()[0])
@click.option("--prior", default="broad", show_default=True, help="name or file")
@click.option("-n", default=20_000, show_default=True, help="galaxies in the histograms")
@click.option("--docs", type=click.Path(path_type=Path), default=DOCS, help="where figures go")
def main(prior, n, docs):
    from phangs_sfh.galaxy.forward_model import ForwardModel
    from phangs_sfh.instrument.description import load_instrument
    from phangs_sfh.plots import preview
    from phangs_sfh.plots.figures import save_figure
    from phangs_sfh.problems.histories.priors import load_prior
    from phangs_sfh.ssp.engines import load_ssp
    from studies.priors import figure

    forward, settings = ForwardModel(load_ssp(), load_instrument()), load_prior(prior)
    name = settings["name"]
    figure.draw_prior(docs / f"prior_{name}.png", forward, settings, n)
    save_figure(preview.preview_figure(forward, settings), docs / f"preview_{name}.png")


if __name__ == "__main__":
    main()
