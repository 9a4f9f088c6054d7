"""One object's spectrum, residuals, history and metallicities as a figure: for any row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.table import Row, Table

from phangs_sfh.errors import InputError
from phangs_sfh.files.paths import PathLike
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.emission_lines import window_mask
from phangs_sfh.observations import flags
from phangs_sfh.observations.flags import Flag
from phangs_sfh.observations.rest_frame import Observations
from phangs_sfh.observations.table import read_observations
from phangs_sfh.plots import figures
from phangs_sfh.plots.rebuilt import rebuild_bands, rebuild_to_data
from phangs_sfh.prediction.any_model import AnyModel
from phangs_sfh.prediction.model import load_model
from phangs_sfh.prediction.results import PERCENTILES
from phangs_sfh.problems.histories.labels import LABELS, SFH
from phangs_sfh.progress import counted
from phangs_sfh.ssp.engines import READY, load_ssp

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from phangs_sfh.progress import Progress

MOST_ROWS = 100
"""Figures that ``plot_rows`` draws unless more are asked for: each takes a second or two."""


def plot(
    row: Row | Table,
    data=None,
    model: AnyModel | PathLike | None = None,
    *,
    redshift: float | None = None,
    wavemed: str | None = None,
    title: str | None = None,
    path: PathLike | None = None,
    overwrite: bool = False,
) -> Figure:
    """Draw one answer: star formation history, metallicities and means; with the data, also these.

    Spectrum and bands are drawn with what the answer makes of them: the mean of the posterior's
    stars, without gas, broadened, and times a cubic in wavelength (one factor for all bands), which
    are fitted. The history is the star formation rate in each age bin over its mean.

    Parameters
    ----------
    row : row of an answer, ``answers[3]``; or row of an input table, which is answered first
    data : the data of the answer, all that ``model.predict`` takes: those of the whole table, or of
        this row alone. None: history and metallicities only, with 68 % intervals
    model : that gave the answer; name, folder or loaded; default ``phangs``
    redshift, wavemed : as for ``model.predict``
    title : default: row, model, surprise and flag
    path : file to write, .png
    overwrite : replace an existing file

    Returns
    -------
    figure : matplotlib Figure

    Raises
    ------
    InputError
        If the row has no answer, the data are not those of the row, or the file exists.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> spectra = ps.demo_spectrum()
    >>> answers = ps.load_model("phangs").predict(spectra)
    >>> figure = ps.plot(answers[0], spectra, path="answer.png")
    >>> history_alone = ps.plot(answers[0])
    """
    row = _as_row(row)
    _check_file(path, overwrite)
    if data is None and "sfh_p50" in row.colnames:
        figure = _draw(row, None, None, None, title)
    else:
        if "sfh_p50" not in row.colnames:
            data, row = row.table[row.index : row.index + 1], None
        loaded = model if isinstance(model, AnyModel) else load_model(model)
        drawn = Drawn.read(loaded, data, redshift, wavemed)
        if row is None:
            row, index = loaded.predict(drawn.observations)[0], 0
        else:
            index = _place(row, drawn)
        figure, _, _ = drawn.figure(row, index, title)
    if path is not None:
        figures.save_figure(figure, path)
    return figure


def plot_rows(
    answers: Table,
    folder: PathLike,
    data,
    model: AnyModel | PathLike | None = None,
    *,
    redshift: float | None = None,
    wavemed: str | None = None,
    most: int = MOST_ROWS,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[Path]:
    """Draw all rows of a table of answers, as ``plot`` does, one file each: ``row-00003.png``.

    Rows without an answer have no figure.

    Parameters
    ----------
    answers : from ``model.predict``
    folder : to be made, where the figures go
    data, model, redshift, wavemed : as for ``plot``; the data of all rows
    most : refuse tables of more rows
    overwrite : replace existing figures
    progress : ``progress_bar`` or alike; counts figures

    Returns
    -------
    paths : of the figures written

    Raises
    ------
    InputError
        If there are too many rows, a figure exists, or the data are not those of the answers.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> spectra = ps.demo_spectrum()
    >>> answers = ps.load_model("phangs").predict(spectra)
    >>> [path.name for path in ps.plot_rows(answers, "figures", spectra)]
    ['row-00000.png']
    """
    paths = check_figures(folder, len(answers), most, overwrite)
    loaded = model if isinstance(model, AnyModel) else load_model(model)
    drawn = Drawn.read(loaded, data, redshift, wavemed)
    Path(folder).mkdir(parents=True, exist_ok=True)
    written = []
    with counted(progress, "figures", len(answers)) as advance:
        for row, path in zip(answers, paths, strict=True):
            if not row["flag"] & Flag.NO_DATA:
                figure, _, _ = drawn.figure(row, _place(row, drawn))
                figures.save_figure(figure, path)
                written.append(path)
            advance(1)
    return written


def check_figures(folder, n, most=MOST_ROWS, overwrite=False):
    """Paths of the figures of ``n`` rows; InputError if they are too many or exist."""
    if n > most:
        raise InputError(
            f"{folder}: {n} rows would be {n} figures, at most {most} are drawn; give fewer rows, "
            "or draw single ones in Python: phangs_sfh.plot(answers[row], data)"
        )
    if Path(folder).exists() and not Path(folder).is_dir():
        raise InputError(f"{folder}: is a file; name a folder for the figures")
    paths = [Path(folder) / f"row-{index:05d}.png" for index in range(n)]
    for path in paths:
        _check_file(path, overwrite)
    return paths


@dataclass(frozen=True)
class Drawn:
    """The data of some rows, ready to be drawn with their answers.

    Attributes
    ----------
    model : Model or RemoteModel
    observations : Observations, as the model sees them
    seen : (n, n_pixels) array, flux in the unit of ``observations`` also where it is masked, NaN
        where there is none
    """

    model: AnyModel
    observations: Observations
    seen: np.ndarray

    @classmethod
    def read(cls, model, data, redshift=None, wavemed=None):
        """Read data as ``model.predict`` does, and once more without masks, for the eye."""
        if isinstance(data, Observations):
            return cls(model, data, np.where(data.flux_err > 0, data.flux, np.nan))
        observations = model.read(data, redshift, wavemed)
        whole = read_observations(
            without_masks(data), model.instrument, redshift=redshift, wavemed=wavemed
        )
        return cls(model, observations, _same_scale(whole, observations))

    @cached_property
    def forward(self):
        """The forward model of the stars that the model was trained on; None if not at hand."""
        ssp = (self.model.info.get("training") or {}).get("ssp") or {}
        engine = ssp.get("engine", READY[0])
        return ForwardModel(load_ssp(engine), self.model.instrument) if engine in READY else None

    def figure(self, answer, index, title=None):
        """The figure of one row, the ``index``-th of the data; the Spectrum and RebuiltSpectrum in
        it, None if there is none."""
        one = self.observations.rows(slice(index, index + 1))
        draws = {name: values[0].astype(float) for name, values in self.model.sample(one).items()}
        spectrum, bands, rebuilt = self._data(one, self.seen[index], draws)
        return _draw(answer, draws, spectrum, bands, title, rebuilt), spectrum, rebuilt

    def _data(self, one, seen, draws):
        """Spectrum and bands of a row with their models, each None if there are none."""
        spectrum = bands = rebuilt = None
        flux, error = one.flux[0].astype(float), one.flux_err[0].astype(float)
        instrument, used = one.instrument, error > 0
        if used.any():
            # Stars alone are rebuilt: lines of gas would pull the polynomial.
            clear = np.where(window_mask(instrument.wave), 0.0, error)
            if self.forward is not None and (clear > 0).any():
                rebuilt = rebuild_to_data(self.forward, draws, flux, clear)
            model = None if rebuilt is None else rebuilt.flux
            spectrum = figures.Spectrum(instrument.wave, seen, error, used, model)
        flux, error = one.band_flux[0].astype(float), one.band_flux_err[0].astype(float)
        there = np.flatnonzero(error > 0)
        if len(there):
            model, sigma_v = None, 0.0 if rebuilt is None else rebuilt.sigma_v
            if self.forward is not None:
                model = rebuild_bands(self.forward, draws, flux, error, sigma_v)[there]
            names = [instrument.bands[i].name for i in there]
            pivots = np.array([instrument.bands[i].pivot for i in there])
            bands = figures.Photometry(names, pivots, flux[there], error[there], model)
        return spectrum, bands, rebuilt


def without_masks(data):
    """Data whose masks are taken out, as far as they are tables."""
    if isinstance(data, Row):
        data = data.table[data.index : data.index + 1]
    if isinstance(data, Table):
        masks = [name for name in data.colnames if name.lower() == "mask"]
        return data[[name for name in data.colnames if name not in masks]] if masks else data
    return data


def _same_scale(whole, observations):
    """Flux of ``whole`` in the units of ``observations``, NaN where there is none."""
    seen = np.where(whole.flux_err > 0, whole.flux, np.nan)
    for row, used in enumerate((observations.flux_err > 0) & (whole.flux_err > 0)):
        if used.any():
            seen[row] *= np.median(observations.flux[row][used] / whole.flux[row][used])
    return seen


def _as_row(row):
    if isinstance(row, Row):
        return row
    if isinstance(row, Table) and len(row) == 1:
        return row[0]
    what = f"a table of {len(row)} rows" if isinstance(row, Table) else type(row).__name__
    raise InputError(f"plot: one row of a table is drawn, not {what}; give answers[0], say")


def _place(row, drawn):
    """Place of an answer's row among the data."""
    n = len(drawn.observations)
    if n == len(row.table):
        return row.index
    if n == 1:
        return 0
    raise InputError(
        f"plot: the answer is row {row.index} of {len(row.table)}, the data have {n} rows; give "
        "the data of the same table, or of this row alone"
    )


