"""The door for data cubes: MUSE pipeline, PHANGS-MUSE mosaics, mpdaf, plain FITS; read by blocks.

Flux in the extension DATA (or SCI, FLUX, or the first image with three axes), its uncertainty in
STAT (variance, in the square of the flux's unit whatever its BUNIT says, as mpdaf has it; or VAR,
VARIANCE; ERR, ERROR, UNCERT: standard deviation; IVAR: inverse variance), bad pixels in DQ or MASK
(not zero = bad). NaN is no data.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from phangs_sfh.errors import InputError
from phangs_sfh.files import fits_units
from phangs_sfh.files.fits_blocks import FitsBlocks
from phangs_sfh.files.reading import header_number, open_fits, quiet

FLUX_NAMES = ("DATA", "SCI", "FLUX")
VARIANCE, DEVIATION, INVERSE = "variance", "standard deviation", "inverse variance"
ERROR_NAMES = {
    "STAT": VARIANCE, "VAR": VARIANCE, "VARIANCE": VARIANCE, "ERR": DEVIATION, "ERROR": DEVIATION,
    "STDDEV": DEVIATION, "UNCERT": DEVIATION, "UNCERTAINTY": DEVIATION, "IVAR": INVERSE,
}  # fmt: skip
MASK_NAMES = ("DQ", "MASK")
MIN_ANGSTROM, MAX_ANGSTROM = 1500.0, 30000.0


@dataclass(frozen=True)
class Cube:
    """A cube that is open for reading by blocks of image rows.

    Attributes
    ----------
    path : Path
    wave : (n_channels,) array [Å], observed, ascending
    vacuum : bool
    kind : 'flux density' (per spaxel) or 'surface brightness'
    unit : str, the flux's in the file
    factor : (n_channels,) array, to 1e-20 erg / (s cm2 Å) [/ arcsec2]
    wcs : astropy celestial WCS, None if the file has none
    primary, header : astropy Headers of the file's first HDU and of the flux
    flux, error, mask : FitsBlocks; mask may be None
    error_kind : what ``error`` holds
    """

    path: Path
    wave: np.ndarray
    vacuum: bool
    kind: str
    unit: str
    factor: np.ndarray
    wcs: WCS | None
    primary: fits.Header
    flux: FitsBlocks
    error: FitsBlocks
    mask: FitsBlocks | None
    error_kind: str
    header: fits.Header

    @property
    def shape(self):
        """(ny, nx)"""
        return self.flux.shape[1:]

    def read(self, channels, rows):
        """Flux and variance of some channels and rows of the image.

        Parameters
        ----------
        channels, rows : slices with start and stop

        Returns
        -------
        flux, variance : (n_channels, n_rows * nx) float32 arrays in 1e-20 erg / (s cm2 Å) [/
            arcsec2] and its square; both 0 where missing
        """
        factor = self.factor[channels].astype(np.float32)[:, None]
        with np.errstate(all="ignore"):
            flux = self.flux.read(channels, rows)
            flux *= factor
            variance = self.error.read(channels, rows)
            if self.error_kind == INVERSE:
                variance = np.float32(1) / variance
            variance *= factor  # not factor**2, which may overflow
            variance *= variance if self.error_kind == DEVIATION else factor
            bad = ~(np.isfinite(flux) & np.isfinite(variance) & (variance > 0))
        if self.mask is not None:
            bad |= self.mask.read(channels, rows) != 0
        flux[bad] = 0
        variance[bad] = 0
        return flux, variance


def open_cube(path, unit=None, wavemed=None):
    """Open a cube and check it.

    Parameters
    ----------
    path : str or Path
    unit : str, of the flux where the header has none
    wavemed : 'air' or 'vacuum', where the header does not say

    Raises
    ------
    InputError
        If the file is missing, compressed, truncated or no cube, has no uncertainty, or its units
        or wavelengths are unknown.
    """
    path = Path(path)
    check_file(path)
    with open_fits(path) as hdus:
        images = [hdu for hdu in hdus if hdu.is_image and hdu.header.get("NAXIS", 0) == 3]
        if not images:
            sizes = [f"{h.header['NAXIS']}-D" for h in hdus if h.is_image and h.header["NAXIS"]]
            raise InputError(
                f"{path}: holds no image with three axes (found: {', '.join(sizes) or 'none'}); "
                "give a cube with axes wavelength, y, x"
            )
        for hdu in images:
            FitsBlocks.of(path, hdu)  # truncated?
        flux_hdu = named(images, FLUX_NAMES) or images[0]
        error_hdu = named(images, ERROR_NAMES)
        if error_hdu is None:
            raise InputError(
                f"{path}: extension STAT is missing; add the variances as STAT "
                "(or standard deviations as ERR): without errors there are no error bars"
            )
        mask_hdu = named(images, MASK_NAMES)
        flux, error = FitsBlocks.of(path, flux_hdu), FitsBlocks.of(path, error_hdu)
        mask = FitsBlocks.of(path, mask_hdu) if mask_hdu is not None else None
        for other in (error, mask):
            if other is not None and other.shape != flux.shape:
                raise InputError(
                    f"{path}: extension '{other.name}' has shape {other.shape}, "
                    f"'{flux.name}' {flux.shape}; write them of one shape"
                )
        header, primary = flux_hdu.header.copy(), hdus[0].header.copy()
        wave, vacuum = _wavelengths(path, header, wavemed)
        text, parsed = _flux_unit(path, flux.name, header, primary, unit)
        return Cube(
            path=path, wave=wave, vacuum=vacuum, kind=fits_units.flux_kind(parsed), unit=text,
            factor=fits_units.f_lambda_factor(parsed, wave), wcs=celestial(header),
            primary=primary, flux=flux, error=error, mask=mask,
            error_kind=ERROR_NAMES[error_hdu.name.upper()], header=header,
        )  # fmt: skip


def check_file(path):
    """Raise InputError unless ``path`` is an uncompressed FITS file."""
    if not path.exists():
        raise InputError(f"{path}: no such file; give an existing FITS file")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give a FITS file in it")
    with open(path, "rb") as file:
        start = file.read(9)
    if start.startswith((b"\x1f\x8b", b"BZh", b"PK")):
        raise InputError(f"{path}: is compressed and cannot be read by blocks; decompress it first")
    if start != b"SIMPLE  =":
        raise InputError(f"{path}: is not a FITS file; give a FITS file")


def named(hdus, names):
    for name in names:
        for hdu in hdus:
            if hdu.name.upper() == name:
                return hdu
    return None


def celestial(header):
    """Celestial WCS of an image or cube, None if it has none."""
    with quiet():
        try:
            wcs = WCS(header)
        except Exception:  # wcslib's errors have many classes
            return None
        return wcs.celestial if wcs.has_celestial else None


def _flux_unit(path, name, header, primary, option):
    text = option or header.get("BUNIT") or primary.get("BUNIT")
    if not text:
        raise InputError(
            f"{path}: extension '{name}': BUNIT is missing; set it, or use --unit, for instance "
            "--unit '1e-20 erg / (s cm2 Angstrom)'"
        )
    unit = fits_units.parse_unit(text)
    if fits_units.flux_kind(unit) is None:
        raise InputError(
            f"{path}: extension '{name}': BUNIT '{text}' is not a flux density; correct it, or "
            "use --unit, for instance --unit '1e-20 erg / (s cm2 Angstrom)'"
        )
    return str(text), unit


def _wavelengths(path, header, wavemed):
    """Observed wavelengths [Å] and whether they are in vacuum."""
    ctype = str(header.get("CTYPE3", "")).upper().strip()
    kind = ctype.split("-")[0]
    if kind not in ("AWAV", "WAVE", "LAMBDA", "WAVELENGTH", "LINEAR", ""):
        raise InputError(
            f"{path}: CTYPE3 '{ctype}' is not a wavelength; resample the cube to wavelengths (AWAV)"
        )
    stated = "air" if kind == "AWAV" else None
    if stated and wavemed and wavemed != stated:
        raise InputError(
            f"{path}: CTYPE3 is 'AWAV' (air) but --wavemed says '{wavemed}'; correct one of them"
        )
    if not stated and not wavemed:
        raise InputError(
            f"{path}: CTYPE3 is '{ctype}', which stands in air and in vacuum cubes; "
            "say which with --wavemed"
        )
    wave = _spectral_axis(path, header, ctype)
    middle = float(np.median(wave))
    if not MIN_ANGSTROM < middle < MAX_ANGSTROM or not (np.diff(wave) > 0).all():
        unit = header.get("CUNIT3", "")
        raise InputError(
            f"{path}: wavelengths around {middle:g} Angstrom do not make sense (CUNIT3 is "
            f"'{unit}'); correct CUNIT3, CRVAL3 and CD3_3"
        )
    return wave, (stated or wavemed) == "vacuum"


def _spectral_axis(path, header, ctype):
    n = header["NAXIS3"]
    if n < 2:
        raise InputError(
            f"{path}: has one channel; give a cube of spectra, or the image with --image"
        )
    unit = fits_units.parse_unit(header.get("CUNIT3"))
    if unit is None or unit.physical_type != "length":
        raise InputError(
            f"{path}: CUNIT3 is '{header.get('CUNIT3', '')}', the wavelengths' unit is unknown; "
            "set it, for instance to Angstrom"
        )
    axis = fits.Header()
    axis["NAXIS"], axis["NAXIS1"] = 1, n
    axis["CTYPE1"] = ctype if ctype.startswith(("AWAV", "WAVE-")) else "WAVE"
    axis["CUNIT1"] = "m"
    scale = unit.to("m")

    def number(keyword, default):
        return header_number(path, header, keyword, default)

    step = number("CDELT3", 1.0) * number("PC3_3", 1.0)
    axis["CRPIX1"] = number("CRPIX3", 1.0)
    axis["CRVAL1"] = number("CRVAL3", 0.0) * scale
    axis["CDELT1"] = number("CD3_3", step) * scale
    with quiet():
        try:
            return WCS(axis).wcs_pix2world(np.arange(n), 0)[0] * 1e10
        except Exception as error:  # wcslib's errors have many classes
            reason = " ".join(str(error).split())[:100]
            raise InputError(
                f"{path}: the spectral WCS cannot be used ({reason}); correct CTYPE3 to CD3_3"
            ) from None
