"""The table of galaxies."""

import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.maps.phangs.galaxies import GALAXIES, galaxy


def test_the_galaxies_are_where_hubbles_law_has_them():
    assert len({one.name for one in GALAXIES}) == 19
    for one in GALAXIES:
        assert 40 < one.velocity / one.distance < 190  # peculiar velocities of Virgo and Fornax
        assert 0 < one.ebv < 0.1 and one.redshift == pytest.approx(one.velocity / 299792.458)


@pytest.mark.parametrize("name", ["NGC0628", "ngc628", "NGC 628", "ngc_0628"])
def test_names_are_written_in_many_ways(name):
    assert galaxy(name).name == "NGC0628" and galaxy("ic 5332").distance == 9.01


@pytest.mark.parametrize("name", ["NGC3628", "M66", "", "NGC", "3627"])
def test_others_are_refused_with_the_list(name):
    with pytest.raises(InputError, match="IC5332, NGC0628, .*NGC7496") as caught:
        galaxy(name)
    assert "\n" not in str(caught.value)
