"""Cubes to maps: the same answers as tables get, whatever the blocks; bins; velocities."""

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from fake_model import write_fake_model
from map_bands import HeldBands
from small_cube import REDSHIFT, spectra, write_cube

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.constants import SPEED_OF_LIGHT
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.instrument.milky_way import dereddening
from phangs_sfh.maps.bin_stack import BinStack
from phangs_sfh.maps.input import cube_spectra
from phangs_sfh.maps.input.cube import open_cube
from phangs_sfh.maps.mapper import Field, Mapper
from phangs_sfh.maps.output import MapFile, extensions
from phangs_sfh.maps.rates_and_densities import surface_luminosity
from phangs_sfh.observations import rest_frame
from phangs_sfh.observations.flags import Flag, Used
from phangs_sfh.observations.table import Observations
from phangs_sfh.prediction import predict
from phangs_sfh.prediction.model import load_model

NY, NX = 4, 5


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "1"
    return load_model(write_fake_model(folder))


def maps_of(path, model, output, redshift=REDSHIFT, **field):
    """Map a cube; returns the maps by name and the mapper."""
    cube = open_cube(path)
    field = Field(redshift=np.broadcast_to(redshift, cube.shape).astype(float), **field)
    layout = extensions("", field.bins is not None)
    with MapFile(output, cube.shape, layout, cube.wcs, overwrite=True) as maps:
        mapper = Mapper(cube, field, model, maps)
        steps = []
        mapper.run(steps.append)
    assert sum(steps) == mapper.work()
    with fits.open(output) as hdus:
        return {hdu.name: np.array(hdu.data) for hdu in hdus[1:]}, mapper


def answers_of(model, flux, error, redshift, bands=None):
    """What ``predict`` says of spectra (n, n_channels) of the small cube."""
    wave = np.tile(open_wave(flux.shape[1]), (len(flux), 1))
    z = np.broadcast_to(redshift, len(flux)).astype(float)
    observations = Observations.empty(len(flux), model.instrument)
    *on_grid, _ = rest_frame.spectra_to_grid(wave, flux, error, z, False, model.instrument)
    rest_frame.fill(observations, 0, on_grid, bands, z, model.masks_emission_lines)
    return predict.predict(observations, model)


def open_wave(n):
    return 4800.0 + 1.25 * np.arange(n)


def as_rows(cube):
    return cube.reshape(len(cube), -1).T


def assert_same(maps, table, where=slice(None), atol=2e-4):
    for name in table.colnames:
        got = maps[name.upper()]
        got = got.reshape(16, -1).T if got.ndim == 3 else got.ravel()
        wanted = np.asarray(getattr(table[name], "value", table[name]))
        assert got[where] == pytest.approx(wanted, abs=atol, nan_ok=True), name


