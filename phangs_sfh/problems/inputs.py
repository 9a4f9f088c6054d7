"""What the answer is inferred from: kinds of input, each with its names and its record.

An input knows its size on an instrument, the feature of a TFRecord that holds it without noise, and
the two tensors (value and error, error ≤ 0 = missing) that the network and the served model take.
What else hangs on the kind of input has one function a kind, in the room where it happens:
``library/observing.py`` (how noise is drawn), ``network/cleaning.py``, ``network/branches.py`` (its
tokens), ``posterior/surprise.py`` (what is unlike the training set).
"""

from dataclasses import dataclass

import numpy as np

from phangs_sfh.errors import InputError


@dataclass(frozen=True)
class Spectrum:
    """A spectrum on the instrument's rest-frame grid, float16 in the record."""

    kind = "spectrum"
    record, bytes = "spectrum", 2  # of one number
    value, error = "flux", "flux_err"

    def size(self, instrument):
        return instrument.n_pixels

    def encode(self, row):
        """Feature of one example, from an (n_pixels,) array."""
        from tensorflow.core.example.feature_pb2 import BytesList, Feature

        return Feature(bytes_list=BytesList(value=[row.astype("<f2").tobytes()]))

    def feature(self, instrument):
        """Specification for ``tf.io.parse_example``."""
        import tensorflow as tf

        return tf.io.FixedLenFeature([], tf.string)

    def decode(self, parsed, instrument):
        """float16 tensor [n, n_pixels] of parsed examples."""
        import tensorflow as tf

        spectrum = tf.io.decode_raw(parsed, tf.float16, little_endian=True)
        return tf.ensure_shape(spectrum, [None, instrument.n_pixels])


@dataclass(frozen=True)
class Bands:
    """Fluxes in the instrument's photometric bands, in the spectrum's unit, float32."""

    kind = "bands"
    record, bytes = "bands", 4
    value, error = "band_flux", "band_flux_err"

    def size(self, instrument):
        return instrument.n_bands

    def encode(self, row):
        """Feature of one example, from an (n_bands,) array."""
        from tensorflow.core.example.feature_pb2 import Feature, FloatList

        return Feature(float_list=FloatList(value=row.astype(np.float32).tolist()))

    def feature(self, instrument):
        import tensorflow as tf

        return tf.io.FixedLenFeature([instrument.n_bands], tf.float32)

    def decode(self, parsed, instrument):
        return parsed


KINDS = {kind.kind: kind for kind in (Spectrum, Bands)}


def to_list(inputs):
    """JSON of inputs: the names of their kinds."""
    return [one.kind for one in inputs]


def from_list(content, source):
    """Inverse of ``to_list``.

    Raises
    ------
    InputError
        Names ``source`` if it is no list of kinds, or an empty one.
    """
    try:
        found = tuple(KINDS[kind]() for kind in content)
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{source}: field 'inputs' has an unknown kind ({error}); known are {', '.join(KINDS)}"
        ) from None
    if not found or len(set(found)) < len(found):
        raise InputError(f"{source}: field 'inputs' needs kinds that differ; make it again")
    return found


def sizes(inputs, instrument):
    """Widths of the network's input tensors: dict by name, in the order it takes them."""
    return {name: one.size(instrument) for one in inputs for name in (one.value, one.error)}
