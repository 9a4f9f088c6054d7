"""One graph for percentiles and rates: the answers of both signatures."""

import numpy as np
import pytest
import tensorflow as tf
from fake_model import write_fake_model

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.maps.model import MapModel
from phangs_sfh.observations.table import Observations
from phangs_sfh.prediction import predict
from phangs_sfh.prediction.model import load_model
from phangs_sfh.problems.histories import LABELS


def observed(n=40):
    observations = Observations.empty(n, load_instrument())
    rng = np.random.default_rng(0)
    tilt = rng.uniform(-0.5, 0.5, (n, 1)) * np.linspace(-1, 1, observations.flux.shape[1])
    observations.flux[:] = 1 + tilt
    observations.flux_err[:] = 0.03
    observations.band_flux[:] = rng.uniform(0.5, 2, (n, 5))
    observations.band_flux_err[:] = 0.05
    observations.flux_err[7] = observations.band_flux_err[7] = 0
    return observations


@pytest.mark.parametrize("released", [True, False])
def test_answers_are_those_of_the_signatures(tmp_path, released):
    model = load_model(None if released else write_fake_model(tmp_path / "1"))
    observations = observed()
    answers = MapModel(model).answer(observations)
    table = predict.predict(observations, model)
    for name in table.colnames:
        wanted = np.asarray(getattr(table[name], "value", table[name]))
        assert answers[name] == pytest.approx(wanted, abs=3e-4, nan_ok=True), name
    inputs = {k: tf.constant(v) for k, v in observations.inputs().items()}
    samples = model.saved.signatures["posterior"](**inputs)
    assert np.isnan(answers["logssfr10_p50"][7])
    for t in (10, 100):
        drawn = samples[f"logssfr{t}"].numpy() + samples["logml"].numpy()
        wanted = np.percentile(drawn, [16, 50, 84], axis=1)
        got = np.array([answers[f"lograte{t}_{p}"] for p in ("p16", "p50", "p84")])
        keep = np.arange(40) != 7
        assert got[:, keep] == pytest.approx(wanted[:, keep], abs=2e-3)


def test_a_model_without_samples_is_refused(tmp_path):
    model = load_model(write_fake_model(tmp_path / "1"))
    bare = type("Bare", (), {"signatures": {"serving_default": None}})
    object.__setattr__(model, "saved", bare)
    with pytest.raises(InputError, match="no signature 'posterior'"):
        MapModel(model)


def test_a_model_of_another_problem_is_refused(tmp_path):
    labels = [label.to_dict() for label in LABELS.scalars[:2]]
    model = load_model(write_fake_model(tmp_path / "1"))
    model.info.update(labels=labels, inputs=["spectrum"])
    model.__dict__.pop("described", None)
    with pytest.raises(InputError, match="infers no 'logml', which maps are made of"):
        MapModel(model)
