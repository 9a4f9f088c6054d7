"""pPXF as set up here must find what was put in."""

import sys

import numpy as np
import populations
import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.galaxy import ages
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.peers import ppxf, ppxf_templates
from phangs_sfh.ssp import bc03


@pytest.fixture(scope="module")
def peer():
    pytest.importorskip("ppxf")
    return ppxf.PpxfPeer(log_age_step=0.3, regul=3.0)


@pytest.fixture(scope="module")
def model(peer):
    return ForwardModel(bc03.load(), peer.instrument)


def burst(model, age, mh):
    """Spectrum and bands of stars of one age [yr] behind A_V = 0.3."""
    stars = populations.stars(model, (0.9 * age, 1.1 * age), mh)
    spectrum, bands = model.noiseless(stars, populations.screen(av=0.3, sigma_v=90.0))
    return spectrum[0].astype(float), bands[0].astype(float)


def noisy(spectrum, bands, seed=0, relative=0.02):
    rng = np.random.default_rng(seed)
    level = np.median(spectrum)
    error = np.full(len(spectrum), relative)
    band_error = 0.03 * bands / level
    flux = spectrum / level + error * rng.normal(size=len(error))
    return flux, error, bands / level + band_error * rng.normal(size=len(bands)), band_error


@pytest.fixture(scope="module")
def old_and_metal_poor(model):
    return burst(model, 4e9, -0.4)


def test_recovers_a_single_burst_with_its_dispersion(peer, old_and_metal_poor):
    answer = peer.fit(*noisy(*old_and_metal_poor))
    assert answer.mw_logage == pytest.approx(np.log10(4e9), abs=0.2)
    assert answer.lw_logage == pytest.approx(np.log10(4e9), abs=0.2)
    assert answer.mw_mh == pytest.approx(-0.4, abs=0.1)
    assert answer.lw_mh == pytest.approx(-0.4, abs=0.1)
    assert answer.sfh.sum() == pytest.approx(1)
    assert answer.sfh[13:].sum() > 0.9  # from 2 Gyr on
    assert answer.sigma == pytest.approx(90, abs=15)
    assert abs(answer.velocity) < 10


def test_without_bands_too(peer, old_and_metal_poor):
    flux, error, bands, band_error = noisy(*old_and_metal_poor)
    alone = peer.fit(flux, error)
    assert alone.lw_logage == pytest.approx(np.log10(4e9), abs=0.25)
    missing = peer.fit(flux, error, bands, 0 * band_error)
    assert missing.lw_logage == alone.lw_logage


def test_tells_young_from_old(peer, model):
    young = peer.fit(*noisy(*burst(model, 3e7, 0.0)))
    assert young.lw_logage == pytest.approx(7.5, abs=0.3)


def test_masked_pixels_do_not_matter(peer, old_and_metal_poor):
    flux, error, _, _ = noisy(*old_and_metal_poor)
    clean, spoiled, masked = flux.copy(), flux.copy(), error.copy()
    spoiled[300:340], masked[300:340] = 50.0, 0.0
    a, b = peer.fit(spoiled, masked), peer.fit(clean, masked)
    assert a.lw_logage == pytest.approx(b.lw_logage, abs=1e-6)
    wave = peer.instrument.wave
    assert not a.good[(a.wave > wave[302]) & (a.wave < wave[338])].any()


def test_gas_lines_do_not_bias(peer, old_and_metal_poor):
    flux, error, bands, band_error = noisy(*old_and_metal_poor)
    wave = peer.instrument.wave
    lines = sum(5 * np.exp(-0.5 * ((wave - line) / 1.5) ** 2) for line in (4861.3, 6562.8))
    with_gas = peer.fit(flux + lines, error, bands, band_error)
    assert with_gas.lw_logage == pytest.approx(np.log10(4e9), abs=0.2)


def test_bootstraps_bracket_the_fit(peer, old_and_metal_poor):
    answer = peer.fit(*noisy(*old_and_metal_poor), bootstraps=3)
    again = peer.fit(*noisy(*old_and_metal_poor), bootstraps=3)
    assert answer.bootstraps["sfh"].shape == (3, ages.N_BINS)
    assert np.array_equal(answer.bootstraps["mw_logage"], again.bootstraps["mw_logage"])
    assert np.ptp(answer.bootstraps["mw_logage"]) > 0
    limits = answer.percentiles("lw_logage")
    assert limits["p16"] <= limits["p50"] <= limits["p84"]


def test_weights_mean_light(peer):
    """Half the light young, half old: by mass nearly all is old."""
    t = peer.templates
    weights = np.zeros(peer.reg_dim)
    weights[0, 3] = weights[-1, 3] = 2.0
    numbers = peer.populations(weights.ravel())
    assert numbers["lw_logage"] == pytest.approx(np.mean(t.log_age[[0, -1]]))
    assert numbers["mw_logage"] > t.log_age[-1] - 0.2
    assert numbers["mw_mh"] == pytest.approx(t.mh[3])
    assert numbers["sfh"].sum() == pytest.approx(1)


def test_regularisation_smooths(peer, old_and_metal_poor):
    found = peer.choose_regul([noisy(*old_and_metal_poor)], ladder=(1.0, 10.0, 100.0))
    assert 1.0 <= found[0] < 101.0


def test_too_few_pixels_are_refused(peer):
    error = np.zeros(peer.instrument.n_pixels)
    error[:50] = 1.0
    with pytest.raises(InputError, match="50 usable pixels"):
        peer.fit(np.ones_like(error), error)


def test_each_template_stands_for_ages_around_it():
    log_age = np.array([6.0, 7.0, 8.0, 9.0, 10.0])
    shares = ppxf_templates.bin_shares(log_age)
    assert shares.sum(axis=1) == pytest.approx(1)
    # 0 to 10^6.5 yr: nearly all of it in the first bin, 0 to 3 Myr.
    assert shares[0, 0] == pytest.approx(3 / 10**0.5)
    assert shares[-1, :12].sum() == 0


def test_uncovered_bands_have_no_templates():
    grid, instrument = bc03.load(), load_instrument()
    seen = grid.wave > 4000
    flux, _ = ppxf_templates.band_templates(
        grid.wave[seen], grid.luminosity[:, 100:102, seen], instrument
    )
    assert np.isnan(flux[:3]).all()
    assert (flux[3:] > 0).all()


def test_absent_ppxf_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "ppxf", None)
    with pytest.raises(InputError, match="benchmark"):
        ppxf.PpxfPeer()
