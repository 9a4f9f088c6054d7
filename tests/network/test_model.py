"""What the network must not care about: units, missing values, company in the batch."""

import os
import random
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from phangs_sfh.errors import InputError
from phangs_sfh.network.model import NetworkSpec, build_model, load_model
from phangs_sfh.posterior.density import PosteriorSpec
from phangs_sfh.problems.histories import LABELS

N_PIXELS, N_BANDS = 1761, 5
WIDTHS = {"flux": N_PIXELS, "flux_err": N_PIXELS, "band_flux": N_BANDS, "band_flux_err": N_BANDS}
SMALL = NetworkSpec(
    filters=16, dim=32, heads=2, squeeze=8, width=32, residual_layers=1, latent=32, hidden=32
)


def sharpen(model):
    """Spread the head's weights, so that a change of input shows in the output."""
    kernel = model.get_layer("params").kernel
    kernel.assign(0.3 * keras.random.normal(kernel.shape, seed=5))
    return model


@pytest.fixture(scope="module")
def model():
    return sharpen(build_model(WIDTHS, PosteriorSpec.standard(LABELS, n_components=2), SMALL))


def observations(n=6, seed=0):
    rng = np.random.default_rng(seed)
    flux = 1 + 0.2 * np.sin(np.linspace(0, 30, N_PIXELS) + rng.uniform(0, 6, (n, 1)))
    flux_err = np.full_like(flux, 0.02) * rng.uniform(0.5, 3, (n, 1))
    band_flux = rng.uniform(0.3, 2, (n, N_BANDS))
    inputs = {
        "flux": flux + flux_err * rng.normal(size=flux.shape),
        "flux_err": flux_err,
        "band_flux": band_flux,
        "band_flux_err": 0.05 * band_flux,
    }
    return {name: value.astype(np.float32) for name, value in inputs.items()}


def changed(inputs, **values):
    return {**{name: value.copy() for name, value in inputs.items()}, **values}


def answer(model, inputs):
    return np.asarray(model({name: tf.constant(value) for name, value in inputs.items()}))


@pytest.mark.parametrize("factor", [1e-20, 1e-17, 1e6, 1e20])
def test_any_flux_unit_gives_the_same_answer(model, factor):
    inputs = observations()
    scaled = {name: (value * np.float32(factor)) for name, value in inputs.items()}
    np.testing.assert_allclose(answer(model, scaled), answer(model, inputs), atol=3e-4)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, -1.0, 3e38, 0.0])
def test_value_of_a_missing_pixel_or_band_never_matters(model, garbage):
    inputs = observations()
    inputs["flux_err"][:, 100:180] = 0
    inputs["flux_err"][1] = 0
    inputs["band_flux_err"][:, 2] = -1
    inputs["band_flux_err"][2] = np.nan
    other = changed(inputs)
    other["flux"][other["flux_err"] <= 0] = garbage
    other["band_flux"][:, 2] = garbage
    other["band_flux"][2] = garbage
    np.testing.assert_array_equal(answer(model, other), answer(model, inputs))


def test_every_way_of_being_missing_is_the_same(model):
    ways = []
    for flux, error in ((1.0, 0.0), (1.0, -2.0), (np.nan, 0.1), (1.0, np.nan), (1.0, np.inf)):
        inputs = observations()
        inputs["flux"][:, 500:700], inputs["flux_err"][:, 500:700] = flux, error
        inputs["band_flux"][:, 0], inputs["band_flux_err"][:, 0] = flux, error
        ways.append(answer(model, inputs))
    for way in ways[1:]:
        np.testing.assert_array_equal(way, ways[0])


def test_answers_are_finite_whatever_comes(model):
    inputs = observations(8)
    inputs["flux_err"][0] = 0
    inputs["band_flux_err"][0] = 0  # nothing at all
    inputs["flux"][1] *= -1  # negative
    inputs["flux"][2] = 0
    inputs["flux"][3, 7] = 1e30  # a cosmic ray
    inputs["flux_err"][4] = 1e-30
    inputs["flux_err"][5] = 1e30
    inputs["flux"][6], inputs["flux_err"][6] = 3e38, 1e38
    inputs["band_flux"][7], inputs["flux_err"][7] = -5, 0
    assert np.isfinite(answer(model, inputs)).all()


def test_missing_parts_change_the_answer_but_leave_one(model):
    inputs = observations()
    full = answer(model, inputs)
    none = np.zeros_like
    no_bands = answer(model, changed(inputs, band_flux_err=none(inputs["band_flux_err"])))
    no_spectrum = answer(model, changed(inputs, flux_err=none(inputs["flux_err"])))
    for part in (no_bands, no_spectrum):
        assert np.isfinite(part).all()
        assert (np.abs(part - full).max(axis=1) > 1e-2).all()
    assert np.abs(no_bands - no_spectrum).max() > 1e-2


