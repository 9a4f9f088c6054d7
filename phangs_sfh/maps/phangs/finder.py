"""What ``map --phangs DIR GALAXY`` takes: cube, images, errors, the DAP's maps, what is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.files import fits_units
from phangs_sfh.files.paths import PathLike
from phangs_sfh.files.reading import open_fits
from phangs_sfh.maps.input.cube import named
from phangs_sfh.maps.input.image_errors import EXTENSIONS
from phangs_sfh.maps.input.image_header import stated_band
from phangs_sfh.maps.input.sky_maps import BIN_NAMES, VELOCITY_NAMES
from phangs_sfh.maps.phangs import files
from phangs_sfh.maps.phangs.files import RESOLUTIONS, files_of
from phangs_sfh.maps.phangs.galaxies import Galaxy, galaxy
from phangs_sfh.prediction.model_folder import read_description

if TYPE_CHECKING:
    from phangs_sfh.maps.phangs.files import PhangsFile

NONE = "none"
"""Given for a file, it leaves out what was found."""

FIDUCIAL = "fiducial"  # folder of the DAP's maps with the usual templates
PHYSICAL_FWHM = 150.0  # pc, of the cubes that say so


@dataclass
class Found:
    """What a folder has of a galaxy.

    Attributes
    ----------
    galaxy : Galaxy
    arguments : dict, what ``map_cube`` takes but the output
    lines : list of str: what was taken from where, what is missing, what was left out and why
    """

    galaxy: Galaxy
    arguments: dict
    lines: list = field(default_factory=list)

    def __str__(self):
        return "\n".join(self.lines)

    def say(self, what, text):
        self.lines.append(f"  {what:10s} {text}")


def find_phangs(
    folder: PathLike, name: str, *, model: PathLike | None = None, **given: object
) -> Found:
    """Find what there is of a galaxy of PHANGS, by the names of its files, to make maps of it.

    Parameters
    ----------
    folder : everything below it is looked at
    name : one of the 19 galaxies of PHANGS-MUSE, as NGC3627
    model : name or folder; default ``phangs``. Images of bands that it does not know are left out
    given : arguments of ``map_cube``; they go before what is found. 'none' for ``velocity``,
        ``bins``, ``star_mask`` or an image leaves it out

    Returns
    -------
    found : Found; ``found.arguments`` is for ``map_cube``, ``print(found)`` says what was taken

    Raises
    ------
    InputError
        If the galaxy is none of them, nothing of it is there, or several files fit.

    Examples
    --------
    ``DR`` is a folder as PHANGS has it, with NGC 3627's cube, maps and two mosaics:

    >>> import phangs_sfh as ps
    >>> found = ps.find_phangs("DR", "NGC 3627", snr=30)
    >>> sorted(found.arguments["images"]), found.arguments["distance"]
    (['F275W', 'F555W'], 11.32)
    >>> maps = ps.map_cube(output="ngc3627.fits", **found.arguments)
    """
    of, folder = galaxy(name), Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the one that PHANGS' files are below")
    given = {key: value for key, value in given.items() if value not in (None, ())}
    found = Found(of, {}, [f"{of.name} in {folder}:"])
    everything = files_of(folder, of)
    cube = _cube(found, everything)
    images = _images(found, everything, read_description(model)[2].band_names, given)
    if cube is None and not images:
        raise InputError(
            f"{folder}: no cube and no images of {of.name} by PHANGS' names (docs/maps.md)"
        )
    if cube is not None:
        _dap_maps(found, [f for f in everything if f.kind == files.MAPS], cube.resolution, given)
        _star_mask(found, [f for f in everything if f.kind == files.STARS], given)
        if cube.resolution == files.PHYSICAL and "psf" not in given:
            fwhm = np.degrees(PHYSICAL_FWHM / (of.distance * 1e6)) * 3600
            _take(found, given, "psf", round(float(fwhm), 3), f"{fwhm:.2f} arcsec are 150 pc")
    _take(found, given, "redshift", of.redshift, f"{of.redshift:.5f} (Lang et al. 2020)")
    _take(found, given, "distance", of.distance, f"{of.distance:g} Mpc (Anand et al. 2021)")
    _take(found, given, "ebv", of.ebv, f"{of.ebv:g} mag (Schlafly & Finkbeiner 2011)")
    own = {k: None if v == NONE else v for k, v in given.items() if k not in _BY_BAND}
    found.arguments.update(own)
    return found


_BY_BAND = ("images", "image_error")


def _cube(found, everything):
    """The best cube, None if there is none."""
    cubes = [file for file in everything if file.kind == files.CUBE]
    found.arguments["cube"] = None
    if not cubes:
        found.say("missing", "cube")
        return None
    best = min((file.resolution for file in cubes), key=RESOLUTIONS.index)
    cube = _only([file for file in cubes if file.resolution == best], "cubes", "narrow the folder")
    found.arguments["cube"] = str(cube.path)
    found.say("cube", f"{cube.path} ({best})")
    for other in cubes:
        if other is not cube:
            found.say("left out", f"{other.path}: {best} goes first")
    return cube


def _images(found, everything, bands, given):
    """Images and their errors by band, into the arguments."""
    own, own_errors = (dict(given.get(name, ())) for name in _BY_BAND)
    images, errors = {}, {}
    candidates = {}
    for file in everything:
        if file.kind == files.IMAGE:
            band, has_errors = _look_at(file.path)
            candidates.setdefault(band, []).append((file, has_errors))
    for band, several in sorted(candidates.items()):
        if band in own:
            continue
        if band not in bands:
            for file, _ in several:
                found.say("left out", f"{file.path}: {band} is no band of the model")
            continue
        _only([file for file, _ in several], f"images of {band}", f"give --image {band}=FILE")
        (image, has_errors), *_ = several
        error = [f for f in everything if f.kind == files.ERROR and f.goes_with(image)]
        if band in own_errors or has_errors or error:
            images[band] = str(image.path)
            if error and band not in own_errors and not has_errors:
                errors[band] = str(error[0].path)
            found.say(band, f"{image.path}, errors {Path(errors.get(band, image.path)).name}")
        else:
            found.say("left out", f"{image.path}: no error map ..._err_drc_wht.fits beside it")
    images |= {band: path for band, path in own.items() if path != NONE}
    missing = [band for band in bands if band not in images]
    if missing:
        found.say("missing", ", ".join(missing))
    found.arguments.update(images=images, image_error={**errors, **own_errors})
    return images


def _look_at(path):
    """Band of an image, and whether it has its errors in it."""
    with open_fits(path) as hdus:
        images = [hdu for hdu in hdus if hdu.is_image and hdu.header.get("NAXIS", 0) == 2]
        headers = [hdu.header for hdu in (*images[:1], hdus[0])]
        return stated_band(path, headers), named(images, EXTENSIONS) is not None


def _dap_maps(found, maps, resolution, given):
    """Velocities and bins of the DAP's maps of the cube."""
    if {"velocity", "bins"} <= given.keys():
        return
    fitting = [file for file in maps if file.resolution == resolution]
    fitting = [file for file in fitting if FIDUCIAL in file.path.parts] or fitting
    if not fitting:
        found.say("missing", f"maps of the DAP (..._MAPS.fits) of the {resolution} cube")
        return
    path = _only(fitting, "MAPS", "give --velocity FILE and --bins FILE").path
    with open_fits(path) as hdus:
        images = [hdu for hdu in hdus if hdu.is_image and hdu.header.get("NAXIS", 0) == 2]
        velocity, bins = named(images, VELOCITY_NAMES), named(images, BIN_NAMES)
        if velocity is not None and "velocity" not in given:
            _velocity(found, path, velocity, given)
        if bins is not None and not {"bins", "snr"} & given.keys():
            _take(found, given, "bins", str(path), f"{path}, extension {bins.name}")


