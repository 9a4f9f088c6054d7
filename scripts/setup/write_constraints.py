"""Write constraints.txt: the versions, as installed here, that the tests have passed with.

.venv/bin/python scripts/setup/write_constraints.py    (after make test)

pip keeps to them on the same Python and system only: others may lack these versions. They bind
this repository's own environments, never a user's.
"""

import platform
import sys
from importlib import metadata
from pathlib import Path

from check_licences import closure

OUT = Path(__file__).parents[2] / "constraints.txt"
NOT_OURS = {"pip", "setuptools", "wheel"}  # of the environment, not of the package
HEAD = """\
# Versions that make demo, make test and make lint install; by scripts/setup/write_constraints.py.
# Elsewhere than on the Python and system named, the limits in setup.cfg alone hold.
"""


def lines():
    """One pinned version a line, with the environment it holds for."""
    python = ".".join(platform.python_version_tuple()[:2])
    where = f'python_version == "{python}" and sys_platform == "{sys.platform}"'
    names = [name for name in closure(("test",)) if name not in NOT_OURS]
    return [f"{name}=={metadata.version(name)} ; {where}" for name in names]


if __name__ == "__main__":
    OUT.write_text(HEAD + "\n".join(lines()) + "\n")
