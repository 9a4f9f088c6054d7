import numpy as np
import pytest
from astropy.table import QTable

from phangs_sfh.errors import InputError
from phangs_sfh.files import tables


@pytest.fixture
def table():
    return QTable({"a": np.arange(1000.0)})


@pytest.mark.parametrize("ending", ["fits", "ecsv"])
def test_written_table_reads_back_and_nothing_else_is_left(table, tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    tables.write_table(table, path)
    np.testing.assert_array_equal(tables.read_table(path)["a"], table["a"])
    assert list(tmp_path.iterdir()) == [path]


def test_existing_output_is_kept_unless_told(table, tmp_path):
    path = tmp_path / "out.fits"
    path.write_text("precious")
    with pytest.raises(InputError, match="--overwrite"):
        tables.write_table(table, path)
    assert path.read_text() == "precious"
    tables.write_table(table, path, overwrite=True)
    assert len(tables.read_table(path)) == 1000


@pytest.mark.parametrize("ending", ["fits", "ecsv"])
def test_a_write_that_fails_half_way_leaves_the_old_output_alone(table, tmp_path, ending):
    """A real failing write: the largest file size that the process may write is cut."""
    resource = pytest.importorskip("resource")
    path = tmp_path / f"out.{ending}"
    path.write_text("precious")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        with pytest.raises(InputError, match=f"out.{ending}: cannot be written.*space"):
            tables.write_table(table, path, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk(table, tmp_path, monkeypatch):
    def no_space(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(QTable, "write", no_space)
    with pytest.raises(InputError, match="No space left on device"):
        tables.write_table(table, tmp_path / "out.fits")
    assert not list(tmp_path.iterdir())


def test_outputs_that_cannot_be(table, tmp_path):
    for path, words in (
        (tmp_path / "out.csv", ".fits or .ecsv"),
        (tmp_path / "no" / "out.fits", "does not exist"),
        (tmp_path, "must end in"),
    ):
        with pytest.raises(InputError, match=words):
            tables.check_output(path)


def test_folder_without_permission(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(InputError, match="no permission"):
        tables.check_output(tmp_path / "out.fits")
