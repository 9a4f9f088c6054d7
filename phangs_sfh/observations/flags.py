"""Bits of the result columns ``flag``, reasons for doubt, and ``used``, what was answered from.

They add up: a flag of 192 is HIGH_SURPRISE and PRIOR_EDGE. All but ``BANDS_REDSHIFTED`` are made
inside the model's graph, so that a served answer carries them too.
"""

from enum import IntFlag


class Flag(IntFlag):
    """Reasons for doubt about one row."""

    NO_DATA = 1
    BANDS_REDSHIFTED = 32
    HIGH_SURPRISE = 64
    PRIOR_EDGE = 128
    VELOCITY = 256


class Used(IntFlag):
    """What there was of each kind of data."""

    SPECTRUM = 1
    WHOLE_SPECTRUM = 2
    BANDS = 4
    ALL_BANDS = 8


MEANING = {
    Flag.NO_DATA: "nothing usable: no answer",
    Flag.BANDS_REDSHIFTED: "bands ignored: the model knows rest-frame bands and z > 0.02",
    Flag.HIGH_SURPRISE: "unlike the training set: do not trust",
    Flag.PRIOR_EDGE: "[M/H] may lie beyond what the model was trained on",
    Flag.VELOCITY: "shifted by over 100 km/s: is the redshift right?",
}
USED_MEANING = {
    Used.SPECTRUM: "some pixels",
    Used.WHOLE_SPECTRUM: "80 per cent of the grid's pixels or more",
    Used.BANDS: "some bands",
    Used.ALL_BANDS: "all bands",
}

PARTIAL_FRACTION = 0.2
"""Share of missing grid pixels above which a spectrum is not ``WHOLE_SPECTRUM``."""


def describe(flag):
    """Meaning of a flag in words, ``'good'`` for 0."""
    words = [text for bit, text in MEANING.items() if int(flag) & bit]
    return "; ".join(words) or "good"
