import astropy.units as u
import numpy as np
import pytest
from astropy.table import MaskedColumn, QTable, Table
from astropy.utils.masked import Masked
from input_tables import BANDS, F_LAMBDA, INSTRUMENT, assert_same, make_table

from phangs_sfh.instrument.emission_lines import window_mask
from phangs_sfh.instrument.refraction import refractive_index
from phangs_sfh.observations.flags import Flag
from phangs_sfh.observations.table import observations_from_table, read_observations


def observe(table, **options):
    return observations_from_table(table, INSTRUMENT, **options)


def test_a_line_lands_at_its_rest_wavelength_in_air():
    for vacuum in (True, False):
        table = make_table(1, redshift=0.01)
        wave = table["wave"][0].value
        line = 6562.80 * refractive_index(6562.80) * 1.01  # observed, vacuum
        line = line if vacuum else line / refractive_index(line)
        table["flux"][0] = (1 + 10 * np.exp(-0.5 * ((wave - line) / 2) ** 2)) * 1e-18 * F_LAMBDA
        table.meta["WAVEMED"] = "vacuum" if vacuum else "air"
        flux = observe(table).flux[0].astype(float)
        near = np.abs(INSTRUMENT.wave - 6562.80) < 15
        above = flux[near] - np.median(flux)
        centre = (above * INSTRUMENT.wave[near]).sum() / above.sum()
        assert centre == pytest.approx(6562.80, abs=0.01)


def test_colours_between_bands_and_spectrum_survive():
    """Bands equal to the spectrum at their pivot stay so, whatever the row's scale."""
    table = make_table(2)
    for scale in (1e-30, 1.0, 1e25):
        scaled = table.copy()
        for name in ["flux", "flux_err", *BANDS, *[f"{b}_err" for b in BANDS]]:
            scaled[name] = table[name] * scale
        assert_same(observe(table), observe(scaled))
    seen = observe(table)
    level = np.median(table["flux"][0].value)
    np.testing.assert_allclose(
        seen.band_flux[0] / np.median(seen.flux[0]),
        [table[b][0].value / level for b in BANDS],
        rtol=0.03,
    )
    assert 0.9 < np.median(seen.flux[0]) < 1.1


@pytest.mark.parametrize("unit", ["uJy", "1e-20 erg / (s cm2 AA)", "erg / (s cm2 Hz)", "W/(m2 um)"])
def test_the_unit_of_the_flux_does_not_matter(unit):
    table = make_table()
    other = table.copy()
    pivots = {band.name: band.pivot * u.AA for band in INSTRUMENT.bands}
    for name in ["flux", "flux_err", *BANDS, *[f"{b}_err" for b in BANDS]]:
        at = table["wave"] if name.startswith("flux") else pivots[name.removesuffix("_err")]
        other[name] = table[name].to(unit, u.spectral_density(at))
    other["wave"] = table["wave"].to(u.nm)
    assert_same(observe(table), observe(other))


def test_surface_brightness_is_taken_if_all_is():
    table = make_table()
    other = table.copy()
    for name in ["flux", "flux_err", *BANDS, *[f"{b}_err" for b in BANDS]]:
        other[name] = table[name] / u.arcsec**2
    for name in BANDS:
        pivot = next(b.pivot for b in INSTRUMENT.bands if b.name == name) * u.AA
        for column in (name, f"{name}_err"):
            other[column] = other[column].to(u.MJy / u.sr, u.spectral_density(pivot))
    assert_same(observe(table), observe(other))


def test_ab_magnitudes():
    """f_λ from the definition m_AB = -2.5 log10(f_ν / 3631 Jy), f_λ = f_ν c / λ_pivot²."""
    table = make_table()
    magnitudes = table.copy()
    for band in INSTRUMENT.bands:
        f_nu = table[band.name].value * band.pivot**2 / 2.99792458e18 / 1e-23
        relative = (table[f"{band.name}_err"] / table[band.name]).value
        magnitudes[band.name] = -2.5 * np.log10(f_nu / 3630.7805) * u.ABmag
        magnitudes[f"{band.name}_err"] = 2.5 / np.log(10) * relative * u.mag
    assert_same(observe(table), observe(magnitudes), rtol=2e-5)


def test_unknown_magnitudes_are_missing():
    table = make_table()
    for index, (value, error) in enumerate([(99.0, 99.0), (-99.0, 0.1), (20.0, 99.0), (20, -1)]):
        table[BANDS[index]] = np.full(3, value) * u.ABmag
        table[f"{BANDS[index]}_err"] = np.full(3, error) * u.mag
    seen = observe(table)
    assert (seen.band_flux_err[:, :4] == 0).all() and (seen.band_flux_err[:, 4] > 0).all()


