"""Star formation histories: the first problem."""

from phangs_sfh.problems.histories.labels import FIRST_LABELS, LABELS
from phangs_sfh.problems.inputs import Bands, Spectrum

INPUTS = (Spectrum(), Bands())

__all__ = ["FIRST_LABELS", "INPUTS", "LABELS", "PROBLEM"]


def __getattr__(name):
    # The simulator brings scipy and the SSP grid: only where galaxies are made.
    if name != "PROBLEM":
        raise AttributeError(name)
    from phangs_sfh.problems.histories.simulator import PROBLEM

    return PROBLEM