@pytest.mark.parametrize("block_bytes", [1, 1e9])
def test_spaxels_get_the_answers_of_a_table(tmp_path, model, monkeypatch, block_bytes):
    monkeypatch.setattr(cube_spectra, "BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(cube_spectra, "CHUNK", 3)
    flux, variance = write_cube(tmp_path / "c.fits", NY, NX)
    maps, mapper = maps_of(tmp_path / "c.fits", model, tmp_path / "o.fits")
    table = answers_of(model, as_rows(flux), as_rows(np.sqrt(variance)), REDSHIFT)
    assert_same(maps, table)
    assert maps["SFH_P50"].shape == (16, NY, NX) and maps["AV_P50"].shape == (NY, NX)
    assert maps["SNR"] == pytest.approx(33, rel=0.5)
    assert maps["WHITE"] == pytest.approx(flux[:1700].mean(axis=0), rel=0.1)
    assert mapper.counts.answered == NY * NX


def test_spaxels_without_data_are_flagged_not_answered(tmp_path, model):
    def change(hdus):
        hdus["DATA"].data[:, 1, 2] = np.nan
        hdus["DATA"].data[:, 2, 3] *= -1
        hdus["DATA"].data[100:300, 0, 0] = np.nan
        hdus["DQ"].data[:, 3, 4] = 1

    write_cube(tmp_path / "c.fits", NY, NX)
    whole, _ = maps_of(tmp_path / "c.fits", model, tmp_path / "o.fits")
    write_cube(tmp_path / "c.fits", NY, NX, change)
    maps, mapper = maps_of(tmp_path / "c.fits", model, tmp_path / "o.fits")
    bad = np.zeros((NY, NX), bool)
    bad[1, 2] = bad[2, 3] = bad[3, 4] = True
    assert ((maps["FLAG"] & Flag.NO_DATA > 0) == bad).all()
    for name in ("MW_LOGAGE_P50", "SURPRISE", "SFH_P16"):
        assert (np.isnan(maps[name]) == bad).all()
        untouched = ~bad
        untouched[0, 0] = False
        assert (maps[name][..., untouched] == whole[name][..., untouched]).all()
    assert mapper.counts.negative == 1 and mapper.counts.answered == NY * NX - 3


def test_bands_go_with_their_spaxels_and_stand_alone_where_there_is_no_spectrum(tmp_path, model):
    def change(hdus):
        hdus["DATA"].data[:, 1, 1] = np.nan

    flux, variance = write_cube(tmp_path / "c.fits", NY, NX, change)
    rng = np.random.default_rng(2)
    bands = rng.uniform(50, 300, (5, NY, NX)).astype("f4"), np.full((5, NY, NX), 4, "f4")
    bands[1][2, 0] = 0
    maps, _ = maps_of(tmp_path / "c.fits", model, tmp_path / "o.fits", bands=HeldBands(*bands))
    flux[:, 1, 1] = np.nan
    table = answers_of(
        model, as_rows(flux), as_rows(np.sqrt(variance)), REDSHIFT, tuple(map(as_rows, bands))
    )
    assert_same(maps, table)
    assert maps["USED"][1, 1] == Used.BANDS | Used.ALL_BANDS and np.isfinite(maps["AV_P50"]).all()


def test_foreground_dust_is_taken_off_spectrum_and_bands(tmp_path, model):
    ebv = 0.2
    flux, variance = spectra(NY, NX)
    wave = open_wave(len(flux))
    dimming = (1 / dereddening(wave, ebv))[:, None, None]
    pivots = np.array([band.pivot for band in model.instrument.bands])
    dimmed = (1 / dereddening(pivots, ebv))[:, None, None]
    # F99: A(5500 Å) = 3.1 E(B-V) within its zero point, and about twice that in F275W.
    assert -2.5 * np.log10(1 / dereddening(5500.0, ebv)) == pytest.approx(3.1 * ebv, rel=0.03)
    assert 1.8 < np.log(dereddening(pivots[0], 1.0)) / np.log(dereddening(5500.0, 1.0)) < 2.2

    def redden(hdus):
        hdus["DATA"].data = (hdus["DATA"].data * dimming).astype("f4")
        hdus["STAT"].data = (hdus["STAT"].data * dimming**2).astype("f4")

    bands = np.full((5, NY, NX), 100, "f4"), np.full((5, NY, NX), 4, "f4")
    write_cube(tmp_path / "c.fits", NY, NX)
    clear, _ = maps_of(tmp_path / "c.fits", model, tmp_path / "o.fits", bands=HeldBands(*bands))
    write_cube(tmp_path / "r.fits", NY, NX, redden)
    behind = tuple((part * dimmed).astype("f4") for part in bands)
    maps, _ = maps_of(
        tmp_path / "r.fits", model, tmp_path / "o.fits", bands=HeldBands(*behind), ebv=ebv
    )
    for name, values in clear.items():
        assert maps[name] == pytest.approx(values, rel=1e-4, abs=2e-4), name


def test_a_velocity_map_shifts_every_spaxel_by_its_own(tmp_path, model):
    flux, variance = write_cube(tmp_path / "c.fits", NY, NX)
    velocity = np.linspace(600, 1200, NY * NX).round(-1)
    redshift = np.expm1(velocity / SPEED_OF_LIGHT).reshape(NY, NX)
    redshift[0, 0] = np.nan
    maps, _ = maps_of(tmp_path / "c.fits", model, tmp_path / "o.fits", redshift)
    table = answers_of(model, as_rows(flux), as_rows(np.sqrt(variance)), redshift.ravel())
    assert_same(maps, table[1:], slice(1, None))
    assert maps["FLAG"][0, 0] & Flag.NO_DATA and np.isnan(maps["AV_P50"][0, 0])


def test_bins_are_answered_once_and_painted_back(tmp_path, model, monkeypatch):
    monkeypatch.setattr(cube_spectra, "BLOCK_BYTES", 1)  # bins across blocks
    flux, variance = write_cube(tmp_path / "c.fits", NY, NX)
    bins = np.arange(NY * NX).reshape(NY, NX) % 3
    bins[0, 0] = -1
    rng = np.random.default_rng(2)
    bands = rng.uniform(50, 300, (5, NY, NX)).astype("f4"), np.full((5, NY, NX), 4, "f4")
    maps, mapper = maps_of(
        tmp_path / "c.fits",
        model,
        tmp_path / "o.fits",
        bins=bins,
        n_bins=3,
        bands=HeldBands(*bands),
    )
    picked = [bins.ravel() == b for b in range(3)]
    n = np.array([p.sum() for p in picked])[:, None]
    mean = [np.array([as_rows(x)[p].mean(0) for p in picked]) for x in (flux, variance, bands[0])]
    errors = np.full((3, 5), 4) / np.sqrt(n)
    table = answers_of(model, mean[0], np.sqrt(mean[1] / n), REDSHIFT, (mean[2], errors))
    assert_same(maps, table[bins.ravel()[1:]], slice(1, None))
    assert np.isnan(maps["AV_P50"][0, 0]) and maps["FLAG"][0, 0] & Flag.NO_DATA
    assert (maps["BIN"] == bins).all() and mapper.counts.answered == 3
    assert maps["SNR"][0, 1] > 60  # of the bin; a spaxel's is 33


def test_covariance_raises_the_errors_of_bins():
    stack = BinStack(1, 4)
    stack.add(np.zeros(100, int), np.ones((100, 4), "f4"), np.ones((100, 4), "f4"))
    stack.add(np.full(3, -1), np.ones((3, 4), "f4"), np.ones((3, 4), "f4"))
    flux, error = stack.mean(slice(0, 1))
    assert flux == pytest.approx(1) and error == pytest.approx(0.1)
    assert stack.mean(slice(0, 1), 1.06)[1] == pytest.approx(0.1 * (1 + 1.06 * 2))


def test_a_cube_that_cannot_be_answered_leaves_nothing_behind(tmp_path, model):
    def negative(hdus):
        hdus["DATA"].data *= -1

    for change, redshift, words in (
        (negative, REDSHIFT, "no spaxel can be answered (20 have a mean flux below zero"),
        (None, 0.9, "miss the rest-frame grid"),
    ):
        write_cube(tmp_path / "c.fits", NY, NX, change)
        with pytest.raises(InputError) as caught:
            maps_of(tmp_path / "c.fits", model, tmp_path / "o.fits", redshift)
        assert words in str(caught.value)
        assert [path.name for path in tmp_path.iterdir()] == ["c.fits"]


def test_surface_density_is_that_of_the_light_at_any_distance():
    instrument = load_instrument()
    f_lambda, area = 3e-18 * u.erg / u.s / u.cm**2 / u.AA, 0.04 * u.arcsec**2
    for distance in (3 * u.Mpc, 11 * u.Mpc):
        luminosity = (4 * np.pi * distance**2 * f_lambda).to_value(u.Lsun / u.AA)
        size = (area.to_value(u.rad**2) * distance**2).to_value(u.pc**2)
        expected = np.log10(luminosity / instrument.solar_luminosity / size)
        assert surface_luminosity(300.0, 0.04, instrument) == pytest.approx(expected, abs=1e-3)
    assert np.isnan(surface_luminosity(np.array([-1.0, 0, np.nan]), 0.04, instrument)).all()
