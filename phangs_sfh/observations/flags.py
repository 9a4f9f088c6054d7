"""Bits of the result column ``flag``. They add up: 6 is NO_SPECTRUM and NO_BANDS.

All but ``BANDS_REDSHIFTED`` are computed inside the model's graph, from its inputs and its
surprise, so that a served answer carries them too.
"""

from enum import IntFlag


class Flag(IntFlag):
    """Reasons for doubt about one row."""

    NO_DATA = 1
    NO_SPECTRUM = 2
    NO_BANDS = 4
    SOME_BANDS_MISSING = 8
    SPECTRUM_PARTIAL = 16
    BANDS_REDSHIFTED = 32
    HIGH_SURPRISE = 64


MEANING = {
    Flag.NO_DATA: "nothing usable: no answer",
    Flag.NO_SPECTRUM: "no usable pixel: photometry only",
    Flag.NO_BANDS: "no usable band: spectrum only",
    Flag.SOME_BANDS_MISSING: "some bands are missing",
    Flag.SPECTRUM_PARTIAL: "more than 20 per cent of the grid's pixels are missing",
    Flag.BANDS_REDSHIFTED: "bands ignored: the model knows rest-frame bands and z > 0.02",
    Flag.HIGH_SURPRISE: "unlike the training set: do not trust",
}

PARTIAL_FRACTION = 0.2
"""Share of missing grid pixels above which a spectrum is ``SPECTRUM_PARTIAL``."""


def describe(flag):
    """Meaning of a flag in words, ``'good'`` for 0."""
    words = [text for bit, text in MEANING.items() if int(flag) & bit]
    return "; ".join(words) or "good"
