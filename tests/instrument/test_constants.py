"""Constants against astropy and their definitions, and written nowhere else."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy import constants as known
from astropy import units
from astropy.stats import mad_std
from scipy import stats

from phangs_sfh.evaluation import metrics
from phangs_sfh.instrument import constants

ROOT = Path(__file__).parents[2]


def test_they_are_astropys():
    assert constants.SPEED_OF_LIGHT == known.c.to_value("km / s")
    assert constants.PARSEC == pytest.approx(known.pc.to_value("cm"), rel=1e-15)
    assert constants.SOLAR_LUMINOSITY == known.L_sun.to_value("erg / s")
    assert constants.ARCSEC_PER_RADIAN == pytest.approx(units.rad.to("arcsec"), rel=1e-14)
    assert constants.ARCSEC_PER_DEGREE == units.deg.to("arcsec")
    assert 10 ** (0.4e-6) == pytest.approx(1 + constants.RELATIVE_PER_MAG * 1e-6, rel=1e-12)


def test_widths_of_a_gaussian():
    half = stats.norm.pdf(constants.FWHM_PER_SIGMA / 2) / stats.norm.pdf(0)
    assert half == pytest.approx(0.5, rel=1e-12)
    assert stats.norm.cdf(1 / constants.SIGMA_PER_MAD) == pytest.approx(0.75, abs=1e-5)
    values = np.random.default_rng(4).normal(size=(1000, 3))
    np.testing.assert_allclose(metrics.mad_std(values, axis=0), mad_std(values, axis=0), rtol=1e-5)
    assert metrics.mad_std(values) == pytest.approx(mad_std(values), rel=1e-5)


def test_importing_them_brings_nothing_along():
    loaded = (
        "import sys; from phangs_sfh.instrument import constants; "
        "print(sorted({'numpy', 'astropy', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


def test_they_are_written_once():
    numbers = re.compile(
        r"299792|2\.9979|2\.354|2\.355|1\.4826 \*|3\.0856|3\.828e|648000|20626[45]"
    )
    for folder in ("phangs_sfh", "cli", "studies", "scripts"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != "constants.py":
                found = numbers.search(path.read_text())
                assert not found, f"{path}: {found[0]}; use phangs_sfh.instrument.constants"
