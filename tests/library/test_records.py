"""Libraries read back, and damaged ones refused in one line that names the file."""

import json

import numpy as np
import pytest
import toy_library

from phangs_sfh.errors import InputError
from phangs_sfh.library import records
from phangs_sfh.library.observing import ObservingConditions
from phangs_sfh.problems.histories import priors

COUNTS = (("train", 40), ("valid", 8), ("test", 8))


@pytest.fixture
def folder(tmp_path):
    return toy_library.write_library(tmp_path / "toy", COUNTS)


def edit(folder, **changes):
    path = folder / "library.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def refusal(call):
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_reads_what_was_written(folder):
    library = records.open_library(folder, toy_library.instrument())
    records.verify(library)
    written, read = toy_library.galaxies(40, 0), records.load(library, "train")
    for name, values in read.items():
        np.testing.assert_array_equal(values, written[name])
    assert library.n_galaxies("train") == 40 and library.z_sun == 0.02
    (streamed,) = records.dataset(library, "valid").as_numpy_iterator()
    np.testing.assert_array_equal(streamed["mh"], records.load(library, "valid")["mh"])


@pytest.mark.parametrize("length", [0, 9, 1000, -20])
def test_truncated_shard_is_named(folder, length):
    path = folder / "train-00001-of-00002.tfrecord.gz"
    path.write_bytes(path.read_bytes()[:length])
    library = records.open_library(folder)
    for call in (lambda: records.load(library, "train"), lambda: records.verify(library)):
        message = refusal(call)
        assert path.name in message and "make-library" in message


def test_corrupt_shard_is_named(folder):
    path = folder / "train-00000-of-00002.tfrecord.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    library = records.open_library(folder)
    assert path.name in refusal(lambda: records.load(library, "train"))
    assert path.name in refusal(lambda: records.verify(library))


def test_shard_of_another_length_is_named(folder):
    path = folder / "valid-00000-of-00001.tfrecord.gz"
    path.write_bytes((folder / "train-00000-of-00002.tfrecord.gz").read_bytes())
    library = records.open_library(folder)
    assert "holds 20 galaxies, library.json says 8" in refusal(
        lambda: records.load(library, "valid")
    )


def test_missing_shard_and_missing_library(folder, tmp_path):
    path = folder / "test-00000-of-00001.tfrecord.gz"
    path.unlink()
    assert path.name in refusal(lambda: records.open_library(folder))
    assert "library.json" in refusal(lambda: records.open_library(tmp_path / "none"))


def test_other_schema_version(folder):
    edit(folder, schema_version=2)
    message = refusal(lambda: records.open_library(folder))
    assert "library.json" in message and "schema_version is 2" in message


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": 1}'])
def test_broken_description(folder, content):
    (folder / "library.json").write_text(content)
    assert "library.json" in refusal(lambda: records.open_library(folder))


def test_other_instrument(folder):
    other = toy_library.instrument(n_pixels=321)
    message = refusal(lambda: records.open_library(folder, other))
    assert "instrument" in message and "library.json" in message


def test_shard_for_another_grid_is_refused(folder):
    edit(folder, instrument=toy_library.instrument(n_pixels=300).to_dict())
    library = records.open_library(folder)
    assert "train-00000" in refusal(lambda: records.load(library, "train"))


def test_prior_sets_the_observing_conditions(folder):
    library = records.open_library(folder)
    library.content["prior"] = priors.load_prior("paper")
    chosen = library.survey().conditions
    assert chosen.sn == (30.0, 150.0)  # as in Galceran et al.
    assert chosen.band_error == ObservingConditions().band_error
    library.content["prior"] = priors.load_prior("broad")
    assert library.survey().conditions == ObservingConditions()
    library.content["prior"]["observing"] = {"seeing": 1.0}
    assert "seeing" in refusal(library.survey)
