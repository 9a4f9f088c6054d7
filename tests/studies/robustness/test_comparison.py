"""Comparison of libraries: the control is fair, the tables say what was found."""

import numpy as np
import pytest
from drawn_model import write_fake_model

from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.peers.benchmark import sample
from phangs_sfh.peers.ppxf import SCALARS
from phangs_sfh.prediction.model import load_model
from studies.robustness import comparison, foreign_ssps


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    spectra = sample.drawn(load_instrument(), 60)
    folder = tmp_path_factory.mktemp("model") / "1"
    folder.mkdir()
    write_fake_model(folder, spectra.instrument, spectra.truth)
    name, grid = next(comparison.grids("nowhere", names=()))
    assert name == comparison.CONTROL
    covered = foreign_ssps.covered_bands(grid, spectra.instrument)
    assert covered.tolist() == [False, False, True, True, True]
    one = comparison.compare(load_model(folder), grid, 60, 0, "nowhere")
    return {name: one, "other": one}


def test_errors_and_coverage_agree(found):
    one = found["other"]
    assert one["error"].shape == one["inside"].shape == (60, len(SCALARS))
    bias = np.median(one["error"][:, 0])
    assert one["errors"]["mw_logage"]["bias_median"] == pytest.approx(bias)
    assert one["coverage"]["lw_mh"] == pytest.approx(one["inside"][:, 3].mean())


def test_tables_name_every_library(found):
    for text in (comparison.offsets_table(found), comparison.coverage_table(found)):
        assert "| bc03 |" in text and "| other |" in text
    thirds = comparison.surprise_table(found)
    assert thirds.count("\n") == 5
    assert thirds.count("| 20 |") == 3
