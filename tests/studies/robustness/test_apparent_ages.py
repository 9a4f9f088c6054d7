"""Apparent ages: what one library's stars look like to another's."""

from dataclasses import replace

import numpy as np
import pytest

from phangs_sfh.ssp import bc03
from studies.robustness import apparent_ages

AGES = np.array([1e7, 1e8, 1e9, 5e9])


@pytest.fixture(scope="module")
def base():
    return bc03.load()


def test_a_library_sees_its_own_ages_behind_dust(base):
    reddened = replace(base, luminosity=base.luminosity * (base.wave / 5500.0) ** 1.5)
    seen, residual = apparent_ages.apparent_age(reddened, base, AGES)
    nearest = base.age[np.abs(np.log(base.age / AGES[:, None])).argmin(axis=1)]
    assert np.array_equal(seen, nearest)
    assert np.all(residual < 1e-3)


def test_a_shifted_age_scale_is_seen(base):
    """Stars that age as those of BC03 twice as old: +0.3 dex, wherever spectra change with age."""
    index = np.abs(np.log(base.age / (2.0 * base.age[:, None]))).argmin(axis=1)
    shifted = replace(base, luminosity=base.luminosity[:, index])
    seen, _ = apparent_ages.apparent_age(shifted, base, AGES)
    assert np.allclose(np.log10(seen / AGES), 0.3, atol=0.04)


def test_the_table_leaves_out_what_a_library_has_not(base):
    old = replace(base, provenance=base.provenance | {"covered_age": [63e6, 14e9]})
    row = apparent_ages.ages_table([("old", old)], base).splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[0] == "old" and cells[1:4] == ["", "", ""]
    assert set(cells[4:]) == {"+0.00"}
