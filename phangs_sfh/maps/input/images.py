"""The images of a request: opened, and the PSF that they are brought to."""

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.maps.input.cube_psf import header_psf
from phangs_sfh.maps.input.image import open_image


def open_images(cube, instrument, options, warnings):
    """Open the images of a request.

    Parameters
    ----------
    cube : Cube or None
    instrument : Instrument, of the model
    options : Options of the request
    warnings : list of str, added to

    Returns
    -------
    images : dict of Image by band
    matched : FWHM that they are brought to [arcsec], None for as they are, and where it is from

    Raises
    ------
    InputError
        If an image cannot be used, or the cube has no WCS to put it on.
    """
    errors, names, images = dict(options.image_error), instrument.band_names, {}
    for name, path in options.images:
        if name not in names:
            raise InputError(f"{path}: the model has no band '{name}'; it knows {', '.join(names)}")
        band = instrument.bands[names.index(name)]
        images[name] = open_image(
            path, band, errors.get(name), options.image_unit, options.image_error_is, names
        )
        warnings += filter(None, [images[name].warning])
    if not images:
        return images, (None, "")
    if cube is not None and cube.wcs is None:
        raise InputError(f"{cube.path}: has no celestial WCS to put images on; add it to DATA")
    if options.psf is not None:
        return images, (options.psf, "--psf")
    widest = max(options.image_fwhm(name) for name in images)
    if cube is None:
        return images, (widest, "the widest of the images")
    headers = [cube.primary, cube.header]
    fwhm, source, exact = header_psf(cube.path.name, headers, float(np.median(cube.wave)))
    if fwhm is None:
        warnings.append(
            f"{cube.path}: no header keyword tells the PSF and --psf is not given: images are not "
            "matched to it"
        )
    elif fwhm < widest:
        warnings.append(
            f"{cube.path}: PSF {fwhm:.2f} arcsec ({source}) is narrower than the images': images "
            "are not matched; give --psf"
        )
        fwhm = None
    elif not exact:
        warnings.append(
            f"{cube.path}: PSF taken from {source}, the seeing of one exposure: {fwhm:.2f} arcsec; "
            "give --psf if you know better"
        )
    return images, (fwhm, source if fwhm else "")


def image_cards(images, options):
    """What the maps' header says of the images (dict)."""
    cards = {}
    for band in images:
        cards[_keyword(band)] = (images[band].path.name, "image")
        cards[_keyword(f"PSF{band}")] = (options.image_fwhm(band), "[arcsec] FWHM")
        cards[_keyword(f"ERR{band}")] = (str(images[band].error_kind), "errors, and how known")
    return cards


def _keyword(name):
    """FITS keyword; more than 8 letters need ESO's HIERARCH."""
    return name if len(name) <= 8 else f"HIERARCH {name}"