@pytest.mark.parametrize(
    ("flux", "error"), [(1.0, 0.0), (1.0, -1.0), (1.0, np.nan), (1.0, np.inf), (np.nan, 0.1)]
)
def test_bad_pixels_and_bands_are_missing_and_do_not_spread(flux, error):
    table = make_table()
    clean = observe(table)
    table["flux"][1, 700:720] = flux * 1e-18 * F_LAMBDA
    table["flux_err"][1, 700:720] = error * 1e-18 * F_LAMBDA
    table["F438W"][1] = flux * 1e-18 * F_LAMBDA
    table["F438W_err"][1] = error * 1e-18 * F_LAMBDA
    seen = observe(table)
    lost = (seen.flux_err[1] == 0) & (clean.flux_err[1] > 0)
    assert 19 <= np.count_nonzero(lost) <= 21
    assert seen.band_flux_err[1, BANDS.index("F438W")] == 0
    assert np.isfinite(np.concatenate([v.ravel() for v in seen.inputs().values()])).all()
    np.testing.assert_array_equal(seen.flux[[0, 2]], clean.flux[[0, 2]])


def test_every_way_to_mask_is_the_same(tmp_path):
    """A mask column, NaN, masked quantities and masked columns, in memory and from disk."""
    base = make_table()
    bad = np.zeros(base["flux"].shape, bool)
    bad[0, 100:140], bad[2] = True, True
    by_column, by_nan, by_masked = base.copy(), base.copy(), base.copy()
    by_column["mask"] = bad
    by_nan["flux"][bad] = np.nan
    by_masked["flux"] = Masked(base["flux"], mask=bad)
    plain = Table(base)
    plain["flux"] = MaskedColumn(base["flux"].value, mask=bad, unit=F_LAMBDA)
    for table in (by_column, by_nan, by_masked):
        for band in ("F275W", "F814W"):
            table[band][1] = np.nan
    plain["F275W"] = MaskedColumn(base["F275W"].value, mask=[0, 1, 0], unit=F_LAMBDA)
    plain["F814W"] = MaskedColumn(base["F814W"].value, mask=[0, 1, 0], unit=F_LAMBDA)
    expected = observe(by_column)
    assert (expected.flux_err[2] == 0).all() and (expected.flux_err[1] > 0).all()
    for table in (by_nan, by_masked, plain):
        assert_same(expected, observe(table))
        for ending in ("fits", "ecsv"):
            path = tmp_path / f"table.{ending}"
            table.write(path, overwrite=True)
            assert_same(expected, read_observations(path, INSTRUMENT))


def test_fits_and_ecsv_hold_magnitudes_too(tmp_path):
    table = make_table()
    for band in BANDS:
        table[band] = [20.0, np.nan, 21.0] * u.ABmag
        table[f"{band}_err"] = [0.1, 0.1, 0.2] * u.mag
    for ending in ("fits", "ecsv"):
        table.write(tmp_path / f"t.{ending}")
        assert_same(observe(table), read_observations(tmp_path / f"t.{ending}", INSTRUMENT))


def test_spectrum_only_and_photometry_only():
    spectrum = observe(make_table(bands=False))
    assert (spectrum.band_flux_err == 0).all() and (spectrum.flux_err > 0).all()
    table = make_table(spectrum=False)
    table.remove_column("redshift")
    table.remove_columns(["F336W", "F336W_err"])
    photometry = observe(table)
    assert (photometry.flux_err == 0).all()
    np.testing.assert_array_equal((photometry.band_flux_err > 0).all(axis=0), [1, 0, 1, 1, 1])


def test_a_spectrum_without_unit_is_relative_if_alone():
    table = make_table(bands=False)
    relative = table.copy()
    relative["flux"], relative["flux_err"] = table["flux"].value, table["flux_err"].value
    assert_same(observe(table), observe(relative))


