"""What is asked of ``map``: cube, images, bins and velocities opened and checked together."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.files.paths import check_apart
from phangs_sfh.instrument.constants import SPEED_OF_LIGHT
from phangs_sfh.maps.input.cube import Cube, check_file, open_cube
from phangs_sfh.maps.input.cube_psf import MAX_FWHM, MIN_FWHM
from phangs_sfh.maps.input.images import image_cards, open_images
from phangs_sfh.maps.input.sky_maps import read_bins, read_star_mask, read_velocities
from phangs_sfh.maps.mapper import Field
from phangs_sfh.maps.output import MapFile, check_map_output, extensions
from phangs_sfh.maps.unfinished import Work, file_identity, folder_identity
from phangs_sfh.observations import rest_frame
from phangs_sfh.prediction.results import result_meta
from phangs_sfh.problems.histories import LABELS
from phangs_sfh.problems.labels import Labels

FIGURES = (".png", ".pdf")
IMAGE_FWHM = 0.08
"""FWHM of HST's PSF in the bands of PHANGS [arcsec], where nothing else is said."""

LIMITS = {
    "snr": (0.0, 1e6, "S/N per pixel"),
    "bin_covariance": (0.0, 100.0, "a number"),
    "ebv": (0.0, 5.0, "mag"),
    "distance": (1e-3, 1000.0, "Mpc"),
    "psf": (MIN_FWHM, MAX_FWHM, "arcsec"),
    "image_psf": (0.0, MAX_FWHM, "arcsec"),
}
"""What numbers may be, in which unit. Wider PSFs would take kernels of thousands of pixels."""

UNIT = "1e-20 erg / (s cm2 Angstrom)"


@dataclass(frozen=True)
class Options:
    """All that a user may say besides the cube; the names are those of the command's options.

    Attributes
    ----------
    images, image_error : pairs of band name and path
    redshift : float or None
    velocity, bins, star_mask : path or None
    snr : float or None, target of the built-in binning
    bin_covariance, ebv : see ``Field``
    distance : [Mpc] or None
    psf : FWHM [arcsec] of the cube, or that images alone are brought to; None: the header's, or
        the widest of the images
    image_psf : pairs of band name (None = all) and FWHM [arcsec]
    grid : band whose image gives the pixels where there is no cube; None: the first
    image_error_is : 'standard deviation', 'variance' or 'inverse variance', of all error images;
        None: as their names and headers say
    unit, image_unit, wavemed : where headers do not say
    """

    images: tuple = ()
    image_error: tuple = ()
    redshift: float | None = None
    velocity: str | None = None
    bins: str | None = None
    star_mask: str | None = None
    snr: float | None = None
    bin_covariance: float = 0.0
    ebv: float = 0.0
    distance: float | None = None
    psf: float | None = None
    image_psf: tuple = ()
    grid: str | None = None
    image_error_is: str | None = None
    unit: str | None = None
    image_unit: str | None = None
    wavemed: str | None = None

    def image_fwhm(self, band):
        """FWHM of a band's image [arcsec]: its own, else that for all, else HST's."""
        given = dict(self.image_psf)
        return given.get(band, given.get(None, IMAGE_FWHM))

    def files(self, cube):
        """Paths of all inputs."""
        named = [cube, self.velocity, self.bins, self.star_mask]
        return [p for p in named if p] + [p for _, p in (*self.images, *self.image_error)]


@dataclass(frozen=True)
class Request:
    """A field to be mapped with all that goes with it.

    Attributes
    ----------
    cube : Cube, None for images alone
    field : Field
    shape : (ny, nx)
    wcs : celestial WCS or None
    unit : str, of the white light
    cards : dict, provenance for the primary header
    identity : JSON-able, all that the maps depend on
    warnings : list of str
    band : str, of images alone the one that gives the pixels, else None
    labels : Labels of the model
    """

    cube: Cube | None
    field: Field
    shape: tuple
    wcs: object
    unit: str
    cards: dict
    identity: dict = field(default_factory=dict)
    warnings: list = field(default_factory=list)
    band: str | None = None
    labels: Labels = LABELS

    def work(self, path, part=None):
        """The work folder of a map file, to be entered first."""
        return Work(path, {**self.identity, "part": part})

    @property
    def layout(self):
        """All extensions of the maps (list of Extension)."""
        return extensions(
            self.unit, self.field.bins is not None, self.field.spaxel_area is not None,
            self.field.area_pc2 is not None, self.band, self.labels,
        )  # fmt: skip

    def output(self, path, overwrite=False, work=None, part=None):
        """The map file, to be entered."""
        return MapFile(path, self.shape, self.layout, self.wcs, self.cards, overwrite, work,
                       part is not None)  # fmt: skip


