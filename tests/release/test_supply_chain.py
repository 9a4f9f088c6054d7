"""What comes from elsewhere: licences, versions, weights and data that are what they say."""

import configparser
import importlib.util
import json
import os
import re
import shutil
import zipfile
from pathlib import Path

import keras
import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.files import checksums
from phangs_sfh.files.keras_file import check_keras
from phangs_sfh.galaxy import gas
from phangs_sfh.network.model import load_model
from phangs_sfh.problems.histories import LABELS
from phangs_sfh.ssp import bc03

ROOT = Path(__file__).parents[2]


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / "setup" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_licences_of_all_that_is_installed_go_with_ours():
    check = script("check_licences")
    found = check.closure(("test",))
    assert {"tensorflow", "astropy", "h5py"} <= set(found)  # also what needs need
    assert check.problems(("test",)) == []
    assert check.unnoticed() == []


@pytest.mark.parametrize("licence", ["GPL-2.0-only", "Proprietary", "SSPL-1.0", "CC-BY-NC-4.0", ""])
def test_other_licences_are_not_allowed(licence):
    assert not script("check_licences").allowed(licence)


def test_every_dependency_has_a_lower_and_a_tested_upper_version():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    needs = settings["options"]["install_requires"].split("\n")[1:]
    assert len(needs) > 10
    for line in needs:
        assert re.fullmatch(r"[\w-]+>=[\d.]+,<[\d.]+", line.strip()), line
    pinned = (ROOT / "constraints.txt").read_text()
    for line in needs:
        name = re.match(r"[\w-]+", line.strip())[0].replace("_", "-").lower()
        assert f"\n{name}==" in pinned, f"{name}: run scripts/setup/write_constraints.py"


def trained(folder, model):
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"av_softness": LABELS["av"].transform.softness}))
    model.save(folder / "model.keras")
    return folder


