"""Real spectra: read from the wheels as they are, and through both codes."""

import numpy as np
import pytest
from astropy.io import fits
from drawn_model import write_fake_model

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.peers.benchmark import sample
from phangs_sfh.prediction.model import load_model
from studies.real_spectra import comparison

pytest.importorskip("ppxf")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    spectra = sample.drawn(load_instrument(), 60)
    folder = tmp_path_factory.mktemp("model") / "1"
    folder.mkdir()
    write_fake_model(folder, spectra.instrument, spectra.truth)
    return load_model(folder)


def test_an_old_galaxy_is_old_and_both_models_match_it(model):
    """NGC 3522 is an early-type galaxy: pPXF must find it old, and fit it well."""
    tables = {"NGC 3522": comparison.sdss_table("NGC3522")}
    one = comparison.compare(tables, model)[0]
    assert one.sn == pytest.approx(47, abs=8)
    assert one.peer.lw_logage > 9.4
    assert 60 < one.peer.sigma < 140
    assert one.peer.chi2 < 1
    fit = np.interp(one.wave, one.peer.wave, one.peer.bestfit)
    used = one.error > 0
    assert np.std((one.flux - fit)[used]) < 0.03
    text = comparison.markdown([one])
    assert text.count("NGC 3522") == 1 and "pPXF" in text
    assert "of 1" in comparison.differences([one])
    assert len(comparison.draw([one]).axes) == 2


def test_manga_spectra_of_low_signal_are_left_out(tmp_path):
    path = tmp_path / comparison.MANGA
    path.parent.mkdir(parents=True)
    n_spectra, n = len(comparison.MANGA_NAMES), 4563
    wave = 3621.6 * 10 ** (1e-4 * np.arange(n))
    ivar, mask = np.full((n_spectra, n), 400.0), np.zeros((n_spectra, n), int)
    ivar[2], mask[0, 100] = 1.0, 1026
    images = {"WAVE": wave, "FLUX": np.ones((n_spectra, n)), "IVAR": ivar, "MASK": mask}
    images["Z"] = np.full(n_spectra, 0.03)
    hdus = [fits.PrimaryHDU(), *(fits.ImageHDU(x, name=name) for name, x in images.items())]
    fits.HDUList(hdus).writeto(path)
    tables = comparison.manga_tables(tmp_path)
    assert len(tables) == n_spectra - 1
    assert f"MaNGA {comparison.MANGA_NAMES[2]}" not in tables
    first = tables[f"MaNGA {comparison.MANGA_NAMES[0]}"]
    assert first["flux_err"][0, 100] == 0 and first["flux_err"][0, 101].value == 0.05


def test_a_missing_wheel_is_one_line(tmp_path):
    with pytest.raises(InputError, match="sdss-mangadap"):
        comparison.manga_tables(tmp_path)
