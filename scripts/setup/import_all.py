"""Import every module of the package, its commands and the studies.

python scripts/setup/import_all.py

What only some Pythons or installations lack shows here and not in a user's hands.
"""

import importlib
import os
import pkgutil
import platform
import sys
from pathlib import Path

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOTS = ("phangs_sfh", "phangs_sfh.cli", "studies")


def modules():
    """Names of all modules, sorted."""
    names = set()
    for root in ROOTS:
        paths = importlib.import_module(root).__path__
        names |= {root} | {found.name for found in pkgutil.walk_packages(paths, f"{root}.")}
    return sorted(names)


def main():
    sys.path.insert(0, str(Path(__file__).parents[2]))
    failed = 0
    names = modules()
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever it is, it is to be seen with the others
            failed += 1
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
    python, well = platform.python_version(), len(names) - failed
    print(f"Python {python}: {well} of {len(names)} modules import")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