def rewritten(path, change):
    """Change config.json inside a .keras file."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(files["config.json"])
    change(config)
    files["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def one_layer(layer):
    return keras.Sequential([keras.Input((2,)), layer])


def test_code_inside_a_model_is_not_run(tmp_path):
    """A Lambda layer is marshalled Python: loading one would run whatever it says."""
    mark = tmp_path / "ran"
    layer = keras.layers.Lambda(lambda x, mark=str(mark): [open(mark, "w").close(), x][1])
    folder = trained(tmp_path / "model", one_layer(layer))
    mark.unlink(missing_ok=True)
    with pytest.raises(InputError, match="model.keras: cannot be read"):
        load_model(folder)
    assert not mark.exists()


@pytest.mark.parametrize(
    "module, name, config",
    [
        ("os", "system", {"command": "touch {mark}"}),
        ("subprocess", "check_call", {"args": ["touch", "{mark}"]}),
        ("builtins", "eval", {"source": "open('{mark}', 'w')"}),
    ],
)
def test_a_model_cannot_name_functions_to_call(tmp_path, module, name, config):
    mark = tmp_path / "ran"
    folder = trained(tmp_path / "model", one_layer(keras.layers.Dense(1)))
    config = json.loads(json.dumps(config).replace("{mark}", str(mark)))

    def poison(content):
        layer = content["config"]["layers"][-1]
        layer.update(module=module, class_name=name, registered_name=name, config=config)
        layer.pop("build_config", None)

    rewritten(folder / "model.keras", poison)
    with pytest.raises(InputError, match=f"model.keras: cannot be read.*'{module}.{name}'"):
        load_model(folder)
    assert not mark.exists()


@pytest.mark.parametrize(
    "module, name, registered",
    [
        ("keras.layers", "StringLookup", None),  # reads the file that holds its vocabulary
        ("keras.layers", "TFSMLayer", None),  # loads another SavedModel
        ("keras.layers", "Lambda", "phangs_sfh>Lambda"),
        ("keras.layers", "Dense", "other>Dense"),
        ("phangs_sfh.cli.main", "Dense", None),
        (None, "__lambda__", None),
        (["keras"], "Dense", None),
        ("keras.layers", {"name": "Dense"}, None),
    ],
)
def test_a_model_is_made_of_listed_classes_alone(tmp_path, module, name, registered):
    """Wherever in the file they are named; Keras is not asked."""
    folder = trained(tmp_path / "model", one_layer(keras.layers.Dense(1)))

    def poison(content):
        layer = content["config"]["layers"][-1]
        content["config"]["layers"] = [{**layer["config"], "deep": [{"kernel": layer}]}]
        layer.update(module=module, class_name=name, registered_name=registered)

    rewritten(folder / "model.keras", poison)
    with pytest.raises(InputError, match="which no network of this package has"):
        check_keras(folder / "model.keras")


@pytest.mark.parametrize("part", ["config.json", "model.weights.h5", "more.py", "../out", "whole"])
def test_damaged_network_files_are_one_line(tmp_path, part):
    folder = trained(tmp_path / "model", one_layer(keras.layers.Dense(1)))
    path = folder / "model.keras"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**parts, part: b"not what it was " * 99}.items():
            archive.writestr(name, data)
    if part == "whole":
        path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError, match="model.keras: cannot be read") as refusal:
        load_model(folder)
    assert "\n" not in str(refusal.value)


def test_a_flipped_bit_in_weights_is_seen(tmp_path):
    folder = trained(tmp_path / "model", one_layer(keras.layers.Dense(1)))
    path = folder / "model.keras"
    data = bytearray(path.read_bytes())
    data[data.index(b"HDF") + 1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"cannot be read \(its part model.weights.h5 is damaged"):
        check_keras(path)


def test_nothing_is_unpickled_or_evaluated():
    forbidden = re.compile(
        r"^\s*(import|from) (pickle|marshal|shelve|joblib|dill)\b|allow_pickle=True"
        r"|(?<![\w.])(eval|exec)\(|safe_mode=False|enable_unsafe_deserialization",
        re.MULTILINE,
    )
    sources = [*(ROOT / "phangs_sfh").rglob("*.py"), *(ROOT / "cli").rglob("*.py")]
    assert len(sources) > 50
    assert [str(path) for path in sources if forbidden.search(path.read_text())] == []


def test_data_of_the_package_are_checked_when_read(tmp_path, monkeypatch):
    data = ROOT / "phangs_sfh" / "data"
    listed = json.loads((data / checksums.FILE).read_text())
    assert set(listed) == {path.name for path in data.glob("*.fits")}, (
        "run scripts/build/write_checksums.py"
    )
    checksums.verify(data)
    for file in ("bc03_miles.fits", "cloudy_bc03.fits", checksums.FILE):
        shutil.copyfile(data / file, tmp_path / file)
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    for read, file in ((bc03.load.__wrapped__, bc03.FILE), (gas.load_gas.__wrapped__, gas.FILE)):
        path = tmp_path / file
        with open(path, "r+b") as damaged:  # one bit of a spectrum
            damaged.seek(path.stat().st_size // 2)
            byte = damaged.read(1)[0]
            damaged.seek(-1, os.SEEK_CUR)
            damaged.write(bytes([byte ^ 4]))
        with pytest.raises(InputError, match=f"{file}: SHA-256 differs.*install the package again"):
            read()


def test_checksums(tmp_path):
    (tmp_path / "variables").mkdir()
    for name in ("a.pb", "variables/data", "card.md"):
        (tmp_path / name).write_text(name)
    checksums.verify(tmp_path)  # made before there were checksums
    checksums.write(tmp_path, ("a.pb", "variables", "absent"))
    assert set(json.loads((tmp_path / checksums.FILE).read_text())) == {"a.pb", "variables/data"}
    (tmp_path / "card.md").write_text("may change")
    checksums.verify(tmp_path)
    (tmp_path / "variables" / "data").write_text("variables/dota")
    with pytest.raises(InputError, match="variables/data: SHA-256 differs.*copy it again"):
        checksums.verify(tmp_path)
    checksums.verify(tmp_path, names=("a.pb",))
    (tmp_path / "a.pb").unlink()
    with pytest.raises(InputError, match="a.pb: missing; copy it again"):
        checksums.verify(tmp_path)
    for text in ("{", "[]"):
        (tmp_path / checksums.FILE).write_text(text)
        with pytest.raises(InputError, match="checksums.json"):
            checksums.verify(tmp_path)
