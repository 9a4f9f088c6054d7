"""The one reader of model.json, and its refusals."""

import json

import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.files import model_json


def test_content_comes_back(tmp_path):
    content = {"schema_version": 1, "name": "mine", "anything": [1, 2]}
    (tmp_path / model_json.FILE).write_text(json.dumps(content))
    assert model_json.read(tmp_path, ("name",)) == content
    assert model_json.read(str(tmp_path)) == content


def test_files_from_before_the_schema_was_recorded_are_read(tmp_path):
    (tmp_path / model_json.FILE).write_text('{"name": "old"}')
    assert model_json.read(tmp_path) == {"name": "old"}


REFUSED = {
    "cut short": (b'{"name": ', "not JSON"),
    "not text": (b"\xff\xfe\x00", "not JSON"),
    "a list": (b"[]", "holds no fields"),
    "a name that is none": (b'{"name": 7}', "field 'name': input should be a valid string"),
    "a name with a path": (b'{"name": "../x"}', "field 'name'"),
    "no number": (b'{"name": "x", "z_sun": NaN}', "not JSON .nan is no number"),
    "beyond all numbers": (b'{"name": "x", "z_sun": 1e400}', "not JSON .inf is no number"),
    "an endless integer": (b'{"name": "x", "version": 1' + b"0" * 400 + b"}", "64 bits"),
    "without end": (b"[" * 100_000, "not JSON"),
    "lines of another kind": (b'{"emission_lines": "on"}', "field 'emission_lines'"),
    "a posterior of words": (b'{"posterior": {"mean": ["a"]}}', "field 'posterior.mean.0'"),
    "no name": (b'{"schema_version": 1}', "field 'name' is missing"),
    "newer": (b'{"schema_version": 7, "name": "x"}', "schema_version is 7, this package reads 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_line_names_the_file_and_the_remedy(tmp_path, case):
    content, words = REFUSED[case]
    (tmp_path / model_json.FILE).write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        model_json.read(tmp_path, ("name",), "fetch it again")
    message = str(caught.value)
    assert message.startswith(str(tmp_path / model_json.FILE)) and "fetch it again" in message
    assert "\n" not in message


def test_a_folder_without_it_or_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(InputError, match="model.json: missing; give the folder of a model"):
            model_json.read(folder)
