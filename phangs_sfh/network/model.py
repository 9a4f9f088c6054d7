"""The whole network: normalisation, two branches, attention, latent space, head."""

import random
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import keras
from keras import layers

from phangs_sfh.errors import InputError
from phangs_sfh.files import model_json
from phangs_sfh.files.keras_file import check_keras
from phangs_sfh.network.assumption import AssumptionToken
from phangs_sfh.network.branches import BRANCHES
from phangs_sfh.network.cleaning import Clean, kinds_of
from phangs_sfh.network.latent_space import latent_vector
from phangs_sfh.network.normalise import Normalise
from phangs_sfh.network.spectral_branch import PATCH
from phangs_sfh.problems.assumptions import RECORD
from phangs_sfh.problems.histories import LABELS

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


def build_model(widths, posterior, network=None, seed=0):
    """The Keras model: raw observations to the parameters of the posterior.

    Parameters
    ----------
    widths : dict, width of each input tensor by name, from ``Described.widths``: ``flux``,
        ``flux_err`` (pixels), ``band_flux``, ``band_flux_err`` (bands), or one of the pairs; and
        ``assumption`` (options), where there are some
    posterior : posterior.density.PosteriorSpec
    network : NetworkSpec, optional
    seed : seed of the initial weights

    Returns
    -------
    model : keras.Model; inputs are a dict of tensors [n, width] in one unit (error <= 0 =
        missing), output ``params`` [n, P]
    """
    with _seeded(seed):
        return _build(widths, posterior, network or NetworkSpec(), seed)


@contextmanager
def _seeded(seed):
    """The same initial weights for a seed, without touching the caller's random numbers.

    Keras draws the seed of each initialiser from Python's generator, and nothing else at random.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def _build(widths, posterior, network, seed):
    inputs = {name: keras.Input((width,), name=name) for name, width in widths.items()}
    observed = {name: tensor for name, tensor in inputs.items() if name != RECORD}
    cleaned = dict(zip(observed, Clean(name=CLEAN)(observed), strict=True))
    features = Normalise(network.patch, name="normalise")(cleaned)
    found = [BRANCHES[kind.kind](features, network) for kind in kinds_of(inputs)]
    if RECORD in inputs:
        found.append(AssumptionToken(network.dim, name=RECORD + "_token")(inputs[RECORD]))
    tokens, present = found[0]
    if len(found) > 1:
        tokens = layers.Concatenate(axis=1, name="tokens")([tokens for tokens, _ in found])
        present = layers.Concatenate(axis=1, name="present")([present for _, present in found])
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


def set_typical(model, examples):
    """Give a new model the scales of its inputs, from noiseless objects of the training set.

    Parameters
    ----------
    model : from ``build_model``
    examples : dict of arrays, at least of the inputs by their ``record``
    """
    deviation = model.get_layer("normalise").set_typical(examples)
    if deviation is not None:
        model.get_layer("patches").set_typical(deviation)


def behind_cleaning(model, outputs):
    """The part of a model behind its first layer, for inputs that are clean already.

    Where a model has assumptions it takes the one-hot assumption last.

    Parameters
    ----------
    model : from ``build_model``
    outputs : nest of its tensors

    Returns
    -------
    model : keras.Model; takes a list of what ``cleaning.clean`` gives, ``cleaning.in_order``
    """
    told = [tensor for tensor in model.inputs if tensor.name == RECORD]
    return keras.Model([*model.get_layer(CLEAN).output, *told], outputs)


def load_description(folder):
    """The content of a run's or model's ``model.json``, a dict.

    Raises
    ------
    InputError
        If it is missing, damaged or of another version.
    """
    description = model_json.read(folder)
    softness = LABELS["av"].transform.softness
    if "labels" not in description and description.get("av_softness") != softness:
        raise InputError(
            f"{Path(folder) / model_json.FILE}: field 'av_softness' is not {softness}: "
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
    check_keras(path)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: cannot be read ({reason}); copy or train it anew") from None
    return model, description
