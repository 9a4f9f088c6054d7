"""How right a model is on histories that its prior does not hold: galaxies made by bagpipes.

    sh scripts/setup/install_bagpipes.sh
    python -m studies.foreign_histories [--model NAME ...] [--assume STARS ...] [--seed 2]
        [-n 1500] [--ppxf 100]

Seed 1 is for choosing priors and settings, seed 2 for reporting. Galaxies and pPXF's answers are
kept in --cache. Prints, for each of the four scalars, median error, 1.4826 MAD and the share [%] of
truths in 68 % intervals, then the distance of the history: mean |difference of cumulative mass|
over log age.
"""

from dataclasses import replace
from itertools import product
from pathlib import Path

import click

NOISE_SEED = 3


@click.command(help=__doc__.splitlines()[0])
@click.option("--model", "models", multiple=True, default=("phangs",), show_default=True)
@click.option(
    "--assume", "options", multiple=True, default=("bc03", "uncertain"), show_default=True,
    help="stars",
)  # fmt: skip
@click.option("--seed", default=2, show_default=True, help="1 to choose by, 2 to report")
@click.option("-n", default=1500, show_default=True, help="galaxies")
@click.option("--sn", multiple=True, default=(50.0, 100.0), show_default=True, help="per pixel")
@click.option("--ppxf", default=0, show_default=True, help="of which pPXF fits so many")
@click.option("--cache", default="foreign_histories", type=click.Path(path_type=Path))
def main(models, options, seed, n, sn, ppxf, cache):
    from phangs_sfh.instrument.description import load_instrument
    from phangs_sfh.prediction.model import load_model
    from studies.foreign_histories import measure
    from studies.robustness.comparison import ask

    noiseless, truth = made(cache, n, seed)
    some = {key: values[:ppxf] for key, values in truth.items()}
    loaded = {name: load_model(name) for name in models}
    for name, option, level in product(models, options, sn):
        model = loaded[name].assuming(stars=option)
        spectra = seen(noiseless, truth, model.instrument, level, model.masks_emission_lines)
        columns = ask(model, spectra)
        print(measure.row(f"{name}, {option}, S/N {level:g}", columns, truth), flush=True)
        if ppxf:
            ours = {key: values[:ppxf] for key, values in columns.items()}
            print(measure.row("  the same as pPXF", ours, some), flush=True)
    for level in sn if ppxf else ():
        spectra = seen(noiseless, truth, load_instrument(), level)
        folder = cache / f"ppxf-{seed}-{level:g}"
        print(measure.row(f"pPXF, S/N {level:g}", *by_ppxf(spectra, ppxf, folder)), flush=True)


def made(cache, n, seed):
    """Noiseless galaxies and their truths, kept in ``cache``."""
    import numpy as np

    from phangs_sfh.instrument.description import load_instrument
    from studies.foreign_histories.galaxies import galaxies

    path = cache / f"{seed}-{n}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, **galaxies(load_instrument(), n, seed))
    with np.load(path) as stored:
        columns = dict(stored)
    return columns, {k: v for k, v in columns.items() if k not in ("spectrum", "bands")}


def seen(noiseless, truth, instrument, sn, masks_lines=False):
    """All galaxies observed once: peers.benchmark.sample.Spectra."""
    from phangs_sfh.peers.benchmark import sample

    source = "made by bagpipes"
    return sample.observed(noiseless, truth, instrument, NOISE_SEED, masks_lines, source, sn)


def by_ppxf(spectra, n, folder):
    """pPXF's answers on the first ``n`` spectra, and the truths; it gives no intervals."""
    from phangs_sfh.peers.benchmark import ppxf_fits
    from phangs_sfh.peers.ppxf import SCALARS

    some = replace(spectra, inputs={name: values[:n] for name, values in spectra.inputs.items()})
    fits = ppxf_fits.fit_all(folder, some, 0, 0)
    good = ~fits["failed"]
    columns = {"sfh_mean": fits["sfh"][good]}
    for name in SCALARS:
        columns |= {f"{name}_{q}": fits[name][good] for q in ("p16", "p50", "p84")}
    return columns, {key: values[:n][good] for key, values in spectra.truth.items()}


if __name__ == "__main__":
    main()
