"""The figure of a map file."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from small_cube import wcs_cards

from phangs_sfh.galaxy import ages
from phangs_sfh.maps.output import MapFile, extensions
from phangs_sfh.plots.map_figure import map_figure, plot_maps

SHAPE = (12, 15)


def write_maps(path, answered=True, distance=0.0, **more):
    rng = np.random.default_rng(0)
    cards = {"OBJECT": "NGC 0", "MODEL": "m", "MODELVER": "1", "CREATOR": "phangs-sfh"}
    cards["DISTANCE"] = distance
    cards["AGEBINS"] = " ".join(f"{edge:g}" for edge in ages.EDGES_MYR)
    layout = extensions("1e-20 erg / (s cm2 Angstrom)", **more)
    header = fits.Header()
    wcs_cards(header, SHAPE[1], SHAPE[0], angle=30)
    with MapFile(path, SHAPE, layout, WCS(header) if distance else None, cards) as maps:
        for extension in maps.layout.values():
            values = rng.uniform(0.1, 1, (extension.planes, *SHAPE))
            values[:, 3:5] = 7 if extension.integer else np.nan
            if extension.name == "WHITE":
                values[:, 6, 7] = 9
            if not answered and not extension.integer:
                values[:] = np.nan
            maps.write(extension.name, slice(0, SHAPE[0]), values)


def test_the_brightest_spaxel_is_among_the_histories(tmp_path):
    write_maps(tmp_path / "m.fits")
    figure = map_figure(tmp_path / "m.fits")
    titles = [axes.get_title() for axes in figure.axes]
    assert any(t.startswith("brightest, x = 8, y = 7") for t in titles)
    assert {"white light", "surprise", "[M/H] [dex], by mass"} <= set(titles)
    plot_maps(tmp_path / "m.fits", tmp_path / "m.png")
    assert (tmp_path / "m.png").read_bytes()[1:4] == b"PNG"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("distance, bar", [(0.0, "2 spaxels"), (20.0, "50 pc"), (400.0, "1 kpc")])
def test_the_scale_is_in_kpc_where_the_distance_is_known(tmp_path, distance, bar):
    write_maps(tmp_path / "m.fits", distance=distance, light=distance > 0)
    figure = map_figure(tmp_path / "m.fits")
    written = [text.get_text() for text in figure.axes[0].texts]
    assert bar in written and ("N" in written) == (distance > 0)
    title = next(t for t in (axes.get_title() for axes in figure.axes) if t.startswith("log SFR"))
    assert ("kpc" in title) == (distance > 0) and ("per mass" in title) == (distance == 0)


@pytest.mark.parametrize("answered", [True, False])
def test_maps_without_an_answer_can_be_drawn(tmp_path, answered):
    write_maps(tmp_path / "m.fits", answered)
    plot_maps(tmp_path / "m.fits", tmp_path / "m.png")
