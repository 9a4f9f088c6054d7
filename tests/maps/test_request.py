"""What ``map`` is asked, checked before anything is opened."""

import pytest
from small_cube import write_cube

from phangs_sfh.errors import InputError
from phangs_sfh.maps.request import Options, check_request


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e9])
@pytest.mark.parametrize("name", ["snr", "bin_covariance", "ebv", "distance", "psf", "image_psf"])
def test_numbers_that_make_no_sense(tmp_path, name, value):
    write_cube(tmp_path / "c.fits", 1, 1)
    given = [("F275W", value)] if name == "image_psf" else value
    options = Options(redshift=0.0, **{name: given})
    with pytest.raises(InputError, match=f"^--{name.replace('_', '-')} .*must be between"):
        check_request(tmp_path / "c.fits", tmp_path / "m.fits", options=options)
