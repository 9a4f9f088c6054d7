"""Band fluxes for maps: some that are there already, and one image matched at once."""

import numpy as np

from phangs_sfh.maps.input.bands import MatchedBands
from phangs_sfh.maps.input.image_matching import kernel_sigma


class HeldBands:
    """Band fluxes that are there already.

    Parameters
    ----------
    flux, error : (n_bands, ny, nx) arrays in the map's 1e-20 unit, error 0 = missing
    """

    def __init__(self, flux, error):
        self.flux, self.error = np.asarray(flux), np.asarray(error)

    def rows(self, rows):
        """Flux and error of some image rows, (n_bands, n_rows, nx) float32 arrays each."""
        return np.float32(self.flux[:, rows]), np.float32(self.error[:, rows])


def match_image(image, wcs, shape, area, cube_fwhm=None, image_fwhm=0.0):
    """Flux and error of one image in every spaxel, (ny, nx) arrays."""
    sigma = kernel_sigma(image, cube_fwhm, image_fwhm)
    flux, error = MatchedBands([(0, image, sigma)], 1, wcs, shape, area).rows(slice(0, shape[0]))
    return flux[0], error[0]
