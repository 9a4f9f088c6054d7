"""The fast way to the grid against the general one."""

import numpy as np
import pytest

from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.observations.rest_frame import spectra_to_grid
from phangs_sfh.observations.shared_grid import SharedGrid, channels_needed


@pytest.mark.parametrize("redshift, vacuum", [(0.0, False), (0.0027, False), (0.09, True)])
def test_cubes_and_tables_are_resampled_alike(redshift, vacuum):
    instrument, rng = load_instrument(), np.random.default_rng(1)
    wave = 4750 + 1.25 * np.arange(3000)
    n = 7
    flux = rng.normal(100, 30, (n, len(wave))).astype("f4")
    error = rng.uniform(1, 5, flux.shape).astype("f4")
    bad = rng.uniform(size=flux.shape) < 0.1
    bad[2, 200:400] = bad[3] = True
    expected = spectra_to_grid(
        np.tile(wave, (n, 1)), flux, np.where(bad, 0, error), np.full(n, redshift), vacuum,
        instrument,
    )  # fmt: skip

    channels = channels_needed(wave, [redshift], vacuum, instrument)
    shared = SharedGrid(wave[channels], redshift, vacuum, instrument)
    got = shared.resample(
        np.where(bad, 0, flux).T[channels].copy(), np.where(bad, 0, error**2).T[channels].copy()
    )
    assert channels.start > 0 and channels.stop < len(wave)
    for value, wanted in zip(got, expected[:2], strict=True):
        assert value.dtype == np.float32
        assert ((value.T == 0) == (wanted == 0)).all()
        assert np.abs(value.T - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_no_channel_is_needed_where_none_reaches():
    channels = channels_needed(np.arange(9000.0, 9300), [0.0], False, load_instrument())
    assert channels.stop == channels.start
