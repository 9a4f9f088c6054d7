"""Physical and statistical constants, once; plain numbers, so that importing them costs nothing."""

import math

SPEED_OF_LIGHT = 299792.458
"""[km/s]"""

PARSEC = 3.0856775814913673e18
"""[cm], IAU 2015"""

SOLAR_LUMINOSITY = 3.828e33
"""[erg/s], IAU 2015"""

ARCSEC_PER_DEGREE = 3600.0
ARCSEC_PER_RADIAN = ARCSEC_PER_DEGREE * 180.0 / math.pi

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
"""Of a Gaussian."""

SIGMA_PER_MAD = 1.4826
"""Of a Gaussian: standard deviation over median absolute deviation from the median."""

RELATIVE_PER_MAG = math.log(10.0) / 2.5
"""Relative error of a flux for an error of one magnitude, both small."""
