"""What is in the wheel: code from two folders, data, models, licences, and the command.

Tests that build one are slow; what setup.py declares is looked at always.
"""

import importlib.util
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEFT_BEHIND = shutil.ignore_patterns(
    ".*", "tfrecords", "runs", "build", "demo", "*.egg-info", "__pycache__", "logs"
)


def can_build():
    setuptools = tuple(int(part) for part in metadata.version("setuptools").split(".")[:2])
    return setuptools >= (70, 1) or importlib.util.find_spec("wheel") is not None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Names in a wheel built from a copy of the source tree, and its metadata."""
    if not can_build():
        pytest.skip("needs setuptools 70.1 or the wheel package")
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "source", ignore=LEFT_BEHIND)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w"]
    subprocess.run([*command, folder, folder / "source"], check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("phangs_sfh-*.whl"))) as archive:
        names = set(archive.namelist())
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        return names, archive.read(entry_points).decode()


def expected(folder, package, suffixes=None):
    """Files of a source folder under their installed names."""
    found = set()
    for path in folder.rglob("*"):
        skipped = {"__pycache__", "logs"} & set(path.parts) or path.name.startswith(".")
        if path.is_file() and not skipped and (suffixes is None or path.suffix in suffixes):
            found.add(f"{package}/{path.relative_to(folder).as_posix()}")
    return found


def test_setup_finds_every_package_and_no_study(monkeypatch):
    declared = {}
    monkeypatch.setattr("setuptools.setup", lambda **given: declared.update(given))
    monkeypatch.chdir(ROOT)
    runpy.run_path("setup.py")
    folders = {path.parent for path in (ROOT / "phangs_sfh").rglob("__init__.py")}
    expected = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(declared["packages"]) == expected | {"phangs_sfh.cli", "phangs_sfh.saved_models"}


@pytest.mark.slow
def test_all_code_is_in_the_wheel(wheel):
    names, _ = wheel
    code = expected(ROOT / "phangs_sfh", "phangs_sfh", {".py"})
    code |= expected(ROOT / "cli", "phangs_sfh/cli", {".py"})
    assert code - names == set()


@pytest.mark.slow
def test_all_data_and_released_models_are_in_the_wheel(wheel):
    names, _ = wheel
    data = expected(ROOT / "phangs_sfh" / "data", "phangs_sfh/data")
    data |= expected(ROOT / "saved_models", "phangs_sfh/saved_models")
    assert data - names == set()
    assert any(name.endswith("saved_model.pb") for name in names)


@pytest.mark.slow
def test_licences_and_command_are_in_the_wheel_and_tests_are_not(wheel):
    names, entry_points = wheel
    for name in ["LICENSE", "NOTICE"]:
        assert any(path.endswith(f"/{name}") and "dist-info" in path for path in names)
    assert "phangs-sfh = phangs_sfh.cli.main:main" in entry_points
    folders = {name.split("/")[0] for name in names}
    assert {name for name in folders if not name.endswith(".dist-info")} == {"phangs_sfh"}


def test_every_embedded_data_file_is_in_the_notice():
    notice = (ROOT / "NOTICE").read_text()
    for path in (ROOT / "phangs_sfh" / "data").iterdir():
        if path.suffix in {".fits", ".txt"} or path.name.startswith("instrument_"):
            assert f"phangs_sfh/data/{path.name}" in notice


def test_the_version_is_written_once():
    from phangs_sfh.version import __version__

    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_readme_holds_measured_numbers_and_pictures_that_exist():
    text = (ROOT / "README.md").read_text()
    assert "TO MEASURE" not in text
    for target in re.findall(r"\]\(([\w/.-]+)\)", text):
        assert (ROOT / target).exists(), f"README.md points to {target}, which is missing"
