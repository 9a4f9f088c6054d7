"""A model as maps use it: percentiles and star formation rates in one run of the network.

``serving_default`` gives percentiles, ``posterior`` samples, from which alone the percentiles of a
rate can be had: bins of a history are correlated, and sums of medians are not medians. Both are
joined into one graph with the weights as constants, in which TensorFlow runs the network, common
to both, once: 1.4 times the time of ``serving_default`` alone instead of 2.3.
"""

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.maps.input.cube_spectra import CHUNK
from phangs_sfh.maps.rates_and_densities import WINDOWS_MYR
from phangs_sfh.observations.flags import Flag
from phangs_sfh.prediction.answers import checked_answers
from phangs_sfh.prediction.any_model import rows_of
from phangs_sfh.prediction.model import run_graph
from phangs_sfh.prediction.predict import collected
from phangs_sfh.prediction.results import PERCENTILES, WHOLE_NUMBERS, answer_names

PROBABILITIES = (0.16, 0.50, 0.84)
RATE_NAMES = {f"lograte{t}": f"logssfr{t}" for t in WINDOWS_MYR}
"""Star formation rate per luminosity [M_sun / yr / L_sun], log10, and the label, the rate per mass
formed, that it is made of with ``logml``."""

NEEDED = ("logml", *RATE_NAMES.values())
"""Labels that star formation rates are made of."""

RATES = [f"{name}_{p}" for name in RATE_NAMES for p in PERCENTILES]


class MapModel:
    """A model that answers percentiles and rates together.

    Parameters
    ----------
    model : prediction.model.Model

    Raises
    ------
    InputError
        If the model cannot draw from its posterior, or infers no histories.
    """

    def __init__(self, model):
        if model.signature("posterior") not in model.saved.signatures:
            raise InputError(
                f"{model.path}: the SavedModel has no signature 'posterior', which star formation "
                "rates are drawn from; export it again"
            )
        drawn = model.saved.signatures[model.signature("posterior")].structured_outputs
        for name in NEEDED:
            if name not in model.labels or name not in drawn:
                raise InputError(
                    f"{model.path}: infers no '{name}', which maps are made of; use a model of "
                    "histories of this version"
                )
        self.model, self.graph = model, None
        self.masks_emission_lines = model.masks_emission_lines

    def answer(self, observations):
        """All columns of the result table, and percentiles of ``RATE_NAMES``.

        Parameters
        ----------
        observations : Observations

        Returns
        -------
        answers : dict of arrays, one row each; NaN in rows without data
        """
        if self.graph is None:  # not before it is needed: while bins are summed, memory is dear
            self.graph, self.order, self.names = _joined(self.model)
        answers = collected(self._ask, observations, self.model, CHUNK)
        answers["flag"] = answers["flag"] | observations.flags
        empty = (answers["flag"] & Flag.NO_DATA) > 0
        for name, values in answers.items():
            if name not in WHOLE_NUMBERS:
                values[empty] = np.nan
        return answers

    def _ask(self, **inputs):
        import tensorflow as tf

        tensors = [tf.constant(inputs[name]) for name in self.order]
        path = self.model.path
        found = run_graph(path, lambda: dict(zip(self.names, self.graph(*tensors), strict=True)))
        return checked_answers(path, self.model.labels, found, rows_of(inputs), RATES)


def _joined(model):
    """The frozen graph, the order of its inputs and the names of its outputs."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    instrument = model.instrument
    percentiles, draws = (
        model.saved.signatures[model.signature(kind)] for kind in ("serving_default", "posterior")
    )
    sizes = {"flux": instrument.n_pixels, "band_flux": instrument.n_bands}
    specs = {
        name: tf.TensorSpec([None, size], tf.float32, name=name)
        for key, size in sizes.items()
        for name in (key, f"{key}_err")
    }
    names = sorted([*answer_names(model.labels), *RATES])

    @tf.function(autograph=False)
    def both(**inputs):
        answers = dict(percentiles(**inputs))
        answers |= _rates(tf, draws(**inputs))
        return [answers[name] for name in names]

    graph = convert_variables_to_constants_v2(both.get_concrete_function(**specs))
    return graph, [tensor.name.split(":")[0] for tensor in graph.inputs], names


def _rates(tf, samples):
    """Percentiles of the rates, from joint samples of the rate per mass and ``logml``."""
    rates = [samples[label] + samples["logml"] for label in RATE_NAMES.values()]
    ordered = tf.sort(tf.stack(rates, axis=-1), axis=1)
    last = tf.cast(tf.shape(ordered)[1] - 1, tf.float32)
    columns = {}
    for p, probability in zip(PERCENTILES, PROBABILITIES, strict=True):
        place = probability * last
        below = tf.cast(tf.floor(place), tf.int32)
        share = place - tf.cast(below, tf.float32)
        above = tf.minimum(below + 1, tf.shape(ordered)[1] - 1)
        value = ordered[:, below] * (1 - share) + ordered[:, above] * share
        columns |= {f"{name}_{p}": value[:, i] for i, name in enumerate(RATE_NAMES)}
    return columns
