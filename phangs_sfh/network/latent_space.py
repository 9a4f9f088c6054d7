"""Tokens of both branches to the latent vector: attention, then dense residual layers.

One learned query attends to all tokens and gathers what is worth most in each spectrum; a narrow
dense map of every token stays beside it, since on a fixed grid a token's place has a meaning that
a weighted mean forgets. Full attention between tokens cost twice the time of all this and gained
nothing in equal training (docs/training.md).
"""

from keras import layers

from phangs_sfh.network.attention import attend

LATENT = "latent"
"""Name of the layer that holds the shared latent space."""


def latent_vector(tokens, present, heads, blocks, squeeze, width, residual_layers, latent):
    """Merge tokens.

    Parameters
    ----------
    tokens : [n, t, dim]; present : [n, t], 0 or 1
    heads, blocks : attention heads and blocks; in the last block only the latent query asks
    squeeze : numbers kept of each token beside the attention
    width, residual_layers : of the dense layers after it
    latent : length of the latent vector

    Returns
    -------
    latent : [n, latent]
    """
    asked = attend(tokens, present, blocks, heads)
    kept = layers.Flatten(name="kept")(layers.Dense(squeeze, name="squeeze")(tokens))
    x = layers.Dense(width, name="merged")(layers.Concatenate(name="merge")([asked, kept]))
    for i in range(residual_layers):
        y = layers.LayerNormalization(name=f"residual_{i}_norm")(x)
        y = layers.Dense(2 * width, activation="relu", name=f"residual_{i}a")(y)
        x = layers.Add(name=f"residual_{i}")([x, layers.Dense(width, name=f"residual_{i}b")(y)])
    x = layers.LayerNormalization(name="merged_norm")(x)
    return layers.Dense(latent, activation="gelu", name=LATENT)(x)
