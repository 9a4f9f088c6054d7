"""An exported model, loaded: the object that a user asks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.export.allowed_ops import check_saved_model
from phangs_sfh.files import checksums, model_json
from phangs_sfh.files.paths import PathLike
from phangs_sfh.instrument.description import Instrument
from phangs_sfh.prediction import predict
from phangs_sfh.prediction.answers import check_signature, checked_answers, checked_draws
from phangs_sfh.prediction.any_model import TIMEOUT, AnyModel, rows_of
from phangs_sfh.prediction.model_folder import check_instrument, read_description
from phangs_sfh.problems.assumptions import RECORD
from phangs_sfh.problems.catalogue import described_by

if TYPE_CHECKING:
    from tensorflow_probability import distributions

    from phangs_sfh.prediction.client import RemoteModel


@dataclass(frozen=True)
class Model(AnyModel):
    """An exported model, loaded with ``load_model``.

    Ask it with ``predict`` (a table with error bars), ``sample`` (draws) and ``posterior`` (the
    density).

    Attributes
    ----------
    path : Path, of its folder
    info : dict, its model.json
    instrument : Instrument
    saved : the SavedModel; its signatures live as long as it does
    assumed : see ``assuming``
    """

    path: Path
    info: dict
    instrument: Instrument
    saved: object
    assumed: str | None = None

    def answer(self, **inputs):
        """Run ``serving_default``, or its like under another assumption; dict of arrays.

        Raises
        ------
        InputError
            If the model fails, or its answer is none (``prediction.answers``).
        """
        found = self._run(self.signature("serving_default"), inputs)
        return checked_answers(self.path, self.labels, found, rows_of(inputs))

    def draw(self, **inputs):
        """Run ``posterior`` on float32 arrays; dict of arrays (n, 256, ...).

        Raises
        ------
        InputError
            As ``answer``, and if the model has no such signature.
        """
        name = self.signature("posterior")
        if name not in self.saved.signatures:
            raise InputError(
                f"{self.path}: the SavedModel has no signature '{name}'; export it again"
            )
        found = self._run(name, inputs)
        return checked_draws(self.path, self.labels, found, rows_of(inputs))

    def _run(self, signature, inputs):
        import tensorflow as tf

        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        return run_graph(self.path, lambda: self.saved.signatures[signature](**tensors))

    @cached_property
    def network(self):
        """The Keras network and the content of its model.json; of ``model.keras``.

        Raises
        ------
        InputError
            If the file is not beside the SavedModel, or is damaged.
        """
        from phangs_sfh.network.model import load_model

        return load_model(self.path)

    def posterior(
        self, data, redshift: float | None = None, wavemed: str | None = None
    ) -> distributions.Distribution:
        """The joint posterior density of all labels, a TensorFlow Probability distribution.

        A mixture of normals under a chain of bijectors, as the network was trained. It is the
        density before the recalibration that ``predict`` and ``sample`` have.

        Parameters
        ----------
        data, redshift, wavemed : see ``read``

        Returns
        -------
        density : batch shape (rows,); ``sample(n)``, ``log_prob(labels)``, ``mean()``. Labels by
            name as in ``sample``.

        Raises
        ------
        InputError
            If the data cannot be used or ``model.keras`` is not beside the SavedModel.

        Examples
        --------
        >>> import phangs_sfh as ps
        >>> density = ps.load_model("phangs").posterior(ps.demo_spectrum())
        >>> labels = density.sample(1000)
        >>> labels["sfh"].shape, density.log_prob(labels).shape
        (TensorShape([1000, 1, 16]), TensorShape([1000, 1]))
        """
        import tensorflow as tf

        from phangs_sfh.posterior.density import label_distribution

        observations = self._read(data, redshift, wavemed)
        network, description = self.network
        assumptions, told = self.described.assumptions, {}
        if assumptions:
            number = assumptions.number(self.assumed, self.path)
            told = {RECORD: np.eye(len(assumptions), dtype=np.float32)[number]}

        def params(**inputs):
            n = rows_of(inputs)
            given = inputs | {name: np.tile(row, (n, 1)) for name, row in told.items()}
            return {"params": network(given, training=False).numpy()}

        found = predict.collected(params, observations, self, batch_size=256)
        return label_distribution(description, tf.constant(found["params"]))


def run_graph(path, graph):
    """What ``graph``, a function without arguments, gives: dict of arrays.

    Raises
    ------
    InputError
        If TensorFlow fails at it: a shape that does not fit, a number that a check finds.
    """
    import tensorflow as tf

    try:
        return {name: value.numpy() for name, value in graph().items()}
    except (tf.errors.OpError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path}: the model fails ({reason}); use one that phangs-sfh exported"
        ) from None


def as_model(model):
    """A model as it is, or loaded by name or folder; not a server's.

    Raises
    ------
    InputError
        As ``load_model``, and if it is on a server.
    """
    if isinstance(model, Model):
        return model
    if isinstance(model, AnyModel):
        raise InputError(f"{model.path}: is on a server; give a model's folder or name")
    return load_model(model)


def load_model(
    model: PathLike | None = None,
    instrument: Instrument | None = None,
    *,
    server: str | None = None,
    timeout: float = TIMEOUT,
) -> Model | RemoteModel:
    """Load a model, or connect to one that TensorFlow Serving serves.

    Parameters
    ----------
    model : name of a released model (``phangs``; its newest version) or folder with saved_model.pb
        and model.json, as ``fit`` and ``export_model`` write it; default ``phangs``. With
        ``server``: the folder that says what the served model is.
    instrument : that the data were taken with; if given, the model's must agree
    server : ``HOST:PORT`` (gRPC) or ``http://HOST:PORT`` (REST), either with ``/NAME`` or
        ``/NAME/VERSION`` behind for another model than ``model``
    timeout : seconds that a request to the server may take

    Returns
    -------
    model : with methods ``predict``, ``sample``, ``posterior`` (the latter not of a server's)

    Raises
    ------
    InputError
        If there is no model, it is damaged, of another schema or for another instrument; or the
        server is away or serves something else.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> model = ps.load_model("phangs")
    >>> model.info["name"], model.instrument.n_pixels, model.instrument.band_names
    ('phangs', 1761, ['F275W', 'F336W', 'F438W', 'F555W', 'F814W'])
    """
    if server is not None:
        from phangs_sfh.prediction.client import connect

        remote = connect(server, model, timeout)
        if instrument is not None:
            check_instrument(remote.path, remote.instrument, instrument)
        return remote
    path, info, theirs = read_description(model)
    if instrument is not None:
        check_instrument(path, theirs, instrument)
    checksums.verify(path, remedy="copy or export the model again")
    check_saved_model(path)
    import tensorflow as tf

    try:
        saved = tf.saved_model.load(str(path))
        serving = saved.signatures["serving_default"]
    except Exception as error:  # TensorFlow has no common error for a damaged SavedModel
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{path}: the SavedModel cannot be loaded ({reason}); export or copy it again"
        ) from None
    described = described_by(info, path / model_json.FILE)
    taken = serving.structured_input_signature[1].items()
    shapes = {name: [-1 if n is None else n for n in spec.shape] for name, spec in taken}
    check_signature(path, shapes, set(serving.structured_outputs), described, theirs)
    return Model(path=path, info=info, instrument=theirs, saved=saved)
