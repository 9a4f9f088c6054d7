"""Settings of a training that takes seconds."""

from phangs_sfh.network.model import NetworkSpec
from phangs_sfh.training.fit import FitSettings

SMALL = NetworkSpec(
    filters=16, dim=16, heads=2, squeeze=8, width=32, residual_layers=1, latent=16, hidden=32
)


def settings(epochs=3, **changes):
    usual = {"batch_size": 64, "n_components": 2, "network": SMALL, "learning_rate": 3e-3}
    return FitSettings(epochs=epochs, **{**usual, **changes})
