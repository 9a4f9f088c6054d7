"""Chemical enrichment: metallicity as a function of the mass already formed."""

import numpy as np


def closed_box(formed, z_start, z_end, consumed):
    """Closed-box enrichment with instantaneous recycling (Talbot & Arnett 1971).

    Z rises as ln(1 / gas fraction). A leaky box has the same form with a smaller yield, so the
    yield is set by the final metallicity:

        Z(m) = Z_start + (Z_end - Z_start) ln(1 - η m) / ln(1 - η)

    Parameters
    ----------
    formed : (n, n_cells) array, fraction m of all stellar mass already formed
    z_start, z_end : (n,) arrays, mass fraction of metals in the first and the last stars
    consumed : (n,) array, η, fraction of the gas reservoir turned into stars by now, in (0, 1)

    Returns
    -------
    z : (n, n_cells) array, mass fraction of metals
    """
    shape = np.log1p(-consumed[:, None] * formed) / np.log1p(-consumed)[:, None]
    return z_start[:, None] + (z_end - z_start)[:, None] * shape


def leaky_box(formed, z_start, z_end, loading):
    """Enrichment that saturates: gas lost in winds is replaced by pristine gas, so Z tends to an
    equilibrium (Larson 1972; Dekel & Mandelker 2014).

        Z(m) = Z_start + (Z_end - Z_start) (1 - exp(-κ m)) / (1 - exp(-κ))

    Parameters and returns as ``closed_box``; ``loading`` (n,) is κ > 0.
    """
    shape = np.expm1(-loading[:, None] * formed) / np.expm1(-loading)[:, None]
    return z_start[:, None] + (z_end - z_start)[:, None] * shape
