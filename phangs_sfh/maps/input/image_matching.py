"""Images brought to a cube's spaxels: PSF matched, flux conserved, errors propagated.

Done in square tiles, so that the memory does not grow with the images.
"""

import numpy as np
from reproject import reproject_exact, reproject_interp
from scipy.ndimage import convolve1d

from phangs_sfh.errors import InputError
from phangs_sfh.files.reading import quiet
from phangs_sfh.instrument.constants import FWHM_PER_SIGMA

TILE = 128
"""Spaxels along the side of a tile."""

TRUNCATE = 4.0
"""Kernels end at this many standard deviations."""

MIN_COVERAGE = 0.99
"""Share of a spaxel that the image must cover; below it the band is missing there."""

MIN_GOOD = 0.5
"""Share of the kernel that must lie on good pixels."""


def match_tiles(image, wcs, rows, nx, sigma):
    """Surface brightness and error of an image in some rows of a map, tile by tile.

    The image is convolved with the Gaussian that turns its PSF into the cube's, both taken to be
    Gaussian, and averaged over each spaxel with exact overlaps on the sphere. The variance of a
    spaxel is that of the sum of independent pixels under kernel and spaxel together; drizzled
    images have correlated noise, and errors that allow for it are the image's author's task.

    Parameters
    ----------
    image : Image
    wcs : celestial WCS of the map
    rows : slice with start and stop
    nx : int, spaxels in a row
    sigma : float, from ``kernel_sigma``

    Returns
    -------
    flux, error : (n_rows, nx) float32 arrays [1e-20 erg / (s cm2 Å arcsec2)], error 0 = missing,
        also where the image does not cover the spaxel
    """
    shape = (rows.stop - rows.start, nx)
    flux, error = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for x in range(0, nx, TILE):
        columns = slice(x, min(x + TILE, nx))
        flux[:, columns], error[:, columns] = _tile(image, wcs, (rows, columns), sigma)
    return flux, error


def overlaps(image, wcs, shape):
    """True if the image reaches into the map (its pixels may still all be bad there)."""
    steps = [range(0, size, TILE) for size in shape]
    for y in steps[0]:
        for x in steps[1]:
            tile = (slice(y, min(y + TILE, shape[0])), slice(x, min(x + TILE, shape[1])))
            size = tuple(side.stop - side.start for side in tile)
            if _covering(image, wcs[tile], size, margin=0) is not None:
                return True
    return False


def kernel_sigma(image, cube_fwhm, image_fwhm):
    """Standard deviation of the matching Gaussian [image pixels], 0 for none."""
    if cube_fwhm is None:
        return 0.0
    if cube_fwhm < image_fwhm:
        raise InputError(
            f"{image.path}: its PSF ({image_fwhm:g} arcsec) is wider than the cube's "
            f"({cube_fwhm:g} arcsec); correct --psf or --image-psf"
        )
    width = np.sqrt(cube_fwhm**2 - image_fwhm**2) / FWHM_PER_SIGMA
    return width / np.sqrt(image.pixel_area)


def _tile(image, wcs, tile, sigma):
    shape = tuple(part.stop - part.start for part in tile)
    nothing = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    target = wcs[tile]
    side = np.sqrt(_area(target) / image.pixel_area)  # of a spaxel, in image pixels
    box = _covering(image, target, shape, margin=TRUNCATE * sigma + side + 2)
    if box is None:
        return nothing
    flux, variance = image.read(*box)
    good = (variance > 0).astype(np.float32)
    if not good.any():
        return nothing
    if sigma > 0:
        gaussian = gaussian_kernel(sigma)
        weight = _convolved(good, gaussian)
        flux = _convolved(flux, gaussian)
    else:
        weight = good
    enough = weight > MIN_GOOD
    flux = np.divide(flux, weight, out=np.zeros_like(flux), where=enough)
    # A variance through a linear filter is the variance filtered with the squares of the weights.
    noise = _convolved(variance, spaxel_kernel(sigma, side) ** 2)
    noise = np.divide(noise, weight**2, out=np.zeros_like(noise), where=enough)
    # Bad pixels are zeros, and a weight goes along: NaN would spoil spaxels that they do not touch.
    with quiet(), np.errstate(all="ignore"):
        flux, share, covered = _reprojected(
            reproject_exact, flux, enough, image.wcs[box], target, shape
        )
        noise, near, _ = _reprojected(
            reproject_interp, noise, enough, image.wcs[box], target, shape
        )
        present = (share * covered >= MIN_COVERAGE) & (noise > 0) & np.isfinite(flux)
        return np.where(present, flux / share, 0), np.where(present, np.sqrt(noise / near), 0)


def _reprojected(method, values, good, source, target, shape):
    """Values and weights on the target, and the share of each pixel that the source covers."""
    both = np.stack([values, good.astype(values.dtype)])
    (values, share), covered = method((both, source), target, shape_out=shape)
    return values, share, covered[0] if covered.ndim == 3 else covered


def _area(wcs):
    from astropy.wcs.utils import proj_plane_pixel_area

    return proj_plane_pixel_area(wcs) * 3600.0**2


def _covering(image, target, shape, margin):
    """Rows and columns (slices) of an image that cover a tile, or None."""
    y, x = np.mgrid[-0.5 : shape[0] : 4j, -0.5 : shape[1] : 4j]
    with quiet():
        try:
            there = image.wcs.world_to_pixel(target.pixel_to_world(x.ravel(), y.ravel()))
        except Exception:  # outside the projection; wcslib's errors have many classes
            return None
    if not np.isfinite(there).all():
        return None
    slices = []
    for values, size in zip(there[::-1], image.shape, strict=True):
        start = max(int(np.floor(values.min() - margin)), 0)
        stop = min(int(np.ceil(values.max() + margin)) + 1, size)
        if stop - start < 2:
            return None
        slices.append(slice(start, stop))
    return tuple(slices)


def gaussian_kernel(sigma):
    """Gaussian averaged over pixels, normalised, one axis."""
    return spaxel_kernel(sigma, 1.0)


def spaxel_kernel(sigma, side):
    """Gaussian convolved with a box of width ``side``, at whole pixels, normalised to 1."""
    from scipy.special import ndtr

    reach = int(np.ceil(TRUNCATE * sigma + side / 2))
    position = np.arange(-reach, reach + 1)
    if sigma > 0:
        kernel = ndtr((position + side / 2) / sigma) - ndtr((position - side / 2) / sigma)
    else:
        kernel = np.clip(side / 2 + 0.5 - np.abs(position), 0, 1)
    return kernel / kernel.sum()


def _convolved(values, kernel):
    kernel = kernel.astype(np.float32)
    rows = convolve1d(values, kernel, axis=0, mode="constant")
    return convolve1d(rows, kernel, axis=1, mode="constant")
