"""Libraries for instruments other than MUSE with the bands of PHANGS-HST."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from phangs_sfh.cli.main import main
from phangs_sfh.errors import InputError
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.instrument.noise import NoiseShape
from phangs_sfh.library import records, writer
from phangs_sfh.library.observing import ObservingConditions, observe
from phangs_sfh.problems.histories.priors import load_prior
from phangs_sfh.problems.histories.simulator import galaxies
from phangs_sfh.ssp.engines import load_ssp

PHANGS = load_instrument()


@pytest.fixture(scope="module")
def coarse():
    """Two bands, and a shorter and coarser grid."""
    noise = NoiseShape((5600.0, 800.0, 0.0), ((5700.0, 5.0, 6.0),))
    return replace(
        PHANGS, name="coarse", wave=5000.0 + 5.0 * np.arange(200), bands=PHANGS.bands[2:4],
        noise=noise, lsf_fwhm_coefficients=(8.0,),
    )  # fmt: skip


def test_library_of_a_file_is_made_and_opened(tmp_path, coarse):
    (tmp_path / "coarse.json").write_text(json.dumps(coarse.to_dict()))
    command = ["make-library", "-n", "6", "-o", str(tmp_path / "mine"), "--workers", "1"]
    done = CliRunner().invoke(main, [*command, "--instrument", str(tmp_path / "coarse.json")])
    assert done.exit_code == 0, done.output
    library = records.open_library(tmp_path / "mine", coarse)
    assert library.instrument.to_dict() == coarse.to_dict()
    found = records.load(library, "train")
    assert found["spectrum"].shape == (4, 200) and found["bands"].shape == (4, 2)
    assert np.isfinite(found["spectrum"]).all() and (found["bands"] > 0).all()
    with pytest.raises(InputError, match="another grid, LSF or bands"):
        records.open_library(tmp_path / "mine", PHANGS)


def test_library_without_bands(tmp_path):
    writer.write_library(tmp_path / "mine", 4, workers=1, instrument="muse")
    library = records.open_library(tmp_path / "mine", load_instrument("muse"))
    found = records.load(library, "train")
    assert found["bands"].shape == (2, 0) and found["spectrum"].shape == (2, 1761)
    assert np.isfinite(found["logml"]).all()


def test_labels_do_not_depend_on_the_instrument(coarse):
    """Of the same galaxies: mass per light too, where its band is not observed."""
    ssp, prior = load_ssp("bc03"), load_prior()
    full, few, none = (
        next(galaxies(ForwardModel(ssp, one), prior, np.random.default_rng(3), 5))
        for one in (PHANGS, coarse, load_instrument("muse"))
    )
    for name in ("sfh", "mh", "mw_logage", "lw_logage", "logml", "av"):
        for other in (few, none):
            np.testing.assert_allclose(other[name], full[name], rtol=1e-5)
    colour = few["bands"][:, 0] / few["bands"][:, 1]
    np.testing.assert_allclose(colour, full["bands"][:, 2] / full["bands"][:, 3], rtol=1e-5)


def test_spectra_of_a_coarser_grid_are_those_of_the_finer_one(coarse):
    """With the same line-spread function, pixel by pixel."""
    wave = 5000.0 + 2.5 * np.arange(400)
    sharp = replace(coarse, wave=wave, lsf_fwhm_coefficients=PHANGS.lsf_fwhm_coefficients)
    ssp, prior = load_ssp("bc03"), load_prior()
    prior["gas"]["states"] = {"off": 1.0}
    one, two = (
        next(galaxies(ForwardModel(ssp, each), prior, np.random.default_rng(3), 5))["spectrum"]
        for each in (PHANGS, sharp)
    )
    ratio = two / one[:, np.searchsorted(PHANGS.wave, sharp.wave)]
    np.testing.assert_allclose(ratio / np.median(ratio, axis=1, keepdims=True), 1.0, atol=5e-3)


def test_lines_narrower_than_a_pixel_are_refused(coarse):
    with pytest.raises(InputError, match="instrument 'coarse': lines are 2.0 Å wide, pixels 5.0 Å"):
        ForwardModel(load_ssp("bc03"), replace(coarse, lsf_fwhm_coefficients=(2.0,)))


def test_noise_is_that_of_the_instrument(coarse):
    shapes = {"spectrum": (50, 200), "bands": (50, 2)}
    noiseless = {kind: np.ones(shape, np.float32) for kind, shape in shapes.items()}
    conditions = ObservingConditions.fixed(20.0, masked_lines=0.0)
    error = observe(noiseless, coarse, conditions, (1, 2))["flux_err"].numpy()
    quiet = replace(coarse, noise=NoiseShape((5600.0, 800.0, 0.0), ()))
    flat = observe(noiseless, quiet, conditions, (1, 2))["flux_err"].numpy()
    expected = np.broadcast_to(coarse.noise.at(coarse.wave), flat.shape)
    assert expected.max() > 5.0
    np.testing.assert_allclose(error / flat, expected, rtol=1e-5)
