"""``ps.plot``: any row, with or without spectrum and bands; what is drawn is what was answered."""

import numpy as np
import pytest
from input_tables import make_table

from phangs_sfh.errors import InputError
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.galaxy.rebuild import rebuild
from phangs_sfh.observations.flags import Flag
from phangs_sfh.plots.plot import Drawn, check_figures, plot, plot_rows
from phangs_sfh.plots.rebuilt import rebuild_bands
from phangs_sfh.prediction.model import load_model
from phangs_sfh.ssp.engines import load_ssp


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture(scope="module")
def table():
    """With spectrum and bands, spectrum alone, bands alone, nothing."""
    table = make_table(4)
    table["mask"] = np.zeros(table["flux"].shape, bool)
    table["mask"][:, 900:950] = True
    for row in (1, 3):
        for name in [n for n in table.colnames if n[0] == "F"]:
            table[name][row] = np.nan
    table["flux"][2:] = np.nan
    return table


@pytest.fixture(scope="module")
def answers(model, table):
    return model.predict(model.read(table))


def test_data_that_are_there_are_drawn(model, table, answers):
    drawn = Drawn.read(model, table)
    with_both, spectrum, rebuilt = drawn.figure(answers[0], 0)
    assert len(with_both.axes) == 7  # spectrum, bands, their residuals, and three below
    assert len(drawn.figure(answers[1], 1)[0].axes) == len(drawn.figure(answers[2], 2)[0].axes) == 5
    # What is masked is shown but not used, and the stars follow the rest.
    hidden = ~spectrum.used & np.isfinite(spectrum.flux)
    assert 40 <= hidden.sum() <= 60
    ratio = spectrum.flux[hidden] / rebuilt.flux[hidden]
    assert np.median(ratio) == pytest.approx(1, abs=0.02)


def test_the_percentiles_of_the_row_are_drawn_without_data(answers):
    figure = plot(answers[2])
    assert len(figure.axes) == 3
    interval, median = figure.axes[1].patches
    np.testing.assert_allclose(median.get_data().values, answers["mh_p50"][2].value)
    np.testing.assert_allclose(interval.get_data().values, answers["mh_p84"][2].value)
    note = " ".join(text.get_text() for text in figure.texts)
    assert answers["flag"][2] == 0 and "flag" not in note and "surprise" in note


def test_an_input_row_is_answered_first_and_one_row_is_enough(model, table, answers):
    one = plot(table[1], model=model)
    other = plot(answers[1], table[1:2], model)
    for left, right in zip(one.axes, other.axes, strict=True):
        assert [t.get_text() for t in left.texts] == [t.get_text() for t in right.texts]


def test_rows_become_files_and_those_without_answer_none(model, table, answers, tmp_path):
    paths = plot_rows(answers[2:], tmp_path / "out", table[2:], model)
    assert [path.name for path in paths] == ["row-00000.png"]
    assert answers["flag"][3] & Flag.NO_DATA
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["row-00000.png"]
    with pytest.raises(InputError, match="--overwrite"):
        check_figures(tmp_path / "out", 1)
    assert check_figures(tmp_path / "out", 1, overwrite=True)


def test_what_cannot_be_drawn_is_refused_in_one_line(model, table, answers, tmp_path):
    (tmp_path / "there.png").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for words, call in (
        ("has no answer", lambda: plot(answers[3])),
        ("one row of a table is drawn, not a table of 4 rows", lambda: plot(answers)),
        ("not int", lambda: plot(3)),
        ("row 0 of 4, the data have 2 rows", lambda: plot(answers[0], table[:2], model)),
        ("must end in .png", lambda: plot(answers[0], path=tmp_path / "a.pdf")),
        ("--overwrite", lambda: plot(answers[0], path=tmp_path / "there.png")),
        ("101 rows would be 101 figures", lambda: check_figures(tmp_path / "new", 101)),
        ("is a file", lambda: check_figures(tmp_path / "file", 1)),
    ):
        with pytest.raises(InputError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
    assert (tmp_path / "there.png").read_text() == "mine"


def test_bands_of_the_answer_are_those_of_its_stars(model):
    forward = ForwardModel(load_ssp(), model.instrument)
    sfh = np.full((20, 16), 1 / 16)
    mh, av = np.zeros((20, 16)), np.full(20, 0.5)
    _, bands = rebuild(forward, sfh[:1], mh[:1], av[:1], 0.0)
    flux = 3.0 * bands[0] / bands[0].mean()
    error = 0.05 * flux
    flux[1], error[1] = np.nan, 0.0  # a missing band is filled in
    found = rebuild_bands(forward, {"sfh": sfh, "mh": mh, "av": av}, flux, error)
    np.testing.assert_allclose(found, 3.0 * bands[0] / bands[0].mean(), rtol=1e-6)
