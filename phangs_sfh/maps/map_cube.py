"""A cube, images or both in, a FITS file of maps out: all of it in one call."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phangs_sfh.errors import InputError, InputWarning
from phangs_sfh.files.paths import PathLike
from phangs_sfh.files.tables import check_output, write_table
from phangs_sfh.machines.dask_cluster import dask_client
from phangs_sfh.maps import on_dask, shares
from phangs_sfh.maps.mapper import Mapper
from phangs_sfh.maps.request import Options, check_independent, check_request, open_request
from phangs_sfh.maps.table import map_table
from phangs_sfh.prediction.model import as_model
from phangs_sfh.prediction.predict import N_DRAWS
from phangs_sfh.progress import counted

if TYPE_CHECKING:
    from phangs_sfh.prediction.model import Model
    from phangs_sfh.progress import Progress


@dataclass(frozen=True)
class Maps:
    """A file of maps that was written. ``maps["AV_P50"]`` is one of them.

    Attributes
    ----------
    path : Path
    spaxels : int, all there are
    answered, of : int, spaxels or bins that were answered, and all of them
    what : 'spaxels' or 'bins'
    seconds : float, that answering took; None for a file joined from parts
    """

    path: Path
    spaxels: int
    answered: int
    of: int
    what: str = "spaxels"
    seconds: float | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        """Values of an extension, (ny, nx), or (16, ny, nx) of ``SFH_...`` and ``MH_...``."""
        from astropy.io import fits

        return fits.getdata(self.path, name)


def map_cube(
    cube: PathLike | None,
    output: PathLike,
    *,
    redshift: float | None = None,
    images: Mapping[str, PathLike] | Iterable[tuple] = (),
    image_error: Mapping[str, PathLike] | Iterable[tuple] = (),
    model: Model | PathLike | None = None,
    snr: float | None = None,
    bins: PathLike | None = None,
    star_mask: PathLike | None = None,
    bin_covariance: float = 0.0,
    velocity: PathLike | None = None,
    ebv: float | None = None,
    distance: float | None = None,
    psf: float | None = None,
    image_psf: float | Mapping[str, float] | Iterable[tuple] = (),
    grid: str | None = None,
    image_error_is: str | None = None,
    unit: str | None = None,
    image_unit: str | None = None,
    wavemed: str | None = None,
    table: PathLike | None = None,
    samples: int = 0,
    part: tuple[int, int] | None = None,
    dask: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Maps | None:
    """Maps of ages, metallicities and star formation histories, with error bars, of a cube.

    A run that was killed goes on where it was when it is called again in the same way.

    Parameters
    ----------
    cube : MUSE cube with extensions DATA and STAT, or another FITS cube with errors. None: the maps
        are of the images alone, on the pixels of the first
    output : file to write, .fits
    redshift : of the galaxy
    images, image_error : files by band, ``{"F275W": "f275w.fits"}``, and of their errors where
        these are in files of their own
    model : name, folder or loaded; default ``phangs``
    snr : make bins of this S/N per pixel of 1.25 Angstrom (bisection of the field)
    bins : file of bin numbers (ny, nx), negative = none
    star_mask : file (ny, nx) that is not 0 on foreground stars, which are not answered
    bin_covariance : errors of a bin of n spaxels grow by 1 + this times log10(n) (Husemann et al.
        2013, A&A 549, A87)
    velocity : file of velocities (ny, nx), added to the redshift
    ebv : E(B-V) of the Milky Way [mag], to be removed (Fitzpatrick 1999); default 0
    distance : [Mpc], for masses and rates of spaxels
    psf : FWHM [arcsec] that images are brought to; default: the cube's, from its header
    image_psf : FWHM [arcsec] of the images, of all or by band; default 0.08
    grid : without a cube: the band whose pixels are used
    image_error_is : 'standard deviation', 'variance' or 'inverse variance', where neither name nor
        header of the error images tells it rightly
    unit, image_unit, wavemed : where headers do not say
    table : write the maps as a table too, .fits or .ecsv: a row for each bin or spaxel
    samples : of bins, put so many joint samples of the posterior into the table, at most 256
    part : (i, n), answer only the i-th of n parts of the rows; the last of them makes the maps
    dask : address of a Dask scheduler, or 'local', to answer on a cluster
    overwrite : replace existing maps
    progress : ``progress_bar`` or alike; counts spaxels

    Returns
    -------
    maps : what was written; None if other parts are missing yet

    Raises
    ------
    InputError
        One line: the file or option that cannot be used, and the remedy. Nothing is left behind.

    Warns
    -----
    InputWarning
        Of what is taken for granted or not used.

    Examples
    --------
    ``cube.fits`` is a cube of 4 x 5 spaxels, ``f275w.fits`` an image of the same place:

    >>> import phangs_sfh as ps
    >>> images = {"F275W": "f275w.fits"}
    >>> maps = ps.map_cube("cube.fits", "maps.fits", redshift=0.003, images=images, psf=0.8)
    >>> maps.answered, maps["MW_LOGAGE_P50"].shape, maps["SFH_P50"].shape
    (20, (4, 5), (16, 4, 5))
    """
    if isinstance(image_psf, (int, float)):
        image_psf = [(None, float(image_psf))]
    given = Options(
        images=_files(images), image_error=_files(image_error), redshift=redshift,
        velocity=_path(velocity), bins=_path(bins), star_mask=_path(star_mask), snr=snr,
        bin_covariance=bin_covariance, ebv=ebv or 0.0, distance=distance, psf=psf,
        image_psf=_pairs(image_psf), grid=grid, image_error_is=image_error_is, unit=unit,
        image_unit=image_unit, wavemed=wavemed,
    )  # fmt: skip
    check_request(cube, output, None, overwrite, given)
    _check_table(output, table, samples, given, part, overwrite)
    if part is not None and dask is not None:
        raise InputError(f"{output}: --shard and --dask exclude each other; give one of them")
    if part is not None or dask is not None:
        check_independent(given, "--dask" if part is None else "--shard")
    loaded = as_model(model)
    request = open_request(cube, loaded, **vars(given))
    for note in request.warnings:
        _warn(note)
    if part is not None:
        return share(request, loaded, output, overwrite, part, progress)
    if dask is None:
        maps, draws = _whole(request, loaded, output, overwrite, progress, samples=samples)
    else:
        with dask_client(dask) as client:
            cluster = client, on_dask.describe(cube, loaded, vars(given), request.identity)
            maps, draws = _whole(request, loaded, output, overwrite, progress, cluster)
    if table is not None:
        write_table(map_table(output, draws), table, overwrite)
    return maps


def gather_maps(output: PathLike, overwrite: bool = False) -> Maps:
    """Make the maps of parts that are all there; ``map_cube`` with the last part does it too.

    Parameters
    ----------
    output : the file that the parts were made for
    overwrite : replace existing maps

    Returns
    -------
    maps : Maps

    Raises
    ------
    InputError
        If parts are missing, damaged or being written, or nothing was answered.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> ps.map_cube("cube.fits", "shared.fits", redshift=0.003, part=(1, 2)) is None
    True
    >>> try:
    ...     ps.gather_maps("shared.fits")
    ... except ps.InputError as error:
    ...     print(error)
    .shared.fits.parts: 1 of 2 parts are missing: 2/2; run map --shard again for these
    """
    return _joined(output, shares.gather(output, overwrite))


def share(request, model, output, overwrite, part, progress=None):
    """Answer one part of the rows, and join all if it was the last; Maps or None."""
    with shares.one_part(request, output, part) as path:
        if path is not None:
            mapper, _ = _run(request, model, path, True, progress, part=part)
            shares.note_done(path, mapper.blocks, mapper.counts)
    found = shares.gather_if_last(output, overwrite)
    return None if found is None else _joined(output, found)


def _joined(output, found):
    counts, spaxels = found
    _warn_of_negative(output, counts, "spaxels")
    return Maps(Path(output), spaxels, counts.answered, spaxels)


def _check_table(output, table, samples, options, part, overwrite):
    """Raise InputError if a table cannot be written, or cannot have samples."""
    if table is None:
        if samples:
            raise InputError(f"{output}: --samples are put into a table; name one with --table")
        return
    check_output(table, overwrite)
    if part is not None:
        raise InputError(f"{table}: a part makes no table; leave --table out")
    if samples and not (options.bins or options.snr):
        raise InputError(f"{table}: --samples are of bins; give --snr or --bins")
    if not 0 <= samples <= N_DRAWS:
        raise InputError(f"{table}: --samples {samples}: the model draws 1 to {N_DRAWS}")


def _whole(request, model, output, overwrite, progress, cluster=None, samples=0):
    """All rows, on one machine or a cluster; the maps and the samples of bins."""
    mapper, seconds = _run(request, model, output, overwrite, progress, cluster, samples=samples)
    counts, field = mapper.counts, request.field
    spaxels = request.shape[0] * request.shape[1]
    what, n = ("spaxels", spaxels) if field.bins is None else ("bins", field.n_bins)
    _warn_of_negative(mapper.source, counts, what)
    return Maps(Path(output), spaxels, int(counts.answered), n, what, seconds), mapper.draws


def _run(request, model, output, overwrite, progress, cluster=None, part=None, samples=0):
    """Answer everything, or a share; returns the mapper and the time taken [s]."""
    start = time.perf_counter()
    with (
        request.work(output, part) as work,
        request.output(output, overwrite, work, part) as maps,
    ):
        if work.resumed:
            _warn(f"{output}: going on where the last run ended")
        if work.replaced:
            _warn(f"{output}: an unfinished run with other input or options: begun anew")
        mapper = Mapper(request.cube, request.field, model, maps, part, samples)
        with counted(progress, "spaxels", mapper.work()) as advance:
            if cluster is None:
                mapper.run(advance)
            else:
                on_dask.run(mapper, *cluster, advance)
    return mapper, time.perf_counter() - start


def _warn_of_negative(source, counts, what):
    if counts.negative:
        _warn(f"{source}: {counts.negative} {what} without positive mean flux: spectrum not used")


def _warn(text):
    warnings.warn(text, InputWarning, stacklevel=3)


def _pairs(of_bands):
    """Pairs of a mapping or of what is pairs already, as a tuple."""
    return tuple(of_bands.items() if isinstance(of_bands, Mapping) else of_bands)


def _files(of_bands):
    return tuple((band, str(path)) for band, path in _pairs(of_bands))


def _path(path):
    return None if path is None else str(path)
