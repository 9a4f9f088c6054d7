"""Instruments as data: named ones, files, older files, and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.description import (
    Band,
    Instrument,
    instrument_names,
    load_instrument,
    read_instrument,
)
from phangs_sfh.instrument.noise import NoiseShape

PHANGS = load_instrument()


def test_the_contract_of_phangs():
    assert instrument_names() == ["muse", "phangs"]
    np.testing.assert_array_equal(PHANGS.wave, 4800 + 1.25 * np.arange(1761))
    assert PHANGS.band_names == ["F275W", "F336W", "F438W", "F555W", "F814W"]
    fwhm = 5.866e-8 * 6000.0**2 - 9.187e-4 * 6000.0 + 6.040  # Bacon et al. 2017
    assert PHANGS.lsf_fwhm(6000.0) == pytest.approx(fwhm)
    assert PHANGS.modelled_bands == PHANGS.bands and PHANGS.luminosity_index == 3


def test_muse_alone_keeps_the_light_that_mass_is_measured_by():
    muse = load_instrument("muse")
    assert muse.n_bands == 0 and muse.band_names == []
    assert [band.name for band in muse.modelled_bands] == ["F555W"]
    assert muse.luminosity_index == 0
    np.testing.assert_array_equal(muse.unseen_band.throughput, PHANGS.bands[3].throughput)
    assert not muse.same_as(PHANGS)


@pytest.mark.parametrize("name", ["muse", "phangs"])
def test_round_trip_through_a_file(tmp_path, name):
    instrument = load_instrument(name)
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(instrument.to_dict()))
    for again in (load_instrument(path), load_instrument(str(path))):
        assert again.same_as(instrument) and again.to_dict() == instrument.to_dict()
    assert load_instrument(instrument) is instrument


def test_files_from_before_noise_was_recorded_mean_todays_noise():
    content = PHANGS.to_dict()
    del content["noise"]
    old = Instrument.from_dict(content)
    assert old.same_as(PHANGS) and old.noise == PHANGS.noise == NoiseShape()


def test_name_and_noise_do_not_decide_what_fits():
    other = replace(PHANGS, name="mine", noise=NoiseShape(sky_lines=()))
    assert other.same_as(PHANGS)
    assert not replace(PHANGS, bands=PHANGS.bands[:4]).same_as(PHANGS)
    assert not replace(PHANGS, wave=PHANGS.wave[:100]).same_as(PHANGS)


def _band(**changes):
    return {"name": "X", "wave": [5000.0, 5100.0], "throughput": [0.5, 0.5], **changes}


REFUSED = {
    "no grid": ({"wave": None}, "'wave': input should be"),
    "no step": ({"wave": {"start": 1.0, "n_pixels": 50}}, "'wave.step': is missing"),
    "half a pixel": ({"wave": {"start": 1.0, "step": 1.0, "n_pixels": 50.5}}, "wave.n_pixels"),
    "few pixels": ({"wave": {"start": 1.0, "step": 1.0, "n_pixels": 3}}, "wave.n_pixels"),
    "backwards": (
        {"wave": {"start": 1.0, "step": -1.0, "n_pixels": 50}},
        "'wave.step': input should be gr",
    ),
    "no width": ({"lsf_fwhm_coefficients": [0.0]}, "lsf_fwhm_coefficients"),
    "dark Sun": ({"solar_luminosity": 0.0}, "solar_luminosity"),
    "unknown light": ({"luminosity_band": "V"}, "luminosity_band V is none"),
    "light elsewhere": ({"unseen_band": _band()}, "unseen_band is not the luminosity_band"),
    "bands alike": ({"bands": [_band(), _band()]}, "names that differ"),
    "short band": (
        {"bands": [_band(wave=[5000.0])]},
        "'bands.0.wave': list should have at least 2",
    ),
    "band cut": ({"bands": [_band(throughput=[1.0])]}, "band X needs as many"),
    "band of words": ({"bands": [_band(wave=["a", "b"])]}, "'bands.0.wave.0': input should be"),
    "band turned": ({"bands": [_band(wave=[5100.0, 5000.0])]}, "band X needs wavelengths"),
    "dark band": ({"bands": [_band(throughput=[0.0, 0.0])]}, "band X needs throughputs"),
    "noise of one": ({"noise": {"blue_rise": [1.0]}}, "'noise.blue_rise.1': is missing"),
    "sharp sky": (
        {"noise": {"sky_lines": [[6300.0, 1.0, 0.0]]}},
        "'noise.sky_lines.0.2': input should be gr",
    ),
    "noise unknown": ({"noise": {"moon": 1.0}}, "'noise.moon': extra inputs"),
    "sky no list": ({"noise": {"sky_lines": 5}}, "'noise.sky_lines': input should be"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_line_says_what_is_wrong_with_a_file(tmp_path, case):
    changes, words = REFUSED[case]
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(PHANGS.to_dict() | changes))
    with pytest.raises(InputError, match=words) as caught:
        load_instrument(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: instrument") and "\n" not in message
    assert "start from" in message


def test_what_is_no_file_or_no_json_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such instrument or file; instruments are muse, ph"):
        load_instrument("jwst")
    with pytest.raises(InputError, match="no such instrument or file"):
        load_instrument(tmp_path)
    (tmp_path / "cut.json").write_text('{"name": ')
    with pytest.raises(InputError, match="not JSON"):
        load_instrument(tmp_path / "cut.json")
    with pytest.raises(InputError, match="^here: input should be .*; make it again"):
        read_instrument([], "here", "make it again")


def test_pivot_of_a_box():
    band = Band("box", np.array([5000.0, 5001.0, 5999.0, 6000.0]), np.array([0.0, 1.0, 1.0, 0.0]))
    exact = np.sqrt(0.5 * (6000.0**2 - 5000.0**2) / np.log(6000.0 / 5000.0))
    assert band.pivot == pytest.approx(exact, rel=0.02)
