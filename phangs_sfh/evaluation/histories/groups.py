"""Kinds of galaxies whose errors are told apart."""

import numpy as np

from phangs_sfh.evaluation.assess import binned, named
from phangs_sfh.problems.histories.priors import FAMILIES, GAS_STATES

AGE_EDGES = (0, 8.5, 9.0, 9.5, 9.8, 10.2)
AV_EDGES = (0, 0.1, 0.3, 0.6, 1.2, np.inf)


def groups(answers, mocks):
    """By family of history, gas, true age and true A_V: dict of lists of (text, rows)."""
    families = [name.replace("_", " ") for name in FAMILIES]
    return {
        "family": named(mocks.nuisance.get("family"), families),
        "gas": named(mocks.nuisance.get("gas_state"), [f"gas {name}" for name in GAS_STATES]),
        "age": binned(mocks.truth["mw_logage"], AGE_EDGES, "true log age"),
        "av": binned(mocks.truth["av"], AV_EDGES, "true A_V"),
    }
