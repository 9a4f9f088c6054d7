"""Sums of SSPs and labels against loops and against the definitions."""

import numpy as np
import pytest
from populations import screen, stars
from scipy.integrate import quad

from phangs_sfh.galaxy import ages, star_formation
from phangs_sfh.galaxy.forward_model import Stars
from phangs_sfh.problems.histories import population, priors


@pytest.fixture
def drawn(model, rng):
    galaxies, dust, _, _ = population.draw_galaxies(priors.load_prior("broad"), rng, 6, model)
    return galaxies, dust


def test_spectrum_is_linear_in_mh_between_the_grid(model):
    """Half way between two metallicities of the grid: the mean of the two spectra."""
    mh = model.templates.mh
    low, high, middle = (
        model.noiseless(stars(model, (1e9, 5e9), mh=value), screen())
        for value in (mh[3], mh[4], 0.5 * (mh[3] + mh[4]))
    )
    for a, b, c in zip(low, high, middle, strict=True):
        np.testing.assert_allclose(c, 0.5 * (a + b), rtol=1e-5)


def test_single_ssp_is_the_grids_spectrum(model):
    """One SSP, no dust, no dispersion: the grid's own band fluxes, per mass formed."""
    t = model.templates
    number = int(np.argmin(np.abs(t.age - 1e9)))
    mass = np.zeros((1, len(t.cell_ssp)))
    mass[0, t.cell_ssp == number] = 1 / np.sum(t.cell_ssp == number)
    spectrum, bands = model.noiseless(Stars(mass, np.zeros_like(mass)), screen())
    solar = int(np.argmin(np.abs(t.mh)))
    raw = model.ssp.luminosity[solar, number]
    smooth = np.interp(model.instrument.wave, model.ssp.wave, raw)
    assert np.median(spectrum / smooth) == pytest.approx(1.0, abs=1e-3)
    v_band = model.instrument.bands[3]
    fine = np.arange(v_band.wave[0], v_band.wave[-1], 0.5)
    weight = fine * np.interp(fine, v_band.wave, v_band.throughput)
    mean = np.sum(np.interp(fine, model.ssp.wave, raw) * weight) / weight.sum()
    assert bands[0, 3] == pytest.approx(mean, rel=1e-3)


def test_ssp_weights(model, drawn):
    galaxies, _ = drawn
    weights = model.ssp_weights(galaxies).reshape(6, len(model.templates.age), -1)
    np.testing.assert_allclose(weights.sum(axis=(1, 2)), 1.0, rtol=1e-6)
    assert weights.min() >= 0
    mean_mh = np.sum(weights * model.templates.mh, axis=(1, 2))
    np.testing.assert_allclose(mean_mh, np.sum(galaxies.mass * galaxies.mh, axis=1), rtol=1e-5)


def test_labels_against_loops(model, drawn):
    """Every label, cell by cell, in the plainest way there is."""
    galaxies, dust = drawn
    _, bands = model.noiseless(galaxies, dust)
    labels = model.labels(galaxies, bands)
    edges = model.cell_edges
    table = model.templates.luminosity
    for g in range(len(galaxies.mass)):
        sfh, metals, light = np.zeros(16), np.zeros(16), np.zeros(len(edges) - 1)
        log_age = np.empty(len(edges) - 1)
        for cell in range(len(edges) - 1):
            middle = 0.5 * (edges[cell] + edges[cell + 1])
            log_age[cell] = np.log10(middle)
            age_bin = max(i for i in range(16) if ages.EDGES_YR[i] < middle)
            mass, mh = galaxies.mass[g, cell], galaxies.mh[g, cell]
            sfh[age_bin] += mass
            metals[age_bin] += mass * mh
            ssp = int(np.argmin(np.abs(np.log(model.templates.age) - np.log(middle))))
            light[cell] = mass * np.interp(mh, model.templates.mh, table[ssp])
        np.testing.assert_allclose(labels["sfh"][g], sfh, atol=1e-9)
        full = sfh > 1e-6
        np.testing.assert_allclose(
            labels["mh"][g][full], (metals / np.maximum(sfh, 1e-30))[full], atol=1e-4
        )
        mass, mh = galaxies.mass[g], galaxies.mh[g]
        assert labels["mw_logage"][g] == pytest.approx(mass @ log_age, abs=1e-9)
        assert labels["mw_mh"][g] == pytest.approx(mass @ mh, abs=1e-9)
        assert labels["lw_logage"][g] == pytest.approx(light @ log_age / light.sum(), abs=1e-3)
        assert labels["lw_mh"][g] == pytest.approx(light @ mh / light.sum(), abs=1e-3)
        observed = bands[g, 3] / model.instrument.solar_luminosity
        assert labels["logml"][g] == pytest.approx(-np.log10(observed), abs=1e-6)


