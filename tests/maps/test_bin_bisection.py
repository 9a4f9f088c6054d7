"""Bins of a target S/N."""

import numpy as np
import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.maps.bin_bisection import MAX_SPAXELS, bins_of_target


def disc(n, level=2000.0):
    y, x = np.mgrid[:n, :n] - (n - 1) / 2
    signal = level * np.exp(-4 * np.hypot(x, y) / (n / 2)) + 1
    return signal, np.full((n, n), 50.0)


def reached(bins, signal, noise, covariance=0.0):
    inside = bins >= 0
    count = np.bincount(bins[inside])
    noise = np.sqrt(np.bincount(bins[inside], noise[inside] ** 2))
    return np.bincount(bins[inside], signal[inside]) / noise / (1 + covariance * np.log10(count))


@pytest.mark.parametrize("covariance", [0.0, 1.06])
def test_every_bin_reaches_the_target_and_none_could_be_two(covariance):
    signal, noise = disc(120)
    signal[40:45, 70] = np.nan
    noise[:, :10] = 0
    bins = bins_of_target(signal, noise, 25, covariance)
    snr = reached(bins, signal, noise, covariance)
    size = np.bincount(bins[bins >= 0])
    assert (size > 0).all() and len(size) > 40
    assert snr.min() >= 25 and np.median(snr[size > 1]) < 1.3 * 25
    assert size[snr > 2 * 25].max(initial=1) == 1
    assert (bins[40:45, 70] == -1).all() and (bins[:, :10] == -1).all()
    alone = signal / 50 >= 25
    alone[:, :10] = False
    assert (size[bins[alone]] == 1).all()


def test_bins_are_compact():
    signal, noise = disc(150)
    bins = bins_of_target(signal, noise, 25)
    y, x = np.nonzero(bins >= 0)
    number = bins[y, x]
    size = np.bincount(number)
    spread = sum(
        np.bincount(number, axis**2.0) / size - (np.bincount(number, axis) / size) ** 2
        for axis in (x, y)
    )
    # of a disc spread is size / 2π, of a square size / 6, of a 2:1 rectangle size / 4.8
    big = size >= 10
    assert np.median((spread / size)[big]) < 1 / 4.8
    assert np.percentile((spread / size)[big], 95) < 0.4


def test_faint_spaxels_are_left_out():
    signal, noise = disc(60)
    signal[:10] = 0.1
    bins = bins_of_target(signal, noise, 50)
    assert (bins[:10] == -1).all() and np.bincount(bins[bins >= 0]).max() <= MAX_SPAXELS


def test_a_target_out_of_reach_is_refused():
    signal, noise = disc(20, 10)
    with pytest.raises(InputError, match="all spaxels together reach only S/N"):
        bins_of_target(signal, noise, 400)
    with pytest.raises(InputError, match="reach only S/N 0"):
        bins_of_target(-signal, noise, 5)