def _check_file(path, overwrite):
    if path is None:
        return
    if Path(path).suffix.lower() != ".png":
        raise InputError(f"{path}: the figure's name must end in .png")
    if Path(path).exists() and not overwrite:
        raise InputError(f"{path}: figure exists; use --overwrite to replace it")


def _draw(answer, draws, spectrum, bands, title, rebuilt=None):
    """The figure of an answer with or without data."""
    flag = int(answer["flag"])
    if flag & Flag.NO_DATA:
        raise InputError(f"plot: row {answer.index} has no answer: {flags.describe(flag)}")
    if draws is None:
        sfh, mh = (_values(answer, name) for name in ("sfh", "mh"))
    else:
        sfh, mh = (np.quantile(draws[name], figures.QUANTILES, axis=0) for name in ("sfh", "mh"))
    scalars = [(label.symbol, *_values(answer, label.name)) for label in LABELS.scalars]
    meta = answer.table.meta
    edges = np.array(meta["AGEBINS"].split(), float) if "AGEBINS" in meta else None
    if title is None:
        title = f"Row {answer.index}, model {meta.get('MODEL', '')} {meta.get('MODELVER', '')}"
        title += f", surprise {float(answer['surprise']):.2f}"
    note = f"flag {flag}: {flags.describe(flag)}" if flag else ""
    return figures.answer_figure(
        spectrum, sfh, mh, scalars, title, _caption(draws, spectrum, bands, rebuilt), SFH.floor,
        bands, edges, note,
    )  # fmt: skip


