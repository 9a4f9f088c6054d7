"""Statistics of maps against truth; bins of a cube for another code."""

import numpy as np
import pytest
from astropy.io import fits
from small_cube import REDSHIFT, write_cube

from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.maps.input.cube import open_cube
from studies.map_proof import against_ppxf, against_truth


def test_recovery_of_gaussian_errors():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 2, (100, 100))
    middle = truth + 0.1 + rng.normal(0, 0.5, truth.shape)
    answer = np.array([middle - 0.5, middle, middle + 0.5])
    answer[:, 0, 0] = np.nan
    found = against_truth.recovery(answer, truth)
    assert found.n == truth.size - 1
    assert found.bias == pytest.approx(0.1, abs=0.02)
    assert found.scatter == pytest.approx(0.5, abs=0.02) and found.error == pytest.approx(0.5)
    assert found.within68 == pytest.approx(0.667, abs=0.015)  # of a bias of 0.2 σ
    assert found.within95 == pytest.approx(0.947, abs=0.01) and found.rank > 0.9
    few = np.zeros(truth.shape, bool)
    few[0, :5] = True
    assert against_truth.recovery(answer, truth, few) is None


def test_pull_takes_the_half_on_the_truths_side():
    answer = np.array([[-1.0, -1.0], [0.0, 0.0], [4.0, 4.0]])
    assert against_truth.pull(answer, np.array([2.0, -2.0])) == pytest.approx([-0.5, 2.0])


def test_bins_of_a_cube_are_the_means_of_its_spaxels_without_masked_lines(tmp_path):
    write_cube(tmp_path / "c.fits", 4, 5)
    sodium = {"Na D": 5893.0}
    against_ppxf.mask_lines(tmp_path / "c.fits", tmp_path / "m.fits", REDSHIFT, sodium, 600.0,
                        [(6300, 6320)])  # fmt: skip
    instrument = load_instrument()
    bins = np.repeat(np.arange(4), 5).reshape(4, 5)
    bins[0, 0] = -1
    flux, error = against_ppxf.bin_spectra(tmp_path / "m.fits", bins, REDSHIFT, instrument)
    assert flux.shape == (4, instrument.n_pixels)
    opened = open_cube(tmp_path / "c.fits")
    with fits.open(tmp_path / "c.fits") as hdus:
        mean = hdus["DATA"].data[:, 1].mean(axis=1)
    here = (instrument.wave > 5950) & (instrument.wave < 6200)
    expected = np.interp(instrument.wave[here] * (1 + REDSHIFT), opened.wave, mean)
    assert flux[1][here] == pytest.approx(expected, rel=0.03)
    masked = instrument.wave[(error == 0).all(axis=0)]
    line, sky = masked[masked < 6000], masked[masked > 6000]
    assert line.min() == pytest.approx(5893 * (1 - 0.002), abs=3)
    assert line.max() == pytest.approx(5893 * (1 + 0.002), abs=3)
    assert (sky * (1 + REDSHIFT)).min() > 6297 and (sky * (1 + REDSHIFT)).max() < 6323
    values = against_ppxf.painted([1.0, 2.0, 3.0, 4.0], bins)
    assert np.isnan(values[0, 0]) and values[0, 1] == 1 and values[3, 4] == 4
