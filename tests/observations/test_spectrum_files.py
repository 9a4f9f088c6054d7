"""Spectra in the formats of other programs, through specutils."""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import InverseVariance, StdDevUncertainty
from astropy.wcs import WCS
from input_tables import F_LAMBDA, INSTRUMENT, assert_same, make_table
from specutils import Spectrum

from phangs_sfh.errors import InputError
from phangs_sfh.observations.table import observations_from_table, read_observations


@pytest.fixture
def table():
    return make_table(1, bands=False)


def _spectrum(table, uncertainty=None, ctype=None, **header):
    error = table["flux_err"][0]
    axis = {"spectral_axis": table["wave"][0]}
    if ctype:
        wcs = WCS(naxis=1)
        wcs.wcs.ctype, wcs.wcs.cunit, wcs.wcs.crpix = [ctype], ["Angstrom"], [1]
        wcs.wcs.crval, wcs.wcs.cdelt = [table["wave"][0, 0].value], [1.25]
        axis = {"wcs": wcs}
    return Spectrum(
        **axis,
        flux=table["flux"][0],
        uncertainty=uncertainty or StdDevUncertainty(error),
        meta={"header": fits.Header(header)},
    )


def test_spectrum_gives_what_the_table_gives(tmp_path, table):
    path = tmp_path / "spectrum.fits"
    _spectrum(table).write(path, format="tabular-fits")
    seen = read_observations(path, INSTRUMENT, redshift=0.004, wavemed="air")
    assert_same(observations_from_table(table, INSTRUMENT), seen, rtol=1e-5)


def test_air_wavelengths_by_the_axis_type(tmp_path, table):
    """AWAV is air, by the FITS standard and in MUSE's files; WAVE is too often said of air."""
    path = tmp_path / "spectrum.fits"
    _spectrum(table, ctype="AWAV").write(path, format="wcs1d-fits")
    seen = read_observations(path, INSTRUMENT, redshift=0.004)
    assert_same(observations_from_table(table, INSTRUMENT), seen, rtol=1e-5)
    _spectrum(table, ctype="WAVE").write(path, format="wcs1d-fits", overwrite=True)
    with pytest.raises(InputError, match="--wavemed"):
        read_observations(path, INSTRUMENT, redshift=0.004)
    vacuum = read_observations(path, INSTRUMENT, redshift=0.004, wavemed="vacuum")
    table.meta["WAVEMED"] = "vacuum"
    assert_same(observations_from_table(table, INSTRUMENT), vacuum, rtol=1e-5)


def test_redshift_and_medium_from_the_header(tmp_path, table):
    path = tmp_path / "spectrum.fits"
    _spectrum(table, REDSHIFT=0.004, WAVEMED="air").write(path, format="tabular-fits")
    assert_same(
        observations_from_table(table, INSTRUMENT), read_observations(path, INSTRUMENT), rtol=1e-5
    )


def test_inverse_variance_of_zero_is_missing(tmp_path, table):
    path = tmp_path / "spectrum.fits"
    weight = table["flux_err"][0].value ** -2.0
    weight[500:520] = 0
    _spectrum(table, InverseVariance(weight / F_LAMBDA**2), "AWAV").write(path, format="wcs1d-fits")
    seen = read_observations(path, INSTRUMENT, redshift=0.004, wavemed="air")
    assert 19 <= np.count_nonzero(seen.flux_err == 0) <= 21


def test_what_is_not_known_is_asked_for(tmp_path, table):
    path = tmp_path / "spectrum.fits"
    _spectrum(table).write(path, format="tabular-fits")
    with pytest.raises(InputError, match="--redshift"):
        read_observations(path, INSTRUMENT, wavemed="air")
    with pytest.raises(InputError, match="--wavemed"):
        read_observations(path, INSTRUMENT, redshift=0.004)


def test_spectrum_without_errors(tmp_path, table):
    path = tmp_path / "spectrum.fits"
    Spectrum(spectral_axis=table["wave"][0], flux=table["flux"][0]).write(
        path, format="tabular-fits"
    )
    with pytest.raises(InputError, match="no uncertainty; add errors"):
        read_observations(path, INSTRUMENT, redshift=0.004, wavemed="air")


def test_frequency_axis(tmp_path, table):
    axis = table["wave"][0].to(u.Hz, u.spectral())
    spectrum = Spectrum(
        spectral_axis=axis[::-1],
        flux=table["flux"][0][::-1],
        uncertainty=StdDevUncertainty(table["flux_err"][0][::-1]),
    )
    spectrum.write(tmp_path / "s.fits", format="tabular-fits")
    seen = read_observations(tmp_path / "s.fits", INSTRUMENT, redshift=0.004, wavemed="vacuum")
    table.meta["WAVEMED"] = "vacuum"
    assert_same(observations_from_table(table, INSTRUMENT), seen, rtol=1e-5)
