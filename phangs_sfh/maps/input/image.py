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
from phangs_sfh.maps.input import image_errors
from phangs_sfh.maps.input.cube import celestial, check_file, named
from phangs_sfh.maps.input.image_errors import EXTENSIONS, ErrorKind
from phangs_sfh.maps.input.image_header import check_band

FLUX_NAMES = ("SCI", "DATA", "FLUX")
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
    error_kind : ErrorKind, what ``error`` holds
    object_name : str, the header's OBJECT or TARGNAME
    warning : str, what is odd about the errors, '' for nothing
    """

    path: Path
    band: str
    wcs: WCS
    pixel_area: float
    factor: float
    flux: FitsBlocks
    error: FitsBlocks
    error_kind: ErrorKind
    object_name: str = ""
    warning: str = ""

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
            error = image_errors.deviation(error, self.error_kind.kind)
            flux, error = flux * np.float32(self.factor), error * np.float32(self.factor)
            variance = error**2
        bad = ~(np.isfinite(flux) & np.isfinite(variance) & (error > 0) & (variance > 0))
        flux[bad] = 0
        variance[bad] = 0
        return flux, variance


def open_image(path, band, error_path=None, unit=None, error_is=None, known=()):
    """Open an image and check it.

    Parameters
    ----------
    path : str or Path; the image in SCI, or the first with two axes
    band : Band
    error_path : file with the errors, where ``path`` has no extension ERR or WHT
    unit : str, where the header's BUNIT is missing
    error_is : what the errors are, one of ``image_errors.KINDS``, where it is not seen
    known : names of the model's bands

    Raises
    ------
    InputError
        If a file is missing, damaged, of another band, without WCS, unit or errors, or its sky does
        not scatter as its errors say.
    """
    path = Path(path)
    check_file(path)
    with open_fits(path) as hdus:
        images = _planes(path, hdus)
        hdu = named(images, FLUX_NAMES) or images[0]
        flux, header, primary = FitsBlocks.of(path, hdu), hdu.header.copy(), hdus[0].header.copy()
        error_hdu = named(images, EXTENSIONS)
        if error_hdu is not None:
            error, of_error = FitsBlocks.of(path, error_hdu), (path, error_hdu.name.upper(), ())
        check_band(path, (header, primary), band.name, known)
        if error_path is not None:
            error, of_error = _error_image(Path(error_path))
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
        parsed = _unit(path, header, primary, unit)
        factor = _factor(path, header, primary, band, parsed, area)
        names = (h.get(k) for k in ("OBJECT", "TARGNAME") for h in (header, primary))
        name = str(next(filter(None, names), ""))
    kind = image_errors.kind_of(*of_error, parsed, error_is)
    warning = image_errors.check_noise(flux, error, kind, band.name)
    return Image(path, band.name, wcs, area, factor, flux, error, kind, name, warning)


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
    """The errors, and what tells what they are: file, extension and headers."""
    check_file(path)
    with open_fits(path) as hdus:
        images = _planes(path, hdus)
        hdu = named(images, EXTENSIONS) or images[0]
        headers = [hdu.header.copy(), hdus[0].header.copy()]
        return FitsBlocks.of(path, hdu), (path, hdu.name.upper(), headers)


def _unit(path, header, primary, option):
    """Unit of the image's numbers."""
    text = option or header.get("BUNIT") or primary.get("BUNIT")
    unit = fits_units.parse_unit(text)
    if fits_units.flux_kind(unit) is None and fits_units.is_count_rate(unit) is None:
        raise InputError(
            f"{path}: BUNIT '{text or ''}' is neither counts nor a flux density; correct it, or "
            "use --image-unit, for instance --image-unit electron/s"
        )
    return unit


def _factor(path, header, primary, band, unit, area):
    """From the image's numbers to 1e-20 erg / (s cm2 Å arcsec2)."""
    kind, counts = fits_units.flux_kind(unit), fits_units.is_count_rate(unit)
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
