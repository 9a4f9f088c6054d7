"""How good a model is on a library: measured and written down in one call each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from phangs_sfh.evaluation import evaluate as measured
from phangs_sfh.evaluation.report import page
from phangs_sfh.files.paths import PathLike
from phangs_sfh.library.records import Library
from phangs_sfh.prediction.model import as_model
from phangs_sfh.progress import counted

if TYPE_CHECKING:
    from phangs_sfh.evaluation.answers import Answers
    from phangs_sfh.evaluation.mocks import Mocks
    from phangs_sfh.prediction.model import Model
    from phangs_sfh.progress import Progress


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Attributes
    ----------
    summary : dict of plain numbers, all that ``metrics.json`` holds
    galaxies : Mocks, with the truth
    answers : dict of Answers by observing condition (``sn20``, ``sn50``, ``sn100``,
        ``sn50_spectrum_only``, ``bands_only``, ``mix``), as far as the problem has them
    """

    summary: dict
    galaxies: Mocks
    answers: dict[str, Answers]

    def write(self, folder: PathLike, overwrite: bool = False) -> Path:
        """Write ``metrics.json``, ``report.md`` with its figures, and ``model_card.md``.

        Parameters
        ----------
        folder : to be made, whole or not at all
        overwrite : replace an earlier evaluation

        Returns
        -------
        folder : Path

        Raises
        ------
        InputError
            If the folder exists and may not be replaced.
        """
        page.write_report(folder, self.summary, self.galaxies, self.answers, overwrite)
        return Path(folder)


def evaluate(
    model: Model | PathLike | None,
    library: Library | PathLike,
    *,
    split: str = "test",
    n: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure how accurate a model is and whether its error bars are true.

    Objects of the library are observed at S/N 20, 50 and 100, without bands, without spectrum, and
    in the mix of the training, as far as its problem has spectra and bands. Coverage and ranks:
    Talts et al. 2018 (arXiv:1804.06788); joint coverage: TARP, Lemos et al. 2023
    (arXiv:2302.03026).

    Parameters
    ----------
    model : name, folder or loaded; default ``phangs``
    library : from ``make_library`` or ``open_library``, or its folder
    split : 'test', 'valid' or 'train'
    n : the first objects only; 60 or more
    seed : of the noise
    progress : ``progress_bar`` or alike; counts objects

    Returns
    -------
    evaluation : ``summary`` (dict), and ``write(folder)`` for the report

    Raises
    ------
    InputError
        If the library is damaged, its split empty, or it is for another instrument, problem or
        solar metallicity than the model.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> found = ps.evaluate("phangs", "tfrecords/sample", split="train", n=60)
    >>> at_50 = found.summary["conditions"]["sn50"]["scalars"]["lw_logage"]
    >>> at_50["mad_std"] < 0.3
    True
    """
    model = as_model(model)
    folder = library.folder if isinstance(library, Library) else library
    library = measured.open_for(model, folder)
    count = min(library.n_galaxies(split), n or library.n_galaxies(split))
    with counted(progress, "objects", count * measured.n_cases(library)) as advance:
        return Evaluation(*measured.evaluate(library, model, split, n, seed, advance))
