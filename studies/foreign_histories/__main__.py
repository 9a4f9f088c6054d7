"""How right a model is on histories that its prior does not hold: galaxies made by bagpipes.

    sh scripts/setup/install_bagpipes.sh
    python -m studies.foreign_histories [--model NAME ...] [--seed 2] [-n 1500] [--ppxf 100]

Seed 1 is for choosing priors and settings, seed 2 for reporting. Galaxies are kept in --cache.
Prints, for each of the four scalars, median error, 1.4826 MAD and the share [%] of truths in 68 %
intervals, then the distance of the history: mean |difference of cumulative mass| over log age.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.peers import benchmark_ppxf, benchmark_spectra
from phangs_sfh.prediction.predict import load_model
from studies.foreign_histories import galaxies, measure

NOISE_SEED = 3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="*", default=["phangs"])
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("-n", type=int, default=1500)
    parser.add_argument("--sn", nargs="*", type=float, default=[50.0, 100.0])
    parser.add_argument("--ppxf", type=int, default=0, help="of which pPXF fits so many")
    parser.add_argument("--cache", default="foreign_histories", type=Path)
    options = parser.parse_args()
    noiseless, truth = made(options.cache, options.n, options.seed)
    for name in options.model:
        model = load_model(name)
        for sn in options.sn:
            spectra = seen(noiseless, truth, model.instrument, sn, model.masks_emission_lines)
            columns = measure.ask(model, spectra.inputs)
            print(measure.row(f"{name}, S/N {sn:g}", columns, truth), flush=True)
            if options.ppxf:
                some = {key: values[: options.ppxf] for key, values in truth.items()}
                ours = {key: values[: options.ppxf] for key, values in columns.items()}
                print(measure.row("  the same as pPXF", ours, some), flush=True)
    for sn in options.sn if options.ppxf else ():
        spectra = seen(noiseless, truth, load_instrument(), sn)
        print(measure.row(f"pPXF, S/N {sn:g}", *by_ppxf(options, spectra, sn)), flush=True)


def made(cache, n, seed):
    """Noiseless galaxies and their truths, kept in ``cache``."""
    path = cache / f"{seed}-{n}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, **galaxies.galaxies(load_instrument(), n, seed))
    with np.load(path) as stored:
        columns = dict(stored)
    return columns, {k: v for k, v in columns.items() if k not in ("spectrum", "bands")}


def seen(noiseless, truth, instrument, sn, masks_lines=False):
    """All galaxies observed once: benchmark_spectra.Spectra."""
    return benchmark_spectra.observed(
        noiseless, truth, instrument, NOISE_SEED, masks_lines, "made by bagpipes", sn
    )


def by_ppxf(options, spectra, sn):
    """pPXF's answers on the first spectra, and the truths; it gives no intervals."""
    some = replace(spectra, inputs={name: v[: options.ppxf] for name, v in spectra.inputs.items()})
    folder = options.cache / f"ppxf-{options.seed}-{sn:g}"
    fits = benchmark_ppxf.fit_all(folder, some, 0, 0)
    good = ~fits["failed"]
    columns = {"sfh_mean": fits["sfh"][good]}
    for name in measure.SCALARS:
        columns |= {f"{name}_{q}": fits[name][good] for q in ("p16", "p50", "p84")}
    return columns, {key: v[: options.ppxf][good] for key, v in spectra.truth.items()}


if __name__ == "__main__":
    main()
