"""A library of 90 galaxies in small shards, written at once by one process."""

import pytest

from phangs_sfh.library import plan, writer

N, SEED, SHARD = 90, 7, 15


@pytest.fixture
def small_shards(monkeypatch):
    """Every library of the test is cut into shards of 15 galaxies."""
    monkeypatch.setattr(writer, "plan_shards", lambda n: plan.plan_shards(n, SHARD))


@pytest.fixture(scope="package")
def unbroken(tmp_path_factory):
    """Folder of the library."""
    folder = tmp_path_factory.mktemp("libraries") / "mine"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "plan_shards", lambda n: plan.plan_shards(n, SHARD))
        writer.write_library(folder, N, seed=SEED, workers=1)
    return folder