def test_rows_with_wavelengths_and_redshifts_of_their_own():
    """Row by row, with different samplings, lengths and order, as one by one."""
    one, two = make_table(1, redshift=0.001), make_table(1, redshift=0.012, seed=5)
    wave = np.exp(np.linspace(np.log(4700), np.log(7300), 3000))
    shape = (2 - wave / 7000) * 1e-18
    table = Table()
    vectors = {
        "wave": (one["wave"][0].value, wave[::-1]),
        "flux": (one["flux"][0].value, shape[::-1]),
        "flux_err": (one["flux_err"][0].value, 0.01 * shape[::-1]),
    }
    for name, rows in vectors.items():
        column = np.empty(2, object)
        column[:] = rows
        table[name] = column
        table[name].unit = u.AA if name == "wave" else F_LAMBDA
    table["redshift"] = [0.001, 0.012]
    table.meta["WAVEMED"] = "air"
    both = observe(table)
    one.remove_columns([c for c in one.colnames if c[0] == "F"])
    np.testing.assert_allclose(both.flux[0], observe(one).flux[0], rtol=1e-6)
    two = QTable({"wave": wave[None] * u.AA, "flux": shape[None] * F_LAMBDA})
    two["flux_err"], two["redshift"] = 0.01 * two["flux"], [0.012]
    two.meta["WAVEMED"] = "air"
    np.testing.assert_allclose(both.flux[1], observe(two).flux[0], rtol=1e-6)
    assert (both.flux_err > 0).all()


def test_chunks_do_not_show(monkeypatch):
    table = make_table(7)
    table["redshift"] = np.linspace(0, 0.015, 7)
    whole = observe(table)
    monkeypatch.setattr("phangs_sfh.observations.table.CHUNK", 3)
    assert_same(whole, observe(table), rtol=0)


def test_bands_of_redshifted_galaxies_are_ignored_and_flagged():
    table = make_table()
    table["redshift"] = [0.004, 0.021, 0.03]
    seen = observe(table)
    np.testing.assert_array_equal(seen.flags, [0, Flag.BANDS_REDSHIFTED, Flag.BANDS_REDSHIFTED])
    np.testing.assert_array_equal((seen.band_flux_err > 0).all(axis=1), [True, False, False])
    assert (seen.flux_err[0] > 0).all()
    assert "2 of 3 rows" in seen.warnings[0]


def test_emission_lines_are_masked_when_asked():
    seen = observe(make_table(), mask_emission_lines=True)
    np.testing.assert_array_equal(seen.flux_err[0] == 0, window_mask(INSTRUMENT.wave))


def test_rows_that_cannot_be_used_are_empty_and_the_others_answered():
    table = make_table(5)
    clean = observe(table)
    table["redshift"][0] = np.nan
    table["redshift"][1] = 1200.0  # a velocity
    table["wave"][2] = np.linspace(8000, 9000, table["wave"].shape[1]) * u.AA
    for name in ("wave", "flux", "flux_err"):
        table[name][3] = np.nan
    seen = observe(table)
    for row in range(4):
        assert (seen.flux_err[row] == 0).all()
        assert (seen.band_flux_err[row] > 0).all() == (row in (2, 3))
    np.testing.assert_array_equal(seen.flux[4], clean.flux[4])
    assert "2 of 5 rows without a valid redshift" in seen.warnings[0]
    assert "1 of 5 rows with a spectrum outside" in seen.warnings[1]
    assert "1 of 5 rows without a usable pixel" in seen.warnings[2]


def test_redshift_option_fills_what_is_missing():
    table = make_table()
    expected = observe(table)
    table["redshift"][1] = np.nan
    assert_same(expected, observe(table, redshift=0.004))
    table.remove_column("redshift")
    assert_same(expected, observe(table, redshift=0.004))


def test_stand_ins_for_unknown_do_not_overflow():
    table = make_table()
    table["flux"][0, 50] = 1e30 * F_LAMBDA
    table["flux_err"][0, 60] = 1e30 * F_LAMBDA
    table["flux_err"][1] = np.full(table["flux_err"].shape[1], 1e35) * F_LAMBDA
    seen = observe(table)
    for value in seen.inputs().values():
        assert np.isfinite(value.astype(np.float32) ** 2).all()
    assert (seen.flux_err[1] == 0).all()


def test_large_tables_are_not_doubled():
    import tracemalloc

    n, n_in = 3000, 1800
    wave = np.broadcast_to(np.linspace(4750, 7200, n_in, dtype=np.float32), (n, n_in))
    table = Table()
    for name, value in (("wave", wave), ("flux", wave * 0 + 1), ("flux_err", wave * 0 + 0.1)):
        table[name] = value.astype(np.float32)
    table["wave"].unit = u.AA
    table["redshift"] = 0.0
    table.meta["wavemed"] = "AIR"
    tracemalloc.start()
    seen = observe(table)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    result = seen.flux.nbytes + seen.flux_err.nbytes
    assert peak - result < 0.3 * 3 * n * n_in * 8  # of the table in double precision
    assert result == 2 * n * 1761 * 4
