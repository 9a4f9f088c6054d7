"""Images on a cube's spaxels: flux, errors, units, PSF, footprint."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from map_bands import match_image
from small_cube import SPAXEL, wcs_cards, write_image

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.constants import FWHM_PER_SIGMA
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.maps.input import image_matching
from phangs_sfh.maps.input.image import open_image

BAND = load_instrument().bands[2]
SHAPE = (20, 24)
PHOTFLAM = 2e-18
AREA = SPAXEL**2


def cube_wcs():
    header = fits.Header()
    wcs_cards(header, SHAPE[1], SHAPE[0])
    return WCS(header)


def star(ny, nx, scale, fwhm, y=0.0, x=0.0):
    """A Gaussian of flux 1 at (x, y) arcsec from the middle."""
    sigma = fwhm / FWHM_PER_SIGMA / scale
    row, column = np.mgrid[:ny, :nx]
    distance2 = (row - (ny - 1) / 2 - y / scale) ** 2 + (column - (nx - 1) / 2 - x / scale) ** 2
    return np.exp(-0.5 * distance2 / sigma**2) / (2 * np.pi * sigma**2)


@pytest.mark.parametrize("angle, scale", [(0, 0.04), (33, 0.04), (-120, 0.05), (10, 0.2)])
def test_flux_is_conserved_and_the_psf_is_the_cubes(tmp_path, monkeypatch, angle, scale):
    monkeypatch.setattr(image_matching, "TILE", 9)  # tiles must not show
    side = int(8 / scale)
    own = 0.1 if scale < 0.1 else 0.5
    values = star(side, side, scale, own)
    write_image(tmp_path / "i.fits", values, 1e-3, scale, angle=angle)
    image = open_image(tmp_path / "i.fits", BAND)
    flux, error = match_image(image, cube_wcs(), SHAPE, AREA, 0.8, own)
    assert flux.shape == SHAPE and (error > 0).all()
    assert flux.sum() == pytest.approx(PHOTFLAM / 1e-20, rel=0.01)
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    share = flux / flux.sum()
    y, x = (share * row).sum(), (share * column).sum()
    assert (y, x) == pytest.approx((9.5, 11.5), abs=0.03)
    width = np.sqrt((share * ((row - y) ** 2 + (column - x) ** 2)).sum() / 2) * SPAXEL
    pixels = (SPAXEL**2 + scale**2) / 12  # spaxels and pixels are boxes
    expected = np.sqrt((0.8 / FWHM_PER_SIGMA) ** 2 + pixels)
    assert width == pytest.approx(expected, rel=0.04)


@pytest.mark.parametrize("psf", [None, 0.7])
def test_errors_are_the_scatter_of_the_spaxels(tmp_path, psf):
    rng = np.random.default_rng(0)
    write_image(tmp_path / "i.fits", 10 + rng.normal(size=(200, 200)), 1.0, angle=20)
    image = open_image(tmp_path / "i.fits", BAND)
    flux, error = match_image(image, cube_wcs(), SHAPE, AREA, psf, 0.08)
    mean = 10 * PHOTFLAM / 1e-20 * 25
    assert np.mean(flux) == pytest.approx(mean, rel=0.01)
    assert np.std(flux) == pytest.approx(np.median(error), rel=0.25 if psf else 0.15)


@pytest.mark.parametrize(
    "unit, photflam, factor",
    [
        ("ELECTRONS/S", PHOTFLAM, 1),
        ("electron s-1", PHOTFLAM, 1),
        ("ELECTRONS", PHOTFLAM, 1 / 500),
        ("erg/s/cm2/Angstrom", None, 1 / PHOTFLAM),
        ("1e-20 erg / (s cm2 Angstrom arcsec2)", None, 1e-20 * 0.04**2 / PHOTFLAM),
        ("nJy", None, 1e-32 * 2.99792458e18 / BAND.pivot**2 / PHOTFLAM),
        ("MJy/sr", None,
         1e-17 * 2.99792458e18 / BAND.pivot**2 * 0.04**2 / 206264.8062**2 / PHOTFLAM),
    ],
)  # fmt: skip
def test_units(tmp_path, unit, photflam, factor):
    write_image(tmp_path / "i.fits", np.ones((9, 9)), 0.1, unit=unit, photflam=photflam)
    fits.setval(tmp_path / "i.fits", "EXPTIME", value=500.0)
    image = open_image(tmp_path / "i.fits", BAND)
    assert image.factor * 0.04**2 == pytest.approx(factor * PHOTFLAM / 1e-20, rel=1e-5)


def test_outside_the_footprint_the_band_is_missing(tmp_path):
    values = np.ones((200, 200))
    values[:, 120:] = np.nan
    write_image(tmp_path / "i.fits", values, 0.1, offset=(0, 1.0))
    image = open_image(tmp_path / "i.fits", BAND)
    flux, error = match_image(image, cube_wcs(), SHAPE, AREA)
    missing = error == 0
    assert missing.any() and not missing.all() and (flux[missing] == 0).all()
    assert flux[~missing] == pytest.approx(25 * PHOTFLAM / 1e-20, rel=1e-3)
    # x grows to the west in both: the last 80 of 200 columns, 3.2 of 8 arcsec, hold nothing.
    assert missing[:, 16:].all() and not missing[:, :14].all()


def test_error_images_and_weights(tmp_path):
    write_image(tmp_path / "i.fits", np.ones((9, 9)), 0.5)
    with fits.open(tmp_path / "i.fits") as hdus:
        fits.HDUList([hdus[0], hdus["SCI"]]).writeto(tmp_path / "bare.fits")
        fits.writeto(tmp_path / "error.fits", hdus["ERR"].data)
        weight = fits.ImageHDU(hdus["ERR"].data ** -2, name="WHT")
        weight.data[0, 0] = 0
        fits.HDUList([hdus[0], hdus["SCI"], weight]).writeto(tmp_path / "weight.fits")
    everything = (slice(0, 9), slice(0, 9))
    _, wanted = open_image(tmp_path / "i.fits", BAND).read(*everything)
    for image in (
        open_image(tmp_path / "bare.fits", BAND, tmp_path / "error.fits"),
        open_image(tmp_path / "weight.fits", BAND),
    ):
        _, variance = image.read(*everything)
        assert variance[1:] == pytest.approx(wanted[1:], rel=1e-5)
    assert variance[0, 0] == 0
    with pytest.raises(InputError, match="--image-error F438W=FILE"):
        open_image(tmp_path / "bare.fits", BAND)


def remove(*keys):
    def change(hdus):
        for key in keys:
            del hdus["SCI"].header[key]

    return change


def half_error(hdus):
    hdus["ERR"].data = hdus["ERR"].data[:4]


@pytest.mark.parametrize(
    "change, words",
    [
        (remove("CTYPE1", "CTYPE2"), "has no celestial WCS"),
        (remove("BUNIT"), "use --image-unit"),
        (remove("PHOTFLAM"), "PHOTFLAM is missing"),
        (half_error, "give images of one shape"),
    ],
)
def test_refusals(tmp_path, change, words):
    path = tmp_path / "i.fits"
    write_image(path, np.ones((9, 9)), 0.1)
    with fits.open(path) as hdus:
        hdus = fits.HDUList([hdu.copy() for hdu in hdus])
        change(hdus)
        hdus.writeto(path, overwrite=True)
    with pytest.raises(InputError) as caught:
        open_image(path, BAND)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_images_elsewhere_or_blurred_are_refused(tmp_path):
    write_image(tmp_path / "i.fits", np.ones((9, 9)), 0.1, offset=(300, 0))
    image = open_image(tmp_path / "i.fits", BAND)
    with pytest.raises(InputError, match="does not overlap the cube"):
        match_image(image, cube_wcs(), SHAPE, AREA)
    with pytest.raises(InputError, match="wider than the cube's"):
        match_image(image, cube_wcs(), SHAPE, AREA, 0.5, 0.9)
