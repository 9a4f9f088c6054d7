"""The real spectrum that comes with the package."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from phangs_sfh.files.tables import read_table

if TYPE_CHECKING:
    from astropy.table import QTable

FILE = "demo_spectrum.fits"


def demo_spectrum() -> QTable:
    """A MUSE spectrum of the brightest galaxy of the cluster Abell 478, to try things on.

    Its making, with source and licence: ``scripts/build/demo_spectrum.py`` and ``NOTICE``.

    Returns
    -------
    table : one row with ``wave``, ``flux``, ``flux_err`` and ``mask`` (n_pixels each) and
        ``redshift``; in air; no HST bands

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> table = ps.demo_spectrum()
    >>> len(table), table.meta["WAVEMED"], round(float(table["redshift"][0]), 4)
    (1, 'air', 0.0857)
    """
    with resources.as_file(resources.files("phangs_sfh.data") / FILE) as path:
        return read_table(path)
