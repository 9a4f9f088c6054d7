"""What a run of ``map`` wrote, and which rows of the cube it read."""

from contextlib import contextmanager

import pytest
from astropy.io import fits

from phangs_sfh.maps.input import cube_spectra


def data(path):
    """Bytes of all extensions and their headers, of a file that keeps to the standard."""
    with fits.open(path) as hdus:
        hdus.verify("exception")
        return [hdu.data.tobytes() for hdu in hdus[1:]], [str(hdu.header) for hdu in hdus[1:]]


@contextmanager
def rows_read():
    """A list that grows by the first row of every block that is resampled meanwhile."""
    read, rows = cube_spectra.CubeSpectra.resampled, []

    def counted(self, wanted):
        rows.append(wanted.start)
        return read(self, wanted)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cube_spectra.CubeSpectra, "resampled", counted)
        yield rows
