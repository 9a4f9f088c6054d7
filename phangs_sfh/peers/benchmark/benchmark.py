"""This model, pPXF and bagpipes on the same spectra, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from phangs_sfh.evaluation.evaluate import open_for
from phangs_sfh.files.paths import PathLike
from phangs_sfh.peers.bagpipes import require_bagpipes
from phangs_sfh.peers.benchmark import comparison, report, sample
from phangs_sfh.peers.ppxf import require_ppxf
from phangs_sfh.prediction.model import as_model
from phangs_sfh.progress import counted

if TYPE_CHECKING:
    from phangs_sfh.prediction.model import Model
    from phangs_sfh.progress import Progress


@dataclass(frozen=True)
class Benchmark:
    """What was found; it is written down in the output folder.

    Attributes
    ----------
    summary : dict of plain numbers, all that ``benchmark.json`` holds
    answers : dict by code of dicts of arrays: medians or best fits
    """

    summary: dict
    answers: dict


def benchmark(
    output: PathLike,
    model: Model | PathLike | None = None,
    *,
    n: int = 300,
    bootstraps: int = 100,
    bootstrapped: int = 24,
    bagpipes: int = 0,
    library: PathLike | None = None,
    seed: int = 0,
    workers: int = 1,
    progress: Progress | None = None,
) -> Benchmark:
    """Accuracy, coverage, time and memory on the same spectra: benchmark.json, .md and .png.

    Peers: pPXF (Cappellari 2023, MNRAS 526, 3273) and bagpipes (Carnall et al. 2018, MNRAS 480,
    4379). Their answers are kept in the output folder: with another model nothing is fitted twice.

    Parameters
    ----------
    output : folder to write
    model : name, folder or loaded; default ``phangs``
    n : spectra to fit
    bootstraps : refits of resampled residuals, for pPXF's error bars
    bootstrapped : spectra that get them
    bagpipes : spectra that bagpipes fits too; each takes minutes
    library : whose test split to use; default: new galaxies of the prior ``broad``
    seed : of galaxies and noise
    workers : cores for the peers
    progress : ``progress_bar`` or alike; counts fits

    Returns
    -------
    found : Benchmark

    Raises
    ------
    InputError
        If a code is not installed or cannot be run, or the library is not for the model.

    Examples
    --------
    Needs pPXF, and minutes:

    >>> import phangs_sfh as ps
    >>> found = ps.benchmark("benchmark", n=20, bootstraps=0)  # doctest: +SKIP
    """
    require_ppxf()
    if bagpipes:
        require_bagpipes()
    model = as_model(model)
    masked = model.masks_emission_lines
    if library is not None:
        spectra = sample.from_library(open_for(model, library), n, seed, masked)
    else:
        spectra = sample.drawn(model.instrument, n, seed, masked)
    bootstrapped = min(bootstrapped, len(spectra)) if bootstraps else 0
    total = len(spectra) + bootstrapped * bootstraps + min(bagpipes, len(spectra))
    with counted(progress, "fits of peers", total) as advance:
        summary, answers = comparison.run(
            output, model, spectra, bootstrapped, bootstraps, workers, advance, bagpipes
        )
    report.write(output, summary, answers, spectra.truth)
    return Benchmark(summary, answers)
