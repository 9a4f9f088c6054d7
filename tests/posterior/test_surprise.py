"""Surprise means what it says on data like the training set, and rises on data unlike it."""

import numpy as np
import pytest
import small_run
from keras import ops

from phangs_sfh.errors import InputError
from phangs_sfh.instrument import emission_lines
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.network.cleaning import clean
from phangs_sfh.posterior import surprise, training_set
from phangs_sfh.posterior.density import PosteriorSpec
from phangs_sfh.problems.histories import LABELS

INSTRUMENT = load_instrument()


@pytest.fixture(scope="module")
def trained():
    """Network (random weights) and constants measured on 2000 galaxies."""
    drawn = small_run.simulated(2000)
    y = small_run.target_vectors(drawn)
    spec = PosteriorSpec.standardised_by(y, LABELS, n_components=small_run.N_COMPONENTS)
    model = small_run.network(spec, INSTRUMENT)
    inputs = small_run.observed(drawn)
    parts = [slice(0, 1000), slice(1000, 2000)]
    train, valid = (
        small_run.batched({k: v[part] for k, v in inputs.items()}, y[part]) for part in parts
    )
    mask = emission_lines.window_mask(INSTRUMENT.wave)
    constants = training_set.measure_constants(
        model, LABELS, drawn["spectrum"][:1000], train, valid, mask
    )
    return training_set.with_latent(model), constants


@pytest.fixture(scope="module")
def galaxies():
    return small_run.at_rest(small_run.simulated(360, seed=21))


@pytest.fixture(scope="module")
def plain(galaxies):
    """Spectra of S/N 50 and all bands."""
    return small_run.observed(galaxies, seed=22, signal_to_noise=(50, 50.1), missing=False)


def surprise_of(trained, inputs):
    network, constants = trained
    cleaned, present = clean({k: ops.convert_to_tensor(np.float32(v)) for k, v in inputs.items()})
    latent = network(cleaned, training=False)["latent"]
    distances = surprise.measure(latent, cleaned, present, constants)
    return ops.convert_to_numpy(surprise.surprise(distances, constants))


def test_meaning_on_unseen_data_of_the_same_kind(trained):
    """The share of rows with surprise over s is 10**-s, with noise and missing data mixed."""
    drawn = small_run.at_rest(small_run.simulated(3000, seed=31))
    found = surprise_of(trained, small_run.observed(drawn, seed=32))
    for level in (0.3, 0.5, 1.0, 1.5):
        share = np.mean(found > level)
        assert 0.6 < share / 10**-level < 1.6, (level, share)
    assert np.mean(found >= surprise.HIGH_SURPRISE) < 0.006


@pytest.mark.parametrize("present", ["both", "spectrum", "bands"])
def test_missing_data_alone_is_no_surprise(trained, plain, present):
    given = dict(plain)
    if present == "spectrum":
        given["band_flux_err"] = 0 * plain["band_flux_err"]
    if present == "bands":
        given["flux_err"] = 0 * plain["flux_err"]
    found = surprise_of(trained, given)
    assert np.median(found) < 1.0 and np.mean(found >= surprise.HIGH_SURPRISE) < 0.02


def noise_only(inputs):
    rng = np.random.default_rng(41)
    return {"flux": rng.normal(size=inputs["flux"].shape) * inputs["flux_err"]}


def with_broad_lines(inputs):
    flux = inputs["flux"].copy()
    for centre, height in ((5006.84, 1.0), (6562.8, 1.0), (4861.3, 0.3)):
        sigma = centre * 1500 / 3e5  # km/s
        flux += height * np.exp(-0.5 * ((INSTRUMENT.wave - centre) / sigma) ** 2)
    return {"flux": flux}


def in_wrong_unit(inputs, factor):
    return {name: inputs[name] * factor for name in ("band_flux", "band_flux_err")}


ODD = {
    "noise only": noise_only,
    "redshift off by 30 Å": lambda x: {"flux": np.roll(x["flux"], 24, axis=1)},
    "redshift off by 10 Å": lambda x: {"flux": np.roll(x["flux"], -8, axis=1)},
    "spectrum reversed": lambda x: {"flux": x["flux"][:, ::-1]},
    "bands a hundred times too bright": lambda x: in_wrong_unit(x, 100),
    "bands a hundred times too faint": lambda x: in_wrong_unit(x, 0.01),
    "bands in erg, spectrum in 1e-20 erg": lambda x: in_wrong_unit(x, 1e-20),
    "lines of 1500 km/s": with_broad_lines,
    "errors three times too small": lambda x: {"flux_err": x["flux_err"] / 3},
    "step of 20 per cent": lambda x: {
        "flux": x["flux"] * np.where(INSTRUMENT.wave > 5900, 1.2, 1.0)
    },
}


HARD = {"errors three times too small": 2.0}
"""What is odd, but not enough for a flag: of histories as wide as the prior's."""


@pytest.mark.parametrize("name", ODD)
def test_odd_input_is_flagged(trained, plain, name):
    found = surprise_of(trained, plain | ODD[name](plain))
    level = HARD.get(name, surprise.HIGH_SURPRISE)
    assert np.median(found) > level and np.mean(found >= level) > 0.75


def test_larger_oddity_larger_surprise(trained, plain):
    shifts = [0, 2, 8, 24]
    medians = [
        np.median(surprise_of(trained, plain | {"flux": np.roll(plain["flux"], s, axis=1)}))
        for s in shifts
    ]
    assert np.all(np.diff(medians) > 0)


def test_bounded_whatever_comes(trained, plain):
    rng = np.random.default_rng(51)
    wild = {
        n: rng.normal(size=v.shape) * 10 ** rng.uniform(-30, 30, v.shape) for n, v in plain.items()
    }
    found = surprise_of(trained, wild)
    assert np.all((found >= 0) & (found <= surprise.MAX_SURPRISE))


def test_piecewise_linear_goes_on_beyond_its_knots():
    x = np.float32([-5, 0, 0.5, 1, 2, 3, 5])
    y = surprise.piecewise_linear(x, np.array([0.0, 1.0, 3.0]), np.array([1.0, 2.0, 6.0]), 0.5)
    assert np.allclose(y, [1, 1, 1.5, 2, 4, 6, 7])


def test_shrunk_covariance_is_better_than_the_sample_s():
    """With as many rows as dimensions, as Ledoit & Wolf promise."""
    rng = np.random.default_rng(61)
    truth = np.diag(rng.uniform(0.5, 2.0, 40))
    x = rng.normal(size=(50, 40)) @ np.sqrt(truth)
    shrunk = training_set.shrunk_covariance(x)
    assert np.linalg.norm(shrunk - truth) < 0.5 * np.linalg.norm(np.cov(x.T) - truth)
    assert np.linalg.eigvalsh(shrunk).min() > 0.1


def test_reference_survives_the_disk(trained, tmp_path):
    _, constants = trained
    training_set.save_constants(tmp_path / "reference.npz", constants)
    read = training_set.load_constants(tmp_path / "reference.npz")
    assert set(read) == set(constants)
    assert all(np.array_equal(read[key], constants[key]) for key in read)
    assert [path.name for path in tmp_path.iterdir()] == ["reference.npz"]


def test_reference_without_examples_is_refused(trained):
    drawn = small_run.simulated(50)
    spec = PosteriorSpec.standard(LABELS, n_components=small_run.N_COMPONENTS)
    model = small_run.network(spec, INSTRUMENT)
    with pytest.raises(InputError, match="train split: no example"):
        training_set.measure_constants(model, LABELS, drawn["spectrum"], [], [])
