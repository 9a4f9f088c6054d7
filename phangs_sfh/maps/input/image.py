"""The door for HST images: units from the header, error images, WCS."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area

from phangs_sfh.errors import InputError
from phangs_sfh.files import fits_units
from phangs_sfh.files.fits_blocks import FitsBlocks
from phangs_sfh.files.reading import open_fits
from phangs_sfh.maps.input.cube import (
    DEVIATION,
    ERROR_NAMES,
    INVERSE,
    celestial,
    check_file,
    named,
)

FLUX_NAMES = ("SCI", "DATA", "FLUX")
IMAGE_ERROR_NAMES = {**ERROR_NAMES, "WHT": INVERSE}
MIN_SIDE, MAX_SIDE = 1e-4, 1e3  # arcsec, of a pixel


@dataclass(frozen=True)
class Image:
    """An image of one band, open for reading by blocks of rows.

    Attributes
    ----------
    path : Path
    band : str
    wcs : astropy celestial WCS
    pixel_area : float [arcsec2]
    factor : float, from the file's numbers to 1e-20 erg / (s cm2 Å arcsec2)
    flux, error : FitsBlocks
    error_kind : what ``error`` holds
    object_name : str, the header's OBJECT or TARGNAME
    """

    path: Path
    band: str
    wcs: WCS
    pixel_area: float
    factor: float
    flux: FitsBlocks
    error: FitsBlocks
    error_kind: str
    object_name: str = ""

    @property
    def shape(self):
        """(ny, nx)"""
        return self.flux.shape[1:]

    def read(self, rows, columns):
        """Surface brightness and variance of a part, float32 (n_rows, n_columns), 0 = missing."""
        with np.errstate(all="ignore"):
            flux, error = (
                blocks.read(slice(0, 1), rows).reshape(-1, self.shape[1])[:, columns]
                for blocks in (self.flux, self.error)
            )
            if self.error_kind == INVERSE:
                error = error**-0.5
            elif self.error_kind != DEVIATION:
                error = np.sqrt(error)
            flux, error = flux * np.float32(self.factor), error * np.float32(self.factor)
            variance = error**2
        bad = ~(np.isfinite(flux) & np.isfinite(variance) & (variance > 0))
        flux[bad] = 0
        variance[bad] = 0
        return flux, variance


def open_image(path, band, error_path=None, unit=None):
    """Open an image and check it.

    Parameters
    ----------
    path : str or Path; the image in SCI, or the first with two axes
    band : Band
    error_path : file with the standard deviations (or the inverse variances, in an extension
        WHT), where ``path`` has no extension ERR or WHT
    unit : str, where the header's BUNIT is missing

    Raises
    ------
    InputError
        If a file is missing, damaged, without WCS, unit or errors.
    """
    path = Path(path)
    check_file(path)
    with open_fits(path) as hdus:
        images = _planes(path, hdus)
        hdu = named(images, FLUX_NAMES) or images[0]
        flux, header, primary = FitsBlocks.of(path, hdu), hdu.header.copy(), hdus[0].header.copy()
        error_hdu = named(images, IMAGE_ERROR_NAMES)
        if error_hdu is not None:
            error, kind = FitsBlocks.of(path, error_hdu), IMAGE_ERROR_NAMES[error_hdu.name.upper()]
        if error_path is not None:
            error, kind = _error_image(Path(error_path))
        elif error_hdu is None:
            raise InputError(
                f"{path}: extension ERR or WHT is missing; name an error image with "
                f"--image-error {band.name}=FILE"
            )
        if error.shape != flux.shape:
            raise InputError(
                f"{error.path}: the error image has shape {error.shape[1:]}, the image "
                f"{flux.shape[1:]}; give images of one shape"
            )
        wcs = celestial(header)
        if wcs is None:
            raise InputError(
                f"{path}: extension '{flux.name}' has no celestial WCS (CTYPE1, CRVAL1 ...); add it"
            )
        area = _pixel_area(path, wcs)
        factor = _factor(path, header, primary, band, unit, area)
        names = (h.get(k) for k in ("OBJECT", "TARGNAME") for h in (header, primary))
        name = str(next(filter(None, names), ""))
        return Image(path, band.name, wcs, area, factor, flux, error, kind, name)


def _pixel_area(path, wcs):
    """Area of a pixel [arcsec2]."""
    area = proj_plane_pixel_area(wcs) * 3600.0**2
    if not MIN_SIDE**2 < area < MAX_SIDE**2:
        raise InputError(
            f"{path}: pixels of {area**0.5:g} arcsec make no sense; correct CD1_1 or CDELT1"
        )
    return area


def _planes(path, hdus):
    images = [hdu for hdu in hdus if hdu.is_image and hdu.header.get("NAXIS", 0) == 2]
    if not images:
        raise InputError(f"{path}: holds no image with two axes; give an image")
    return images


def _error_image(path):
    check_file(path)
    with open_fits(path) as hdus:
        images = _planes(path, hdus)
        hdu = named(images, IMAGE_ERROR_NAMES) or images[0]
        return FitsBlocks.of(path, hdu), IMAGE_ERROR_NAMES.get(hdu.name.upper(), DEVIATION)


def _factor(path, header, primary, band, option, area):
    """From the image's numbers to 1e-20 erg / (s cm2 Å arcsec2)."""
    text = option or header.get("BUNIT") or primary.get("BUNIT")
    unit = fits_units.parse_unit(text)
    kind, counts = fits_units.flux_kind(unit), fits_units.is_count_rate(unit)
    if kind is None and counts is None:
        raise InputError(
            f"{path}: BUNIT '{text or ''}' is neither counts nor a flux density; correct it, or "
            "use --image-unit, for instance --image-unit electron/s"
        )
    if counts:
        factor = _keyword(path, header, primary, "PHOTFLAM") / fits_units.SCALE
        if counts == "total":
            factor /= _keyword(path, header, primary, "EXPTIME")
    else:
        factor = float(fits_units.f_lambda_factor(unit, band.pivot))
    return factor if kind == "surface brightness" else factor / area


def _keyword(path, header, primary, name):
    value = header.get(name, primary.get(name))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < 1e30:
        raise InputError(
            f"{path}: {name} is missing or not positive, and BUNIT is in counts; set {name}, or "
            "give the image in a flux density"
        )
    return float(value)
