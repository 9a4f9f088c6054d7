"""Input tables for the tests of the door."""

import astropy.units as u
import numpy as np
from astropy.table import QTable

from phangs_sfh.instrument.description import load_instrument

F_LAMBDA = u.erg / u.s / u.cm**2 / u.AA
INSTRUMENT = load_instrument()
BANDS = INSTRUMENT.band_names


def make_table(n=3, redshift=0.004, seed=0, bands=True, spectrum=True):
    """Rows with a sloping spectrum with noise, on MUSE's sampling, and five bands."""
    rng = np.random.default_rng(seed)
    table = QTable()
    if spectrum:
        wave = np.tile(np.arange(4750.0, 7200, 1.25), (n, 1))
        flux = (2 - wave / 7000) * rng.normal(1, 0.02, wave.shape) * 3e-18
        table["wave"] = wave * u.AA
        table["flux"] = flux * F_LAMBDA
        table["flux_err"] = np.full(wave.shape, 0.02 * 3e-18) * F_LAMBDA
        table.meta["WAVEMED"] = "air"
    table["redshift"] = np.full(n, redshift)
    if bands:
        for name in BANDS:
            table[name] = rng.uniform(2, 4, n) * 1e-18 * F_LAMBDA
            table[f"{name}_err"] = np.full(n, 1e-19) * F_LAMBDA
    return table


def arrays(observations):
    return observations.inputs()


def assert_same(one, other, rtol=2e-6):
    for name, value in arrays(one).items():
        np.testing.assert_allclose(value, arrays(other)[name], rtol=rtol, atol=1e-7, err_msg=name)
    np.testing.assert_array_equal(one.flags, other.flags)
