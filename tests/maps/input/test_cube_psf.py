"""What headers tell of the PSF."""

import pytest
from astropy.io import fits

from phangs_sfh.maps.input.cube_psf import header_psf

WAVE = 7000.0


@pytest.mark.parametrize(
    "cards, fwhm, source, exact",
    [
        ({"PSF_FWHM": 0.8, "SKY_RES": 0.9}, 0.8, "PSF_FWHM", True),
        ({"FSFMODE": "MOFFAT1", "FSF00BET": 2.8, "FSF00FWA": 0.825, "FSF00FWB": -3e-5},
         0.615, "FSF00FWA", True),
        ({"FSFMODE": 2, "FSFLB1": 5000, "FSFLB2": 9000, "FSF00FNC": 2, "FSF00F00": -0.1,
          "FSF00F01": 0.7}, 0.7, "FSF00F00", True),
        ({"SKY_RES": 0.76, "ESO OCS SGS FWHM MED": 0.9}, 0.76, "SKY_RES", True),
        ({"ESO QC EXPCOMB FWHM MEDIAN": 0.0, "ESO OCS SGS FWHM MED": 0.845},
         0.845, "ESO OCS SGS FWHM MED", False),
        ({"ESO OCS SGS FWHM MED": 0.0, "ESO TEL IA FWHM": 0.93}, 0.93, "ESO TEL IA FWHM", False),
        ({"SKY_RES": "unknown", "PSF_FWHM": -1.0}, None, "", False),
    ],
)  # fmt: skip
def test_conventions(cards, fwhm, source, exact):
    header = fits.Header()
    for key, value in cards.items():
        header[f"HIERARCH {key}" if key.startswith("ESO") else key] = value
    for headers in ([header, fits.Header()], [fits.Header(), header]):
        found = header_psf("cube.fits", headers, WAVE)
        assert found == (pytest.approx(fwhm) if fwhm else None, source, exact)


@pytest.mark.parametrize(
    "name, fwhm",
    [("NGC0628_PHANGS_DATACUBE_copt_0.92asec.fits", 0.92), ("NGC3627-1.05asec.fits", 1.05),
     ("NGC3627-15asec.fits", 15.0), ("NGC3627-1.05asec_MAPS.fits", 1.05)],
)  # fmt: skip
def test_the_name_of_homogenised_mosaics(name, fwhm):
    header = fits.Header({"SKY_RES": 0.7})
    assert header_psf(name, [header], WAVE) == (fwhm, "file name", True)
    assert header_psf("NGC3627.fits", [header], WAVE) == (0.7, "SKY_RES", True)
