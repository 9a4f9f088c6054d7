"""Band fluxes of a map, a few rows at a time: images are matched where and when they are needed."""

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.maps.input.image_matching import TILE, match_tiles, overlaps


class MatchedBands:
    """Images brought to the map's pixels strip by strip.

    Strips are the same whatever rows are asked for, so that answers are too; the last is kept, so
    rows asked for in order are matched once.

    Parameters
    ----------
    images : list of (band index, Image, width of the matching Gaussian [image pixels])
    n_bands : int
    wcs : celestial WCS of the map
    shape : (ny, nx)
    area : float [arcsec2] that turns surface brightness into the map's unit, or 1

    Raises
    ------
    InputError
        If an image does not overlap the map.
    """

    def __init__(self, images, n_bands, wcs, shape, area):
        self.images, self.n_bands, self.wcs, self.shape = images, n_bands, wcs, shape
        self.area = np.float32(area)
        self.strip, self.held = None, None
        for _, image, _ in images:
            if not overlaps(image, wcs, shape):
                raise InputError(
                    f"{image.path}: the image does not overlap the cube; give an image of the same "
                    "field, or check the WCS"
                )

    def rows(self, rows):
        """Flux and error of some image rows, (n_bands, n_rows, nx) float32 arrays each."""
        parts = []
        for strip in range(rows.start // TILE, (rows.stop - 1) // TILE + 1):
            first = strip * TILE
            wanted = slice(max(rows.start, first) - first, min(rows.stop, first + TILE) - first)
            parts.append([values[:, wanted] for values in self._matched(strip)])
        if len(parts) == 1:
            return tuple(parts[0])
        return tuple(np.concatenate(values, axis=1) for values in zip(*parts, strict=True))

    def _matched(self, strip):
        if strip != self.strip:
            rows = slice(strip * TILE, min((strip + 1) * TILE, self.shape[0]))
            shape = (self.n_bands, rows.stop - rows.start, self.shape[1])
            flux, error = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
            for index, image, sigma in self.images:
                flux[index], error[index] = match_tiles(image, self.wcs, rows, shape[2], sigma)
            self.strip, self.held = strip, (flux * self.area, error * self.area)
        return self.held
