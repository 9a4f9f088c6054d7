"""A run folder of `fit` in miniature: random weights, real galaxies. For tests of the export."""

import json

import numpy as np

from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument import emission_lines
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.network.model import NetworkSpec, build_model
from phangs_sfh.posterior import training_set
from phangs_sfh.posterior.density import PosteriorSpec
from phangs_sfh.problems.histories import INPUTS, LABELS, priors
from phangs_sfh.problems.histories.simulator import galaxies
from phangs_sfh.problems.inputs import sizes
from phangs_sfh.problems.problem import Described
from phangs_sfh.ssp.engines import load_ssp

N_COMPONENTS = 2
SMALL = NetworkSpec(
    filters=8, dim=8, heads=2, squeeze=4, width=16, residual_layers=1, latent=12, hidden=16
)
NAMES = ("flux", "flux_err", "band_flux", "band_flux_err")


def simulated(n, seed=0):
    """Noiseless galaxies of the default prior: dict of arrays with ``n`` rows."""
    model = ForwardModel(load_ssp("bc03"), load_instrument())
    rng = np.random.default_rng(seed)
    chunks = list(galaxies(model, priors.load_prior(priors.DEFAULT), rng, n))
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def at_rest(drawn):
    """Those whose redshift is right: what surprise is measured by."""
    beyond = LABELS["velocity"].flag_beyond
    return {name: values[np.abs(drawn["velocity"]) <= beyond] for name, values in drawn.items()}


def target_vectors(drawn):
    """Targets (n, T) of simulated galaxies."""
    return np.asarray(LABELS.target(drawn, None))


def observed(drawn, seed=1, signal_to_noise=(10, 200), missing=True):
    """Noisy inputs: white noise, a tenth of the rows without spectrum, a tenth without bands."""
    rng = np.random.default_rng(seed)
    spectrum, bands = drawn["spectrum"].astype("float32"), drawn["bands"].astype("float32")
    n = len(spectrum)
    level = 10 ** rng.uniform(*np.log10(signal_to_noise), (n, 1))
    flux_err = np.ones_like(spectrum) * np.abs(spectrum).mean(axis=1, keepdims=True) / level
    band_err = 0.05 * bands + 1e-6
    flux = spectrum + rng.normal(size=spectrum.shape) * flux_err
    band_flux = bands + rng.normal(size=bands.shape) * band_err
    if missing:
        kind = rng.uniform(size=(n, 1))
        flux_err = np.where(kind < 0.1, 0, flux_err)
        band_err = np.where((kind > 0.9) | (rng.uniform(size=bands.shape) < 0.05), 0, band_err)
    values = (flux, flux_err, band_flux, band_err)
    return {name: value.astype("float32") for name, value in zip(NAMES, values, strict=True)}


def network(spec, instrument, seed=3):
    """The real network with few neurons, and a head that reacts to its input."""
    model = build_model(sizes(INPUTS, instrument), spec, SMALL, seed)
    head = model.get_layer("params")
    kernel, bias = head.get_weights()
    rng = np.random.default_rng(seed)
    head.set_weights([0.2 * rng.normal(size=kernel.shape), bias])
    return model


def batched(inputs, y, size=256):
    for start in range(0, len(y), size):
        rows = slice(start, start + size)
        yield {name: value[rows] for name, value in inputs.items()}, y[rows]


def write_run(folder, n=1200):
    """Write model.keras, model.json and reference.npz; return the simulated galaxies."""
    folder.mkdir(parents=True, exist_ok=True)
    instrument, drawn = load_instrument(), simulated(n)
    y = target_vectors(drawn)
    spec = PosteriorSpec.standardised_by(y, LABELS, n_components=N_COMPONENTS)
    model = network(spec, instrument)
    inputs, half = observed(drawn), n // 2
    constants = training_set.measure_constants(
        model,
        LABELS,
        drawn["spectrum"][:half],
        batched({k: v[:half] for k, v in inputs.items()}, y[:half]),
        batched({k: v[half:] for k, v in inputs.items()}, y[half:]),
        excluded=emission_lines.window_mask(instrument.wave),
    )
    training_set.save_constants(folder / training_set.FILE, constants)
    model.save(folder / "model.keras")
    description = {
        "schema_version": 1,
        "name": "small",
        **Described("histories", INPUTS, LABELS).to_dict(),
        "instrument": instrument.to_dict(),
        "z_sun": 0.02,
        "posterior": spec.to_dict(),
        "emission_lines": "masked",
    }
    (folder / "model.json").write_text(json.dumps(description))
    (folder / "model_card.md").write_text("# A model for tests\n")
    return drawn
