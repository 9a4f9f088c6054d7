"""The demo: one real MUSE spectrum, from the file to a result table and a figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.files.paths import PathLike
from phangs_sfh.files.tables import check_output, write_table
from phangs_sfh.observations import flags
from phangs_sfh.observations.demo_spectrum import demo_spectrum
from phangs_sfh.plots import figures
from phangs_sfh.plots.plot import Drawn
from phangs_sfh.plots.rebuilt import RebuiltSpectrum
from phangs_sfh.prediction.model import as_model
from phangs_sfh.prediction.results import PERCENTILES

if TYPE_CHECKING:
    from astropy.table import QTable

    from phangs_sfh.prediction.model import Model

TABLE_FILE, FIGURE_FILE = "demo_result.ecsv", "demo.png"
TITLE = "Abell 478, brightest cluster galaxy, MUSE, z = {z:.4f}"


@dataclass(frozen=True)
class Demonstration:
    """What a run of the demo made; ``print`` it for a summary.

    Attributes
    ----------
    table : QTable, the result
    table_path, figure_path : Path
    rebuilt : RebuiltSpectrum
    chi2 : reduced χ² of the rebuilt spectrum over the pixels used
    """

    table: QTable
    table_path: Path
    figure_path: Path
    rebuilt: RebuiltSpectrum
    chi2: float

    def __str__(self):
        """What was found, how far to trust it, where the files are."""
        table, rebuilt = self.table, self.rebuilt

        def interval(name, digits=2):
            low, middle, high = (first_value(table[f"{name}_{p}"]) for p in PERCENTILES)
            return f"{middle:.{digits}f} (68 %: {low:.{digits}f} to {high:.{digits}f})"

        flag = int(table["flag"][0])
        return "\n".join(
            [
                "Abell 478, brightest cluster galaxy; one MUSE spectrum, no HST bands",
                f"  log mean age, by mass   {interval('mw_logage')} log yr",
                f"  log mean age, by light  {interval('lw_logage')} log yr",
                f"  [M/H], by mass          {interval('mw_mh')} dex",
                f"  A_V, Milky Way included {interval('av')} mag",
                f"  rebuilt spectrum        reduced chi2 {self.chi2:.2f}, "
                f"sigma {rebuilt.sigma_v:.0f} km/s",
                f"  surprise                {float(table['surprise'][0]):.2f}",
                f"  flag                    {flag}: {flags.describe(flag)}",
                f"table:  {self.table_path}",
                f"figure: {self.figure_path}",
            ]
        )


def demo(
    folder: PathLike = "demo",
    model: Model | PathLike | None = None,
    overwrite: bool = False,
) -> Demonstration:
    """Answer the embedded spectrum; write a result table and a figure.

    Parameters
    ----------
    folder : to be made, where they go
    model : name, folder or loaded; default ``phangs``
    overwrite : replace the files of an earlier run

    Returns
    -------
    demonstration : Demonstration

    Raises
    ------
    InputError
        If an output exists and ``overwrite`` is False, or the model cannot be used.
    OSError
        If the folder cannot be written.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> found = ps.demo("demo")
    >>> found.figure_path.name, found.chi2 < 2
    ('demo.png', True)
    """
    folder = Path(folder)
    table_path, figure_path = folder / TABLE_FILE, folder / FIGURE_FILE
    if figure_path.exists() and not overwrite:
        raise InputError(f"{figure_path}: output exists; use --overwrite to replace it")
    if table_path.exists():
        check_output(table_path, overwrite)
    model = as_model(model)
    folder.mkdir(parents=True, exist_ok=True)
    source = demo_spectrum()
    drawn = Drawn.read(model, source)
    table = model.predict(drawn.observations)
    figure, spectrum, rebuilt = drawn.figure(table[0], 0, TITLE.format(z=source["redshift"][0]))
    flux, error, used = drawn.observations.flux[0], spectrum.flux_err, spectrum.used
    chi2 = np.mean(((flux - rebuilt.flux)[used] / error[used]) ** 2)
    write_table(table, table_path, overwrite)
    figures.save_figure(figure, figure_path)
    return Demonstration(table, table_path, figure_path, rebuilt, float(chi2))


def first_value(column):
    return float(np.asarray(getattr(column, "value", column))[0])