def check_request(cube, output, plot=None, overwrite=False, options=Options()):
    """Raise InputError for what can be refused before the model is loaded."""
    check_map_output(output, overwrite)
    if cube is None and not options.images:
        raise InputError("neither CUBE nor --image is given; give one of them")
    source = cube or options.images[0][1]
    files = options.files(cube)
    for path in files:
        check_file(Path(path))
    check_apart(output, *files)
    for name, pairs in (("image", options.images), ("image-error", options.image_error)):
        bands = [band for band, _ in pairs]
        for band in bands:
            if bands.count(band) > 1:
                raise InputError(f"--{name} {band}: is given twice; give one file per band")
    _check_redshift(source, options)
    if options.bins and options.snr:
        raise InputError(f"{options.bins}: --bins and --snr exclude each other; give one of them")
    if options.grid and cube is not None:
        raise InputError(f"{cube}: maps are on the cube's spaxels; leave --grid out")
    _check_numbers(options)
    check_plot(plot, overwrite, (output, *files))


def check_plot(plot, overwrite=False, others=()):
    """Raise InputError unless a figure, if any, can be written and is none of the ``others``."""
    if plot is None:
        return
    check_apart(plot, *others)
    plot = Path(plot)
    if plot.suffix.lower() not in FIGURES:
        raise InputError(f"{plot}: the figure's name must end in .png or .pdf")
    if plot.exists() and not overwrite:
        raise InputError(f"{plot}: figure exists; use --overwrite to replace it")
    if not plot.parent.is_dir():
        raise InputError(f"{plot}: its folder does not exist; create {plot.parent} first")


def check_independent(options, how):
    """Raise InputError for maps whose rows cannot be shared out; ``how``: the option asked for."""
    if options.bins or options.snr:
        binned = "--bins" if options.bins else "--snr"
        raise InputError(
            f"{how}: bins need the sums over all rows, so {binned} runs on one machine; leave out "
            f"{how} or {binned}"
        )


def _check_numbers(options):
    """Raise InputError for numbers that are none or make no sense, NaN included."""
    for name, (low, high, unit) in LIMITS.items():
        given = getattr(options, name)
        for value in (fwhm for _, fwhm in given) if name == "image_psf" else (given,):
            if value is not None and not low <= value <= high:
                raise InputError(
                    f"--{name.replace('_', '-')} {value:g}: must be between {low:g} and {high:g}; "
                    f"give {unit}"
                )


def _check_redshift(source, options):
    redshift = options.redshift
    if redshift is None and options.velocity is None:
        raise InputError(f"{source}: the redshift is missing; use --redshift or --velocity")
    if redshift is not None and not rest_frame.valid_redshift(redshift):
        raise InputError(
            f"{source}: --redshift {redshift:g} is out of range; give z between "
            f"{rest_frame.MIN_REDSHIFT:g} and {rest_frame.MAX_REDSHIFT:g}, not a velocity"
        )


def open_request(cube, model, **options):
    """Open everything.

    Parameters
    ----------
    cube : path, None for images alone
    model : prediction.model.Model
    options : those of ``Options``

    Raises
    ------
    InputError
        If anything cannot be used.
    """
    given = Options(**options)
    identity = {
        "cube": cube and str(cube), "options": given.__dict__, "model": folder_identity(model.path),
        "files": [file_identity(path) for path in given.files(cube)],
        "creator": result_meta(model.info)["CREATOR"],
        "assumed": model.assumption,
    }  # fmt: skip
    opened = open_cube(cube, given.unit, given.wavemed) if cube else None
    warnings, band = [], None
    images, matched = open_images(opened, model.instrument, given, warnings)
    if opened is None:
        band = _grid_band(images, given)
        grid = images[band]
        shape, wcs, area, unit = grid.shape, grid.wcs, grid.pixel_area, UNIT
    else:
        shape, wcs, area = opened.shape, opened.wcs, _spaxel_area(opened)
        unit = UNIT if opened.kind == "flux density" else UNIT.replace(")", " arcsec2)")
    z = _redshifts(shape, wcs, given)
    middle = float(np.nanmedian(z))
    _check_bands(cube, images, middle, warnings)
    field = Field(
        redshift=z, bands=_bands(images, matched[0], model.instrument, wcs, shape, area, given),
        ebv=given.ebv, covariance=given.bin_covariance, spaxel_area=area,
        area_pc2=_area_pc2(given.distance, wcs),
        light_band=_index(model.instrument, band) if band else 0,
    )  # fmt: skip
    field = _with_bins(field, opened, model.instrument, shape, wcs, given)
    if given.distance and field.area_pc2 is None:
        warnings.append(f"{cube}: has no celestial WCS: --distance cannot be used")
    cards = _cards(opened, images, matched, middle, field, model, given)
    return Request(opened, field, shape, wcs, unit, cards, identity, warnings, band, model.labels)


def _grid_band(images, options):
    """Name of the band whose image gives the pixels."""
    first = next(iter(images), None)
    if options.grid and options.grid not in images:
        raise InputError(f"--grid {options.grid}: no --image of this band; name one that is given")
    return options.grid or first


def _index(instrument, band):
    return instrument.band_names.index(band)


