"""Which branch makes tokens of which kind of input."""

from phangs_sfh.network.photometric_branch import band_tokens
from phangs_sfh.network.spectral_branch import spectral_tokens


def _spectrum(features, sizes):
    return spectral_tokens(
        features, sizes.dim, sizes.filters, sizes.convolutions, sizes.kernels, sizes.patch
    )


def _bands(features, sizes):
    return band_tokens(features["bands"], sizes.dim), features["band_valid"]


BRANCHES = {"spectrum": _spectrum, "bands": _bands}
"""By kind of input: a function of the features and the NetworkSpec that gives tokens [n, t, dim]
and which are there [n, t], 0 or 1."""