def _values(answer, name: str) -> Sequence:
    """Percentiles of a quantity, (3,) or (3, 16) array."""
    columns = [answer[f"{name}_{p}"] for p in PERCENTILES]
    return np.array([getattr(column, "value", column) for column in columns], float)


def _caption(draws, spectrum, bands, rebuilt):
    if draws is None:
        return "Intervals: 68 % of the posterior. $A_V$ includes the Milky Way, unless removed."
    n = len(draws["av"])
    model = "Without model: the stellar populations of the training are not in this package."
    if rebuilt is not None:
        factor = "" if bands is None else " (bands: times one factor)"
        model = (
            f"Model: mean spectrum of {n} posterior draws, stars alone, broadened by "
            f"{rebuilt.sigma_v:.0f} km/s and times a cubic (within {rebuilt.correction:.0%} of its "
            f"mean){factor}, fitted outside emission lines."
        )
    elif bands is not None and bands.model is not None:
        model = f"Model: mean of {n} posterior draws, stars alone, times one factor, fitted."
    source = "from spectrum and bands"
    if bands is None:
        source = "from the spectrum alone, without HST bands"
    elif spectrum is None:
        source = "from the bands alone"
    return (
        f"{model}\nIntervals: 68 % and 95 % of the posterior, {source}; of numbers 68 %. $A_V$ "
        "includes the Milky Way, unless removed."
    )
