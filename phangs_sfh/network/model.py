"""The whole network: normalisation, two branches, attention, latent space, head."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
from keras import layers

from phangs_sfh.errors import InputError
from phangs_sfh.files import model_json
from phangs_sfh.network.cleaning import ORDER, Clean
from phangs_sfh.network.latent_space import latent_vector
from phangs_sfh.network.normalise import Normalise
from phangs_sfh.network.photometric_branch import band_tokens
from phangs_sfh.network.spectral_branch import PATCH, spectral_tokens
from phangs_sfh.posterior.density import PosteriorSpec
from phangs_sfh.problems import targets

FIRST_PATCH = 64  # of models from before it was recorded


@dataclass(frozen=True)
class NetworkSpec:
    """Sizes of the network; what each is worth: docs/training.md.

    Attributes
    ----------
    filters : nonlinear filters of each patch of the spectrum; dim : length of a token
    convolutions : residual Conv1D layers over neighbouring tokens
    kernels : their lengths in tokens; several act side by side
    patch : pixels a token stands for, a multiple of 8
    heads, blocks : attention heads and blocks
    squeeze : numbers of each token that go past the attention
    width, residual_layers : of the dense layers after the attention
    latent : length of the latent vector; hidden : width of the layer between it and the head
    """

    filters: int = 128
    dim: int = 64
    convolutions: int = 1
    kernels: tuple = (3,)
    patch: int = PATCH
    heads: int = 4
    blocks: int = 1
    squeeze: int = 24
    width: int = 256
    residual_layers: int = 2
    latent: int = 128
    hidden: int = 256

    def to_dict(self):
        return asdict(self) | {"kernels": list(self.kernels)}

    @classmethod
    def from_dict(cls, content):
        sizes = cls(**{"patch": FIRST_PATCH} | content)
        return replace(sizes, kernels=tuple(sizes.kernels))


def build_model(n_pixels, n_bands, posterior, network=None, seed=0):
    """The Keras model: raw observations to the parameters of the posterior.

    Parameters
    ----------
    n_pixels, n_bands : sizes of the instrument
    posterior : PosteriorSpec
    network : NetworkSpec, optional
    seed : seed of the initial weights

    Returns
    -------
    model : keras.Model; inputs are a dict of ``flux``, ``flux_err`` [n, n_pixels], ``band_flux``,
        ``band_flux_err`` [n, n_bands] in one unit (error <= 0 = missing), output ``params`` [n, P]
    """
    network = network or NetworkSpec()
    keras.utils.set_random_seed(seed)
    sizes = {
        "flux": n_pixels,
        "flux_err": n_pixels,
        "band_flux": n_bands,
        "band_flux_err": n_bands,
    }
    inputs = {name: keras.Input((size,), name=name) for name, size in sizes.items()}
    cleaned = dict(zip(ORDER, Clean(name=CLEAN)(inputs), strict=True))
    features = Normalise(network.patch, name="normalise")(cleaned)
    spectrum, present = spectral_tokens(
        features, network.dim, network.filters, network.convolutions, network.kernels, network.patch
    )
    bands = band_tokens(features["bands"], network.dim)
    tokens = layers.Concatenate(axis=1, name="tokens")([spectrum, bands])
    present = layers.Concatenate(axis=1, name="present")([present, features["band_valid"]])
    x = latent_vector(
        tokens, present, network.heads, network.blocks, network.squeeze, network.width,
        network.residual_layers, network.latent,
    )  # fmt: skip
    x = layers.Dense(network.hidden, activation="gelu", name="head_hidden")(x)
    params = layers.Dense(
        posterior.n_params,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        bias_initializer=keras.initializers.Zeros(),
        name="params",
    )
    output = params(x)
    params.bias.assign(posterior.initial_bias(seed))
    return keras.Model(inputs, output, name="phangs_sfh")


CLEAN = "clean"


def set_reference(model, spectrum, bands):
    """Give a new model the scales of its inputs, from noiseless galaxies of the training set.

    Parameters
    ----------
    model : from ``build_model``
    spectrum, bands : arrays [m, n_pixels], [m, n_bands]
    """
    deviation = model.get_layer("normalise").set_reference(spectrum, bands)
    model.get_layer("patches").set_reference(deviation)


def behind_cleaning(model, outputs):
    """The part of a model behind its first layer, for inputs that are clean already.

    Parameters
    ----------
    model : from ``build_model``
    outputs : nest of its tensors

    Returns
    -------
    model : keras.Model; takes a list of what ``cleaning.clean`` gives, in the order of ``ORDER``
    """
    return keras.Model(model.get_layer(CLEAN).output, outputs)


def load_description(folder):
    """The content of a run's or model's ``model.json``, a dict.

    Raises
    ------
    InputError
        If it is missing, damaged or of another version.
    """
    description = model_json.read(folder)
    if description.get("av_softness") != targets.AV_SOFTNESS:
        raise InputError(
            f"{Path(folder) / model_json.FILE}: field 'av_softness' is not {targets.AV_SOFTNESS}: "
            "made by another version of this package; train the model anew"
        )
    return description


def load_model(folder):
    """Load ``model.keras`` and ``model.json`` from a run or model folder.

    Returns
    -------
    model : keras.Model; description : dict, the content of model.json

    Raises
    ------
    InputError
        If either file is missing or damaged.
    """
    folder, description = Path(folder), load_description(folder)
    path = folder / "model.keras"
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the folder of a trained model")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read ({reason}); copy or train it anew") from None
    return model, description


def posterior_of(description):
    """PosteriorSpec from the content of model.json."""
    try:
        return PosteriorSpec.from_dict(description["posterior"])
    except KeyError:
        raise InputError("model.json: field 'posterior' is missing; train the model anew") from None
