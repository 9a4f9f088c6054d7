"""The made-up galaxy: light and mass conserved, truths that are those of the light seen."""

from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner
from map_bands import match_image
from scipy.ndimage import convolve1d

from phangs_sfh.cli.main import main
from phangs_sfh.instrument.constants import FWHM_PER_SIGMA
from phangs_sfh.instrument.description import Band, load_instrument
from phangs_sfh.maps.input.cube import open_cube
from phangs_sfh.maps.input.image import open_image
from phangs_sfh.maps.input.image_matching import spaxel_kernel
from phangs_sfh.ssp import bc03
from studies.map_proof import against_truth
from studies.map_proof.mock_files import NO_ERRORS, write_observation, write_truth
from studies.map_proof.mock_observation import Setup, kernels, observe

SETUP = Setup(n=12, spaxel=0.6, fine=5, cube_fwhm=1.0, image_fwhm=0.24, matched_fwhm=0.36)
BAND = "F555W"


@pytest.fixture(scope="module")
def instrument():
    """F555W moved to where the cube covers all of it."""
    full = load_instrument()
    inside = Band(BAND, np.array([5000.0, 5100.0, 6700.0, 6800.0]), np.array([0.0, 1.0, 1.0, 0.0]))
    return replace(full, bands=tuple(inside if b.name == BAND else b for b in full.bands))


@pytest.fixture(scope="module")
def observation(instrument):
    return observe(bc03.load(), instrument, SETUP)


@pytest.fixture(scope="module")
def files(observation, tmp_path_factory):
    return write_observation(observation, tmp_path_factory.mktemp("mock"), errors=NO_ERRORS)


def test_psfs_share_all_light_out():
    for operator, share in zip(kernels(SETUP), (1 / SETUP.fine, 1.0, 1.0), strict=True):
        assert operator.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
        reach = SETUP.n_fine // 3
        assert operator.sum(axis=0)[reach:-reach] == pytest.approx(share, rel=2e-3)


def test_images_brought_to_the_cube_hold_the_cubes_light(observation, instrument, files):
    cube, images = files
    opened = open_cube(cube)
    band = instrument.bands[instrument.band_names.index(BAND)]
    image = open_image(images[BAND], band)
    flux, error = match_image(
        image, opened.wcs, opened.shape, SETUP.spaxel**2, SETUP.cube_fwhm, SETUP.image_fwhm
    )
    weight = np.interp(observation.wave, band.wave, band.throughput) * observation.wave
    seen = np.tensordot(weight / weight.sum(), observation.cube, 1)
    assert (error > 0).all() and (error / flux).max() < 0.02
    # errors fall to 0.07 %: below that, pixels that are sampled and not integrated show
    assert 0.6 < np.std((flux - seen) / np.hypot(error, 1e-3 * seen)) < 1.5
    assert flux.sum() == pytest.approx(seen.sum(), rel=1e-3)
    assert np.abs(flux / seen - 1).max() < 0.015


def test_noise_is_what_the_files_say(observation, files):
    cube, images = files
    with fits.open(cube) as hdus:
        off = (hdus["DATA"].data - observation.cube) / np.sqrt(hdus["STAT"].data)
        assert hdus["DATA"].header["CTYPE3"] == "AWAV"
    assert off.std() == pytest.approx(1.0, abs=0.01) and abs(off.mean()) < 0.01
    for values, name in zip(observation.images, observation.band_names, strict=True):
        with fits.open(images[name]) as hdus:
            unit = hdus["SCI"].header["PHOTFLAM"] / SETUP.pixel**2
            off = (hdus["SCI"].data * unit - values) / (hdus["ERR"].data * unit)
        assert off.std() == pytest.approx(1.0, abs=0.04)


def test_truths_hang_together(observation):
    for truth in (observation.cube_truth, observation.image_truth):
        sfh, mh = truth["sfh"], truth["mh"]
        assert sfh.sum(axis=0) == pytest.approx(1.0, abs=1e-6) and (sfh >= 0).all()
        assert (sfh * mh).sum(axis=0) == pytest.approx(truth["mw_mh"], abs=1e-6)
        young = 10 ** (truth["logssfr10"] + 7)
        assert (young >= sfh[:3].sum(axis=0)).all() and (young <= sfh[:4].sum(axis=0)).all()
        assert (truth["lw_logage"] < truth["mw_logage"]).all()
        rate = truth["logsigsfr100"] - truth["logsigma"] - 6
        assert rate == pytest.approx(truth["logssfr100"], abs=1e-6)
    assert np.ptp(observation.cube_truth["lw_logage"]) > 0.8


def test_truth_of_a_spaxel_is_the_mass_weighted_mixture_within_its_psf(observation):
    fine = observation.image_truth
    sigma = np.sqrt(SETUP.cube_fwhm**2 - SETUP.matched_fwhm**2) / FWHM_PER_SIGMA / SETUP.pixel
    kernel = spaxel_kernel(sigma, SETUP.fine)

    def blurred(values):
        for axis in (0, 1):
            values = convolve1d(values, kernel, axis=axis, mode="constant")
        start = (values.shape[0] - SETUP.n * SETUP.fine) // 2 + SETUP.fine // 2
        picked = slice(start, start + SETUP.n * SETUP.fine, SETUP.fine)
        return values[picked, picked][2:-2, 2:-2]

    mass = 10 ** fine["logsigma"]
    expected = {
        "logsigma": np.log10(blurred(mass)),
        "mw_logage": blurred(mass * fine["mw_logage"]) / blurred(mass),
        "mw_mh": blurred(mass * fine["mw_mh"]) / blurred(mass),
        "logssfr10": np.log10(blurred(mass * 10 ** fine["logssfr10"]) / blurred(mass)),
        "sfh": blurred(mass * fine["sfh"][12]) / blurred(mass),
    }
    for name, values in expected.items():
        truth = observation.cube_truth[name]
        truth = (truth[12] if truth.ndim == 3 else truth)[2:-2, 2:-2]
        assert np.abs(values - truth).max() < 0.03, name
    peak = fine["logssfr10"].max() - observation.cube_truth["logssfr10"].max()
    assert peak > 0.3  # the PSF has mixed young with old


def test_released_model_finds_the_truth(tmp_path):
    observation = observe(bc03.load(), load_instrument(), SETUP)
    cube, images = write_observation(observation, tmp_path, errors=NO_ERRORS)
    write_truth(observation.cube_truth, tmp_path / "truth.fits", SETUP.spaxel)
    arguments = [x for name, path in images.items() for x in ("--image", f"{name}={path}")]
    result = CliRunner().invoke(
        main,
        ["map", str(cube), "-o", str(tmp_path / "maps.fits"), "--redshift", str(SETUP.redshift),
         "--psf", str(SETUP.cube_fwhm), "--image-psf", str(SETUP.image_fwhm), *arguments],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    with fits.open(tmp_path / "truth.fits") as truths:
        for name, bias in (("lw_logage", 0.2), ("lw_mh", 0.15), ("av", 0.2), ("mw_logage", 0.3)):
            answer = against_truth.read_answer(tmp_path / "maps.fits", name)
            found = against_truth.recovery(answer, truths[name].data.astype(float))
            assert found.n == SETUP.n**2
            assert abs(found.bias) < bias and 0.5 < found.within68 < 0.99, (name, found)
            assert found.within95 > 0.85, (name, found)
