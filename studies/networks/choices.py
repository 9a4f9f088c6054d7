"""The choices that are tried, by name: what is changed about the released network."""

LONG = 12000  # steps of the rows on the size of the library


RELEASED = {"patch": 64, "filters": 128, "squeeze": 24, "width": 256}


NETWORK = {
    "no filters before the token": {"filters": 0},
    "256 filters": {"filters": 256},
    "tokens of 32": {"dim": 32},
    "tokens of 96": {"dim": 96},
    "patches of 40 Å": {"patch": 32},
    "patches of 160 Å": {"patch": 128},
    "patches of 160 Å, 256 filters": {"patch": 128, "filters": 256},
    "patches of 320 Å": {"patch": 256},
    "patches of 320 Å, dense layers of 128": {"patch": 256, "width": 128},
    "patches of 320 Å, 256 filters": {"patch": 256, "filters": 256},
    "patches of 320 Å, 256 filters, tokens of 128": {"patch": 256, "filters": 256, "dim": 128},
    "patches of 640 Å, 256 filters": {"patch": 512, "filters": 256},
    "no convolution": {"convolutions": 0},
    "two convolutions": {"convolutions": 2},
    "kernels of 3, 7 and 15 tokens side by side": {"kernels": (3, 7, 15)},
    "full attention between tokens": {"blocks": 2},
    "attention alone, nothing beside it": {"squeeze": 1, "width": 64, "residual_layers": 0},
    "dense layers of 128": {"width": 128},
    "dense layers of 384, three": {"width": 384, "residual_layers": 3},
}


POSTERIOR = {
    "one normal": {"n_components": 1},
    "two normals": {"n_components": 2},
    "eight normals": {"n_components": 8},
    "autoregressive flow": {"flow": True, "n_components": 1},
}


LOSS = {
    "young bins no more than their share": {"leading_weight": 0.0},
    "young bins and scalars three times": {"leading_weight": 3.0},
    "no squared error of the mean": {"mean_weight": 0.0},
}


TRAINING = {
    "peak rate 1e-3": {"learning_rate": 1e-3},
    "peak rate 6e-3": {"learning_rate": 6e-3},
    "average of weights (0.99)": {"ema": 0.99},
    "no calibration and velocity errors": {
        "conditions": {
            "calibration": 0.0,
            "velocity_error": 0.0,
            "zero_point": 0.0,
            "aperture": 0.0,
        }
    },
}


ENSEMBLE = {
    "two networks, answers mixed": {"members": 2},
    "two networks of half the steps, answers mixed": {"members": 2, "share": 0.5},
}


CHOICE = {
    "patches of 160 Å, as long as the sizes": {"network": {"patch": 128}, "steps": LONG},
}


SIZES = {f"{n // 1000} k galaxies": {"galaxies": n, "steps": LONG} for n in (30000, 100000, 297000)}


BASE = "released network"


def rows():
    """Settings by name."""
    found = {BASE: {}, "the same, another seed": {"first_seed": 5}}
    found |= {name: {"network": change} for name, change in NETWORK.items()}
    return found | POSTERIOR | LOSS | TRAINING | ENSEMBLE | SIZES | CHOICE
