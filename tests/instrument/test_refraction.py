import astropy.units as u
import numpy as np
import pytest
from specutils.utils.wcs_utils import vac_to_air

from phangs_sfh.instrument.refraction import rest_air, vacuum_to_air

# Vacuum and air wavelengths [Å] from the NIST Atomic Spectra Database.
NIST_LINES = [
    (4862.68, 4861.33),  # Hβ
    (4960.295, 4958.911),  # [O III]
    (5008.240, 5006.843),
    (5891.583, 5889.951),  # Na D2
    (5897.558, 5895.924),
    (6564.61, 6562.80),  # Hα
    (6718.29, 6716.44),  # [S II]
    (6732.67, 6730.82),
]


@pytest.mark.parametrize(("vacuum", "air"), NIST_LINES)
def test_lines_lie_where_the_laboratory_has_them(vacuum, air):
    assert vacuum_to_air(vacuum) == pytest.approx(air, abs=0.01)


def test_agrees_with_specutils():
    wave = np.linspace(3000, 10000, 50)
    theirs = vac_to_air(wave * u.AA, method="Morton2000").value
    np.testing.assert_allclose(vacuum_to_air(wave), theirs, atol=1e-6)


@pytest.mark.parametrize("z", [0.0, 0.004, 0.1])
def test_air_and_vacuum_spectra_meet_at_the_same_rest_wavelength(z):
    rest_vacuum = np.array([4862.68, 5891.583, 6564.61])
    observed_vacuum = rest_vacuum * (1 + z)
    from_vacuum = rest_air(observed_vacuum, z, vacuum=True)
    from_air = rest_air(vacuum_to_air(observed_vacuum), z, vacuum=False)
    np.testing.assert_allclose(from_vacuum, [4861.33, 5889.951, 6562.80], atol=0.01)
    np.testing.assert_allclose(from_air, from_vacuum, atol=1e-5)


def test_air_spectra_at_rest_are_not_moved():
    wave = np.linspace(4800, 7000, 1761)
    np.testing.assert_array_equal(rest_air(wave, 0.0, vacuum=False), wave)
