"""The figure of an answer: what is drawn must be what was answered."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from phangs_sfh.galaxy import ages
from phangs_sfh.plots import figures


def constant_history():
    """Quantiles of a constant star formation rate known to a factor of two (95 %)."""
    share = np.diff(ages.EDGES_YR) / ages.MAX_AGE_YR
    return share * np.array([0.5, 0.7, 1.0, 1.4, 2.0])[:, None]


@pytest.fixture
def spectrum():
    wave = 4800 + 1.25 * np.arange(1761)
    model = 1 + 0.1 * np.sin(wave / 300)
    noise = np.random.default_rng(0).normal(0, 0.02, len(wave))
    used = np.ones(len(wave), bool)
    used[100:140] = False
    flux = model + noise
    flux[100:140] = np.nan
    return figures.Spectrum(wave, flux, np.full(len(wave), 0.02), used, model)


def panel():
    return Figure().add_subplot()


def test_a_constant_rate_is_drawn_at_one_in_every_bin():
    axes = panel()
    figures.draw_history(axes, constant_history())
    low95, low68, median = [patch.get_data() for patch in axes.patches]
    np.testing.assert_allclose(median.values, 1.0)
    np.testing.assert_allclose([low95.values, low95.baseline], [[2.0] * 16, [0.5] * 16])
    np.testing.assert_allclose([low68.values, low68.baseline], [[1.4] * 16, [0.7] * 16])
    np.testing.assert_allclose(median.edges[1:], ages.EDGES_MYR[1:])
    bottom, top = axes.get_ylim()
    assert bottom < 0.5 and top > 2.0


def test_an_empty_bin_does_not_break_the_logarithmic_axis():
    axes = panel()
    sfh = constant_history()
    sfh[:, :5] = 0.0
    figures.draw_history(axes, sfh, fraction_floor=1e-5)
    assert np.all(np.isfinite(axes.get_ylim())) and axes.get_ylim()[0] > 0


def test_residuals_are_in_units_of_the_error_and_leave_out_masked_pixels(spectrum):
    axes = panel()
    figures.draw_residuals(axes, spectrum)
    residual = axes.lines[-1].get_ydata()
    assert np.isnan(residual[100:140]).all()
    assert np.nanstd(residual) == pytest.approx(1.0, abs=0.06)


def test_masked_runs_are_shaded_where_they_are(spectrum):
    axes = panel()
    figures.shade_masked(axes, spectrum)
    (box,) = [patch.get_bbox() for patch in axes.patches]
    half_pixel = 0.625
    assert box.x0 == pytest.approx(spectrum.wave[100] - half_pixel)
    assert box.x1 == pytest.approx(spectrum.wave[139] + half_pixel)


def test_the_figure_is_written_whole_and_leaves_nothing_else(spectrum, tmp_path):
    mh = np.linspace(-0.3, 0.3, 5)[:, None] * np.ones(16)
    scalars = [("$A_V$ [mag]", 0.1, 0.2, 0.4)]
    figure = figures.answer_figure(spectrum, constant_history(), mh, scalars, "title", "caption")
    figures.save_figure(figure, tmp_path / "demo.png")
    assert [path.name for path in tmp_path.iterdir()] == ["demo.png"]
    assert (tmp_path / "demo.png").read_bytes().startswith(b"\x89PNG")
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "$0.20^{+0.20}_{-0.10}$" in texts


def test_a_figure_that_cannot_be_written_leaves_nothing(spectrum, tmp_path):
    with pytest.raises(OSError):
        figures.save_figure(Figure(), tmp_path / "missing" / "demo.png")
    assert list(tmp_path.iterdir()) == []
