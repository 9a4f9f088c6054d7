"""What the evaluation of star formation histories has beyond that of any problem."""

import numpy as np

from phangs_sfh.evaluation.extras import Extra, Measure, Pages
from phangs_sfh.evaluation.histories import (
    figures,
    groups,
    history,
    rebuilt,
    spoiled,
    texts,
    young,
)

NUISANCE = {"family": np.int64, "gas_state": np.int64}
NUISANCE |= {"sigma_v": np.float32, "slope": np.float32, "av_young": np.float32}

EXTRA = Extra(
    nuisance=NUISANCE,
    telling=("lw_logage", "lw_mh"),
    sorted_by=("av",),
    measures={
        "total_variation": Measure(
            lambda truth, columns: history.total_variation(truth["sfh"], columns["sfh_p50"]),
            "mass in a wrong bin",
            "total-variation distance, median",
        )
    },
    stress=spoiled.CASES,
    keep=young.keep,
    assess=young.assess,
    bins=history.bin_errors,
    groups=groups.groups,
    describe=texts.describe,
    finish=lambda *given: {"rebuilt": rebuilt.rebuilt_errors(*given)},
    pages=Pages(
        objects="galaxies",
        about="Star formation history and age-metallicity relation",
        bins={"mh": ("mh_with_mass", "where ≥ 1 % of mass")},
        figures=figures.figures,
        captions=figures.CAPTIONS,
        sections=texts.sections,
        use=texts.use,
        limits=texts.limits,
    ),
)