def test_a_row_is_answered_alone_as_in_company(model):
    inputs = observations(16)
    inputs["flux_err"][3] = 0
    together = answer(model, inputs)
    for i in (0, 3, 15):
        alone = answer(model, {name: value[i : i + 1] for name, value in inputs.items()})
        np.testing.assert_allclose(alone[0], together[i], atol=2e-5)
    order = np.random.default_rng(0).permutation(16)
    shuffled = answer(model, {name: value[order] for name, value in inputs.items()})
    np.testing.assert_allclose(shuffled, together[order], atol=2e-5)


def test_wild_pixel_with_a_wild_error_hardly_moves_the_scale():
    from phangs_sfh.network.normalise import Normalise

    inputs = observations()
    layer = Normalise(64)
    before = layer(inputs)["deviation"]
    inputs["flux"][:, 9], inputs["flux_err"][:, 9] = 1e4, 1e4
    after = layer(inputs)["deviation"]
    np.testing.assert_allclose(after[:, 100:], before[:, 100:], atol=0.05)


def test_whitening_makes_the_principal_components_of_a_patch_alike():
    from phangs_sfh.network.spectral_branch import NOISE, Patches

    rng = np.random.default_rng(3)
    scatter = np.geomspace(1.0, 0.05, 64)
    mixing, _ = np.linalg.qr(rng.normal(size=(64, 64)))
    deviation = (rng.normal(size=(4000, 64)) * scatter) @ mixing
    layer = Patches(64)
    empty = np.zeros((4000, 8), np.float32)
    layer(deviation.astype(np.float32), empty, empty)
    layer.set_typical(deviation)
    whitened = ops.convert_to_numpy(layer(deviation.astype(np.float32), empty, empty))[0, :, :64]
    expected = scatter / np.hypot(scatter, NOISE)
    np.testing.assert_allclose(whitened.std(axis=0), expected, rtol=0.1)
    correlation = np.corrcoef(whitened.T) - np.eye(64)
    assert np.abs(correlation).max() < 0.1


def test_missing_tokens_get_no_attention():
    from phangs_sfh.network.attention import Attention

    rng = np.random.default_rng(1)
    tokens = rng.normal(size=(2, 7, 8)).astype(np.float32)
    present = np.ones((2, 7), np.float32)
    present[:, 4:6] = 0
    layer = Attention(2, 1)
    before = ops.convert_to_numpy(layer(tokens, present))
    tokens[:, 4:6] += 100.0
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(tokens, present)), before)


DESCRIPTION = f'{{"av_softness": {LABELS["av"].transform.softness}}}'


def test_saved_network_loads_safely_and_answers_the_same(model, tmp_path):
    model.save(tmp_path / "model.keras")
    (tmp_path / "model.json").write_text(DESCRIPTION)
    loaded, _ = load_model(tmp_path)
    inputs = observations()
    np.testing.assert_allclose(answer(loaded, inputs), answer(model, inputs), atol=1e-6)


def test_building_leaves_the_users_random_numbers_alone():

    def drawn(build):
        random.seed(1), np.random.seed(2), tf.random.set_seed(3)
        weights = build()
        return weights, (random.random(), np.random.rand(), float(tf.random.uniform([])))

    def build(seed=5):
        model = build_model(WIDTHS, PosteriorSpec.standard(LABELS, n_components=2), SMALL, seed)
        return model.get_weights()

    first, after = drawn(build)
    random.seed(99), np.random.seed(99), tf.random.set_seed(99)
    for one, two in zip(first, build(), strict=True):
        np.testing.assert_array_equal(one, two)  # of their seed alone
    assert after == drawn(lambda: None)[1]
    assert any(np.any(one != two) for one, two in zip(first, build(6), strict=True))


def test_damaged_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="model.json"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_text('{"av_softness": 7}')
    with pytest.raises(InputError, match="av_softness.*another version"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_text(DESCRIPTION)
    with pytest.raises(InputError, match="model.keras"):
        load_model(tmp_path)
    (tmp_path / "model.keras").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(InputError, match="copy or train"):
        load_model(tmp_path)


JAX = """
import sys
import numpy as np, keras
assert keras.backend.backend() == "jax"
from phangs_sfh.network.model import load_model
model, _ = load_model({folder!r})
inputs = dict(np.load({folder!r} + "/inputs.npz"))
expected = np.load({folder!r} + "/params.npy")
np.testing.assert_allclose(np.asarray(model(inputs)), expected, atol=2e-4)
"""


def test_weights_carry_over_to_jax(model, tmp_path):
    pytest.importorskip("jax")
    model.save(tmp_path / "model.keras")
    (tmp_path / "model.json").write_text(DESCRIPTION)
    inputs = observations()
    np.savez(tmp_path / "inputs.npz", **inputs)
    np.save(tmp_path / "params.npy", answer(model, inputs))
    script = JAX.format(folder=str(tmp_path))
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