def _velocity(found, path, hdu, given):
    """Velocities relative to the galaxy, as the DAP has them, or to the Sun."""
    factor = fits_units.velocity_factor(fits_units.parse_unit(hdu.header.get("BUNIT")))
    if factor is None:
        found.say("left out", f"{path}: velocities {hdu.name} have no unit of velocity in BUNIT")
        return
    middle, own = float(np.nanmedian(hdu.data)) * factor, found.galaxy.velocity
    relative = abs(middle) < abs(middle - own)
    if not relative:
        found.arguments["redshift"] = None  # it is in the velocities
    to = f"{own:g} km/s" if relative else "the Sun"
    _take(found, given, "velocity", str(path), f"{path}, {hdu.name} relative to {to}")


def _star_mask(found, masks, given):
    if len(masks) == 1:
        _take(found, given, "star_mask", str(masks[0].path), str(masks[0].path))
    elif "star_mask" not in given:
        for mask in masks:
            found.say("left out", f"{mask.path}: one of {len(masks)} star masks")
        if not masks:
            found.say("missing", "star mask")


def _take(found, given, name, value, text):
    """Take what was found unless the user gave something, or it is decided already."""
    if name not in given and name not in found.arguments:
        found.arguments[name] = value
        found.say(name.replace("_", " "), text)


def _only(several: Iterable[PhangsFile], what: str, remedy: str) -> PhangsFile:
    """The one file; raises InputError if there are more."""
    one, *more = several
    if more:
        raise InputError(f"{one.path}: {more[0].path} is another of the {what} that fit; {remedy}")
    return one
