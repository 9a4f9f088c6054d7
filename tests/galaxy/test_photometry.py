"""Band fluxes against their definition."""

import numpy as np
import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.galaxy import photometry
from phangs_sfh.instrument.description import load_instrument

BANDS = load_instrument().bands


def _by_definition(function, band):
    fine = np.linspace(band.wave[0], band.wave[-1], 400_001)
    weight = fine * np.interp(fine, band.wave, band.throughput)
    return np.trapezoid(function(fine) * weight, fine) / np.trapezoid(weight, fine)


@pytest.mark.parametrize("band", BANDS, ids=lambda band: band.name)
def test_sloped_spectrum_with_steep_dust(band):
    """Attenuation taken at the slices' centres is that of the integral, to 0.002 mag."""
    wave = np.arange(1900.0, 10500.0, 5.0)

    def stars(angstrom):
        return (angstrom / 5500) ** -2.0

    def dust(angstrom):
        return 10 ** (-0.4 * 4.0 * (angstrom / 5500) ** -1.3)

    weights, centres = photometry.band_slices(wave, band)
    flux = (stars(wave) @ weights) @ dust(centres)
    truth = _by_definition(lambda angstrom: stars(angstrom) * dust(angstrom), band)
    assert -2.5 * np.log10(flux / truth) == pytest.approx(0.0, abs=0.002)
    assert (stars(wave) @ weights).sum() == pytest.approx(_by_definition(stars, band), rel=1e-4)


def test_flat_spectrum_has_its_own_level():
    wave = np.arange(1900.0, 10500.0, 5.0)
    for band in BANDS:
        weights, _ = photometry.band_slices(wave, band)
        assert (np.ones_like(wave) @ weights).sum() == pytest.approx(1.0, rel=1e-12)


def test_pivots_are_those_of_stsci():
    """WFC3 instrument handbook, to 0.2 per cent: total throughput, not the filters alone."""
    pivots = {"F275W": 2710, "F336W": 3355, "F438W": 4326, "F555W": 5308, "F814W": 8030}
    for band in BANDS:
        assert band.pivot == pytest.approx(pivots[band.name], rel=0.002)


def test_uncovered_band_is_refused():
    with pytest.raises(InputError, match="does not cover F275W"):
        photometry.band_slices(np.arange(3000.0, 10500.0, 5.0), BANDS[0])