def test_mass_weighted_age_of_a_smooth_history(model):
    """Against the integral of log age over the star formation rate: cells cost under 0.005 dex."""
    onset, tau = 12e9, 3e9
    younger = star_formation.delayed_tau(model.cell_edges, np.array([onset]), np.array([tau]))
    mass = np.diff(younger, axis=1)
    labels = model.labels(Stars(mass, np.zeros_like(mass)), np.ones((1, 5)))

    def rate(age):
        return (onset - age) * np.exp(-(onset - age) / tau)

    top = quad(lambda age: rate(age) * np.log10(age), 1.0, onset, limit=200)[0]
    truth = top / quad(rate, 1.0, onset, limit=200)[0]
    assert labels["mw_logage"][0] == pytest.approx(truth, abs=0.005)


def test_light_weights_are_of_dust_free_light(model, drawn):
    galaxies, dust = drawn
    clear = model.labels(galaxies, model.noiseless(galaxies, screen(6))[1])
    dusty = model.labels(galaxies, model.noiseless(galaxies, dust)[1])
    for name in ("mw_logage", "lw_logage", "mw_mh", "lw_mh"):
        np.testing.assert_array_equal(clear[name], dusty[name])
    assert np.all(dusty["logml"] > clear["logml"])


def test_metallicity_of_an_empty_bin_is_the_relations(model):
    """No stars between 1 and 2 Gyr, but the relation has a metallicity there."""
    t = model.templates
    galaxy = stars(model, (4e9, 8e9))
    relation = np.linspace(0.2, -1.0, len(t.cell_bin))[None]
    labels = model.labels(Stars(galaxy.mass, relation), np.ones((1, 5)))
    width = np.diff(t.cell_edges)
    for age_bin in range(ages.N_BINS):
        inside = t.cell_bin == age_bin
        average = np.average(relation[0, inside], weights=width[inside])
        assert labels["mh"][0, age_bin] == pytest.approx(average, abs=1e-6)
    assert labels["sfh"][0, 14] == pytest.approx(1.0)
    assert np.all(labels["sfh"][0, :14] == 0)


def test_bins_are_made_of_whole_cells(model):
    t = model.templates
    for age_bin in range(ages.N_BINS):
        inside = np.flatnonzero(t.cell_bin == age_bin)
        assert t.cell_edges[inside[0]] == ages.EDGES_YR[age_bin]
        assert t.cell_edges[inside[-1] + 1] == ages.EDGES_YR[age_bin + 1]


def test_batch_and_single_agree(model, drawn):
    galaxies, dust = drawn
    spectrum, bands = model.noiseless(galaxies, dust)
    one = type(dust)(**{name: values[2:3] for name, values in vars(dust).items()})
    alone = model.noiseless(Stars(galaxies.mass[2:3], galaxies.mh[2:3]), one)
    np.testing.assert_allclose(alone[0][0], spectrum[2], rtol=2e-5)
    np.testing.assert_allclose(alone[1][0], bands[2], rtol=2e-5)
