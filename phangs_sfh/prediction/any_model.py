"""What a model can be asked, be it here or on a server: from a user's data to answers.

How the data are brought to the network (its grid, the emission lines it must not see, the medium
and the redshift they state) follows from the model and the data: there is nothing to remember.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from phangs_sfh.errors import InputError, InputWarning
from phangs_sfh.files import model_json
from phangs_sfh.observations.rest_frame import Observations
from phangs_sfh.observations.table import read_observations
from phangs_sfh.prediction import predict
from phangs_sfh.problems.catalogue import described_by
from phangs_sfh.problems.problem import Described
from phangs_sfh.progress import counted

if TYPE_CHECKING:
    from astropy.table import QTable

    from phangs_sfh.problems.labels import Labels
    from phangs_sfh.progress import Progress

TIMEOUT = 60.0  # s, for one request to a server


def rows_of(inputs):
    """Rows of input tensors by name."""
    return len(next(iter(inputs.values())))


class AnyModel:
    """The questions; a ``Model`` and a ``RemoteModel`` answer them alike.

    They have ``path``, ``info`` (the model.json), ``instrument``, ``assumed``; ``answer`` and
    ``draw`` take and give arrays.
    """

    in_flight = 1
    assumed = None
    """What is assumed: an option's name; None for the default, or where a model has no choice."""

    warnings = ()
    """What a user should know of the model, lines of text."""

    @cached_property
    def described(self) -> Described:
        """What is inferred from what, as the model.json says."""
        return described_by(self.info, f"{self.path}/{model_json.FILE}")

    @property
    def labels(self) -> Labels:
        """All that is inferred."""
        return self.described.labels

    @property
    def masks_emission_lines(self) -> bool:
        """True if the model knows no gas and must not be shown emission lines."""
        return self.info["emission_lines"] == "masked"

    def assuming(self, **assumed: str):
        """The same model under another assumption.

        Parameters
        ----------
        **assumed : the option by what it is about, as ``stars="bc03"``

        Returns
        -------
        model : of the same kind

        Raises
        ------
        InputError
            If the model has no such choice.

        Examples
        --------
        >>> import phangs_sfh as ps
        >>> model = ps.load_model("phangs")
        >>> model.assumption, model.assuming(stars="bc03").assumption
        ('uncertain', 'bc03')
        """
        known = self.described.assumptions
        for about, option in assumed.items():
            if known is None or about != known.about:
                there = "nothing" if known is None else f"{known.about}={'|'.join(known.options)}"
                raise InputError(
                    f"{self.path}: --assume {about}={option} is not known; the model can be told "
                    f"{there}"
                )
            known.number(option, self.path)
        if not assumed:
            return self
        return replace(self, assumed=assumed[known.about])

    @property
    def assumption(self) -> str | None:
        """The option that answers are given under; None where the model has no choice."""
        known = self.described.assumptions
        return None if known is None else self.assumed or known.default

    def signature(self, kind: str) -> str:
        """Name of the SavedModel's signature for ``serving_default`` or ``posterior``."""
        known = self.described.assumptions
        return kind if known is None else known.signature(self.assumption, kind)

    @property
    def asked_info(self) -> dict:
        """The model.json, with what is assumed and the Z_sun that goes with it."""
        known = self.described.assumptions
        if known is None:
            return self.info
        z_sun = self.info.get("z_sun_of", {}).get(self.assumption, self.info["z_sun"])
        return self.info | {"assumed": f"{known.about}={self.assumption}", "z_sun": z_sun}

    def read(self, data, redshift: float | None = None, wavemed: str | None = None) -> Observations:
        """Bring data to the model's rest-frame grid, as ``predict`` and all others do.

        Parameters
        ----------
        data : path of a table (FITS, ECSV) or of a spectrum that specutils can load; astropy Table
            or a Row of one; specutils Spectrum; or a list of any of these. A table has a row per
            object: ``wave``, ``flux``, ``flux_err`` (n_pixels each, any f_lambda unit), optional
            ``mask`` (True = bad), ``redshift``, and bands ``F275W``, ``F275W_err`` ...
        redshift : for rows whose data give none
        wavemed : 'air' or 'vacuum', where the data do not say

        Returns
        -------
        observations : Observations, float32 arrays (n, 1761) and (n, 5); ``warnings`` says what was
            set aside

        Raises
        ------
        InputError
            One line: the file or column that cannot be used, and the remedy.

        Examples
        --------
        >>> import phangs_sfh as ps
        >>> observations = ps.load_model("phangs").read(ps.demo_spectrum())
        >>> observations.flux.shape, observations.warnings
        ((1, 1761), ())
        """
        return read_observations(
            data, self.instrument, redshift=redshift, wavemed=wavemed,
            mask_emission_lines=self.masks_emission_lines,
        )  # fmt: skip

    def predict(
        self,
        data,
        redshift: float | None = None,
        wavemed: str | None = None,
        *,
        samples: int = 0,
        side_by_side: bool = False,
        batch_size: int = 256,
        progress: Progress | None = None,
    ) -> QTable:
        """Histories, ages, metallicities, mass to light and dust of every object, with error bars.

        Parameters
        ----------
        data, redshift, wavemed : see ``read``; ``data`` may also be what ``read`` returned
        samples : add so many joint samples of each row, at most 256, as ``NAME_samples``
        side_by_side : add the columns of every other assumption, as ``NAME_OPTION``
        batch_size : rows answered at once; changes no answer but for rounding
        progress : ``progress_bar`` or alike; counts spectra

        Returns
        -------
        answers : one row per object: ``_p16``, ``_p50`` and ``_p84`` of ``sfh`` (16 fractions of
            the mass formed), ``cmf`` (16, the share of the mass older than each bin's younger edge)
            and ``mh`` (16, dex), of ``mw_logage``, ``lw_logage``, ``logt50``, ``logt90`` (dex of
            yr), ``mw_mh``, ``lw_mh`` (dex), ``logml`` (dex of Msun / Lsun), ``av`` (mag),
            ``logssfr10``, ``logssfr100`` (dex of 1 / yr), ``sigma_v`` and ``velocity`` (km/s);
            ``sfh_mean`` and ``mh_mean``, the posterior's mean: medians of single bins do not sum to
            1; ``surprise``, ``flag`` and ``used``. NaN where there was nothing to answer from.

        Raises
        ------
        InputError
            If the data cannot be used, or the server does not answer.

        Notes
        -----
        A re-creation and extension of Galceran et al. 2026 (arXiv:2605.13973); percentiles are of
        one joint posterior, recalibrated (Kuleshov, Fenner & Ermon 2018).

        Examples
        --------
        >>> import phangs_sfh as ps
        >>> model = ps.load_model("phangs")
        >>> answers = model.predict(ps.demo_spectrum())
        >>> answers["sfh_p50"].shape
        (1, 16)
        >>> print(answers["mw_logage_p50"].unit)
        dex(yr)
        """
        observations = self._read(data, redshift, wavemed)
        steps = len(observations) * (2 if samples else 1)
        with counted(progress, "spectra", steps) as advance:
            answers = predict.predict(observations, self, batch_size, advance)
            if samples:
                draws = predict.sample(observations, self, samples, 0, batch_size, advance)
                predict.add_samples(answers, draws)
        known = self.described.assumptions if side_by_side else None
        for option in known.options if known else ():
            if option == self.assumption:
                continue
            more = predict.predict(observations, replace(self, assumed=option), batch_size)
            for name in more.colnames:
                answers[f"{name}_{option}"] = more[name]
        return answers

    def sample(
        self,
        data,
        n: int | None = None,
        seed: int = 0,
        *,
        redshift: float | None = None,
        wavemed: str | None = None,
        batch_size: int = 256,
        progress: Progress | None = None,
    ) -> dict[str, np.ndarray]:
        """Joint samples of the posterior of every object, all of equal weight.

        A model has 256 quasi-random samples of each object, always the same ones, recalibrated as
        the percentiles are. ``seed`` says which ``n`` of them are taken, in which order.

        Parameters
        ----------
        data, redshift, wavemed, batch_size, progress : see ``predict``
        n : samples of each object, default all 256; more: ``Model.posterior(data).sample(n)``
        seed : not negative

        Returns
        -------
        draws : float32 arrays by name: ``sfh`` and ``mh`` (rows, n, 16), ``mw_logage``,
            ``lw_logage``, ``mw_mh``, ``lw_mh``, ``logml`` and ``av`` (rows, n), in the units of
            ``predict``; NaN in rows without data. 39 kB a row at n = 256.

        Raises
        ------
        InputError
            If n is out of range, or as ``predict``.

        Examples
        --------
        The share of the mass formed in the last 80 Myr, with its 68 % interval:

        >>> import numpy as np
        >>> import phangs_sfh as ps
        >>> draws = ps.load_model("phangs").sample(ps.demo_spectrum(), n=100)
        >>> draws["sfh"].shape
        (1, 100, 16)
        >>> young = draws["sfh"][..., :8].sum(axis=-1)
        >>> low, high = np.quantile(young, [0.16, 0.84])
        >>> bool(0 < low < high < 0.1)
        True
        """
        observations = self._read(data, redshift, wavemed)
        with counted(progress, "spectra", len(observations)) as advance:
            return predict.sample(observations, self, n, seed, batch_size, advance)

    def posterior(self, data, redshift: float | None = None, wavemed: str | None = None):
        """The posterior as a distribution; only a ``Model`` at hand has it."""
        raise InputError(
            f"{self.path}: a server gives percentiles and samples, no density; load the model's "
            "own folder: load_model(FOLDER).posterior(data)"
        )

    def _read(self, data, redshift, wavemed):
        if isinstance(data, Observations):
            return data
        observations = self.read(data, redshift, wavemed)
        for note in observations.warnings:
            warnings.warn(note, InputWarning, stacklevel=3)
        return observations
