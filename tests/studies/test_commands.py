"""Every study is a folder with one entry script, which explains itself at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUDIES = sorted(path.parent.name for path in (ROOT / "studies").glob("*/__init__.py"))
HELP = """
import runpy, sys
sys.argv = ["{name}", "--help"]
try:
    runpy.run_module("studies.{name}", run_name="__main__")
finally:
    heavy = {{"tensorflow", "numpy", "astropy"}} & set(sys.modules)
    assert not heavy, heavy
"""


@pytest.mark.parametrize("name", STUDIES)
def test_help_comes_at_once(name):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HELP.format(name=name)]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("Usage:") and "--help" in run.stdout


def test_the_table_of_studies_is_whole():
    table = (ROOT / "studies" / "README.md").read_text()
    for name in STUDIES:
        assert f"[{name}]({name})" in table
        assert f"python -m studies.{name}" in table or name == "released"
