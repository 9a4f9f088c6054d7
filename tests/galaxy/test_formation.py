"""Times and rates of histories whose answers are known."""

import numpy as np
import pytest

from phangs_sfh.galaxy.formation import YOUNGEST_YR, formation_time, recent_share

EDGES = np.array([0.0, 1e7, 1e8, 1e9, 1e10])


def constant():
    return np.diff(EDGES)[None] / EDGES[-1]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_constant_rate_forms_its_shares_in_proportion(share):
    assert formation_time(constant(), EDGES, share) == pytest.approx((1 - share) * 1e10, rel=1e-6)


def test_a_burst_forms_within_its_cell_and_the_present_is_a_floor():
    burst = np.array([[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    early, late = (formation_time(burst, EDGES, share) for share in (0.1, 0.9))
    assert 1e8 < late[0] < early[0] < 1e9
    assert early[1] < 1e7 and formation_time(burst, EDGES, 1.0)[1] == YOUNGEST_YR


def test_recent_share_counts_cells_by_their_part():
    assert recent_share(constant(), EDGES, 1e8) == pytest.approx(0.01)
    assert recent_share(constant(), EDGES, 5e7) == pytest.approx(0.005)
    assert recent_share(2.0 * constant(), EDGES, 1e10) == pytest.approx(1.0)
