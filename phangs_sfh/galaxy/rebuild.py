"""From an answer back to a spectrum: the paper's validation, and what the demo draws."""

import numpy as np

from phangs_sfh.galaxy import ages
from phangs_sfh.galaxy.forward_model import Screen, Stars

DIFFUSE_SLOPE = 0.7  # Charlot & Fall 2000
BIRTH_CLOUD_SLOPE = 1.0


def stars_from_bins(forward, sfh, mh):
    """Stars with a constant rate and one metallicity within each of the 16 bins.

    Parameters
    ----------
    forward : galaxy.forward_model.ForwardModel
    sfh : (n, 16) array, mass fractions; normalised here
    mh : (n, 16) array [dex]

    Returns
    -------
    stars : galaxy.forward_model.Stars
    """
    t = forward.templates
    share = np.diff(t.cell_edges) / np.diff(ages.EDGES_YR)[t.cell_bin]
    mass = np.asarray(sfh)[:, t.cell_bin] * share
    mass /= mass.sum(axis=1, keepdims=True)
    return Stars(mass, np.asarray(mh)[:, t.cell_bin])


def rebuild(
    forward, sfh, mh, av, sigma_v, slope=DIFFUSE_SLOPE, av_young=0.0, velocity=0.0
):  # fmt: skip
    """Spectra and band fluxes of the stars of an answer, without gas.

    Parameters
    ----------
    forward : galaxy.forward_model.ForwardModel
    sfh, mh : (n, 16) arrays
    av : (n,) array [mag], diffuse
    sigma_v, velocity : (n,) arrays or floats [km/s], to be fitted or assumed
    slope, av_young : float or (n,) array, the rest of the dust

    Returns
    -------
    spectrum : (n, n_pixels) array [L_sun / Å per M_sun formed]
    bands : (n, n_bands) array
    """
    n = len(np.asarray(sfh))
    screen = Screen(
        law=np.zeros(n, dtype=int),
        av=np.broadcast_to(av, n),
        slope=np.broadcast_to(slope, n),
        av_young=np.broadcast_to(av_young, n),
        slope_young=np.full(n, BIRTH_CLOUD_SLOPE),
        sigma_v=np.broadcast_to(sigma_v, n),
        velocity=np.broadcast_to(velocity, n),
    )
    return forward.noiseless(stars_from_bins(forward, sfh, mh), screen)
