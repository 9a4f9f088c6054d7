"""What is asked of ``map``: cube, images, bins and velocities opened and checked together."""

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from phangs_sfh import rest_frame
from phangs_sfh.cube_input import Cube, check_file, open_cube
from phangs_sfh.cubes import SPEED_OF_LIGHT, Field
from phangs_sfh.errors import InputError
from phangs_sfh.map_output import MapFile, extensions
from phangs_sfh.results import result_meta
from phangs_sfh.sky_maps import read_bins, read_velocities

FIGURES = (".png", ".pdf")


@dataclass(frozen=True)
class Request:
    """A cube with all that goes with it.

    Attributes
    ----------
    cube : Cube
    field : Field
    cards : dict, provenance for the primary header
    warnings : list of str
    density : bool, surface densities can be given
    """

    cube: Cube
    field: Field
    cards: dict
    warnings: list
    density: bool = False

    def output(self, path, overwrite=False):
        """The map file, to be entered."""
        unit = "1e-20 erg / (s cm2 Angstrom)"
        if self.cube.kind == "surface brightness":
            unit = "1e-20 erg / (s cm2 Angstrom arcsec2)"
        layout = extensions(unit, self.field.bins is not None, self.density)
        return MapFile(path, self.cube.shape, layout, self.cube.wcs, self.cards, overwrite)


def check_request(cube, plot, overwrite, *, images, image_error, redshift, velocity, **_):
    """Raise InputError for what can be refused before the model is loaded."""
    check_file(Path(cube))
    for _, path in (*images, *image_error):
        check_file(Path(path))
    if redshift is None and velocity is None:
        raise InputError(f"{cube}: the redshift is missing; use --redshift or --velocity")
    if redshift is not None and not rest_frame.valid_redshift(redshift):
        raise InputError(
            f"{cube}: --redshift {redshift:g} is out of range; give z between "
            f"{rest_frame.MIN_REDSHIFT:g} and {rest_frame.MAX_REDSHIFT:g}, not a velocity"
        )
    if plot is None:
        return
    plot = Path(plot)
    if plot.suffix.lower() not in FIGURES:
        raise InputError(f"{plot}: the figure's name must end in .png or .pdf")
    if plot.exists() and not overwrite:
        raise InputError(f"{plot}: figure exists; use --overwrite to replace it")
    if not plot.parent.is_dir():
        raise InputError(f"{plot}: its folder does not exist; create {plot.parent} first")


def open_request(
    cube, model, *, images=(), image_error=(), redshift=None, velocity=None, bins=None,
    bin_covariance=0.0, ebv=0.0, psf=None, image_psf=0.0, unit=None, image_unit=None, wavemed=None,
):  # fmt: skip
    """Open everything.

    Parameters
    ----------
    cube : path
    model : prediction.Model
    images, image_error : pairs of band name and path
    redshift : float or None
    velocity, bins : path or None
    bin_covariance, ebv : see ``Field``
    psf, image_psf : FWHM [arcsec]; images are matched to the cube where ``psf`` is given
    unit, image_unit, wavemed : where headers do not say

    Raises
    ------
    InputError
        If anything cannot be used.
    """
    opened = open_cube(cube, unit, wavemed)
    warnings = []
    z = _redshifts(opened.shape, redshift, velocity)
    if images and np.nanmedian(z) > rest_frame.BAND_MAX_REDSHIFT:
        warnings.append(f"{cube}: at z > {rest_frame.BAND_MAX_REDSHIFT}: images not used")
    if images and psf is None:
        warnings.append(f"{cube}: --psf is not given: images are not matched to the cube's PSF")
    numbered, numbers = read_bins(bins, opened.shape) if bins else (None, ())
    bands = _bands(opened, model.instrument, images, image_error, image_unit, psf, image_psf)
    field = Field(
        redshift=z, bands=bands, bins=numbered, n_bins=len(numbers), ebv=ebv,
        covariance=bin_covariance, spaxel_area=_spaxel_area(opened),
    )  # fmt: skip
    cards = {
        **result_meta(model.info),
        "DATE": (datetime.now(timezone.utc).isoformat(timespec="seconds"), "UTC"),
        "CUBE": opened.path.name,
        "OBJECT": opened.primary.get("OBJECT", ""),
        "REDSHIFT": (float(np.nanmedian(z)), "median" if velocity else "of all spaxels"),
        "VELMAP": Path(velocity).name if velocity else "",
        "BINMAP": Path(bins).name if bins else "",
        "BINCOV": (bin_covariance, "alpha of 1 + alpha log10(n) on bin errors"),
        "EBV": (ebv, "[mag] of the Milky Way, removed (F99)"),
        "CUBEPSF": (psf or 0.0, "[arcsec] FWHM, 0 = images not matched"),
        "IMAGEPSF": (image_psf if images else 0.0, "[arcsec] FWHM"),
    }
    cards.update({band: (Path(path).name, "image") for band, path in images})
    density = model.instrument.luminosity_band in dict(images) and opened.wcs is not None
    return Request(opened, field, cards, warnings, density)


def _redshifts(shape, redshift, velocity):
    z = np.full(shape, 0.0 if redshift is None else redshift)
    if velocity:
        z = (1 + z) * (1 + read_velocities(velocity, shape) / SPEED_OF_LIGHT) - 1
        z[~rest_frame.valid_redshift(z)] = np.nan
        if not np.isfinite(z).any():
            raise InputError(
                f"{velocity}: no spaxel has a valid redshift; check BUNIT and --redshift"
            )
    return z


def _spaxel_area(cube):
    """What turns a surface brightness per arcsec2 into the cube's unit; None without a WCS."""
    from astropy.wcs.utils import proj_plane_pixel_area

    if cube.kind == "surface brightness":
        return 1.0
    return None if cube.wcs is None else proj_plane_pixel_area(cube.wcs) * 3600.0**2


def _bands(cube, instrument, images, image_error, unit, psf, image_psf):
    """Band fluxes and errors on the cube's spaxels, (n_bands, ny, nx) float32 each, or None."""
    from phangs_sfh.image_input import open_image
    from phangs_sfh.image_matching import match_image

    if not images:
        return None
    if cube.wcs is None:
        raise InputError(f"{cube.path}: has no celestial WCS to put images on; add it to DATA")
    area = _spaxel_area(cube)
    errors, names = dict(image_error), instrument.band_names
    shape = (len(names), *cube.shape)
    flux, error = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for name, path in images:
        if name not in names:
            raise InputError(f"{path}: the model has no band '{name}'; it knows {', '.join(names)}")
        index = names.index(name)
        image = open_image(path, instrument.bands[index], errors.get(name), unit)
        flux[index], error[index] = match_image(image, cube.wcs, cube.shape, area, psf, image_psf)
    return flux, error