def _check_bands(cube, images, redshift, warnings):
    if images and redshift > rest_frame.BAND_MAX_REDSHIFT:
        limit = rest_frame.BAND_MAX_REDSHIFT
        path = next(iter(images.values())).path
        if cube is None:
            raise InputError(
                f"{path}: at z > {limit} images alone cannot be answered, the model knows bands at "
                "rest; check --redshift"
            )
        warnings.append(f"{cube}: at z > {limit}: images not used")


def _redshifts(shape, wcs, options):
    """One redshift, or a map of them, NaN = unknown, or a star is there: not to be answered."""
    base = 0.0 if options.redshift is None else options.redshift
    if not options.velocity and not options.star_mask:
        return base
    z = np.full(shape, base)
    if options.velocity:
        velocities = read_velocities(options.velocity, shape, wcs)
        z = (1 + base) * (1 + velocities / SPEED_OF_LIGHT) - 1
    z[~rest_frame.valid_redshift(z)] = np.nan
    if options.star_mask:
        z[read_star_mask(options.star_mask, shape, wcs)] = np.nan
    if not np.isfinite(z).any():
        raise InputError(
            f"{options.velocity or options.star_mask}: no spaxel without a star has a valid "
            "redshift; check BUNIT, --redshift and --star-mask"
        )
    return z


def _spaxel_area(cube):
    """What turns a surface brightness per arcsec2 into the cube's unit; None without a WCS."""
    from astropy.wcs.utils import proj_plane_pixel_area

    if cube.kind == "surface brightness":
        return 1.0
    return None if cube.wcs is None else proj_plane_pixel_area(cube.wcs) * 3600.0**2


def _area_pc2(distance, wcs):
    """Area of a spaxel [pc2] at a distance [Mpc]; None if unknown."""
    from astropy.wcs.utils import proj_plane_pixel_area

    if distance is None or wcs is None:
        return None
    return float(proj_plane_pixel_area(wcs) * np.radians(1.0) ** 2 * (distance * 1e6) ** 2)


def _bands(images, fwhm, instrument, wcs, shape, area, options):
    from phangs_sfh.maps.input.bands import MatchedBands
    from phangs_sfh.maps.input.image_matching import kernel_sigma

    if not images:
        return None
    parts = [
        (_index(instrument, name), image, kernel_sigma(image, fwhm, options.image_fwhm(name)))
        for name, image in images.items()
    ]
    return MatchedBands(parts, instrument.n_bands, wcs, shape, area)


def _with_bins(field, cube, instrument, shape, wcs, options):
    """The field with bins, given or made; spaxels without a redshift are in none."""
    unknown = ~np.isfinite(np.broadcast_to(field.redshift, shape))
    if options.bins:
        numbered, numbers = read_bins(options.bins, shape, wcs)
        numbered[unknown] = -1
        return replace(field, bins=numbered, n_bins=len(numbers))
    if not options.snr:
        return field
    from phangs_sfh.maps.bin_bisection import bins_of_target
    from phangs_sfh.maps.input.cube_spectra import CubeSpectra, NoSpectra

    if cube is not None:
        spectra = CubeSpectra(cube, field.redshift, instrument, field.ebv)
        signal, noise = spectra.signal_and_noise()
    else:
        blocks = [field.bands.rows(rows) for rows in NoSpectra(shape).blocks()]
        signal, noise = (
            np.concatenate([block[of][field.light_band] for block in blocks]) for of in (0, 1)
        )
    noise = np.where(unknown, np.nan, noise)
    numbered = bins_of_target(signal, noise, options.snr, options.bin_covariance)
    return replace(field, bins=numbered, n_bins=int(numbered.max()) + 1)


def _cards(cube, images, matched, redshift, field, model, options):
    """Provenance for the primary header."""
    first = next(iter(images.values()), None)
    cards = {
        **result_meta(model.asked_info),
        "DATE": (datetime.now(timezone.utc).isoformat(timespec="seconds"), "UTC"),
        "CUBE": cube.path.name if cube else "",
        "OBJECT": cube.primary.get("OBJECT", "") if cube else first.object_name,
        "REDSHIFT": (redshift, "median" if options.velocity else "of all spaxels"),
        "VELMAP": Path(options.velocity).name if options.velocity else "",
        "STARMASK": Path(options.star_mask).name if options.star_mask else "",
        "BINMAP": Path(options.bins).name if options.bins else "",
        "BINSNR": (options.snr or 0.0, "target S/N of the bins, 0 = none"),
        "NBINS": field.n_bins,
        "BINCOV": (options.bin_covariance, "alpha of 1 + alpha log10(n) on bin errors"),
        "EBV": (options.ebv, "[mag] of the Milky Way, removed (F99)"),
        "CUBEPSF": (matched[0] or 0.0, "[arcsec] FWHM images are brought to, 0 = none"),
        "PSFFROM": (matched[1], "where CUBEPSF comes from"),
        "DISTANCE": (options.distance or 0.0, "[Mpc], 0 = not given"),
    }
    return cards | image_cards(images, options)
