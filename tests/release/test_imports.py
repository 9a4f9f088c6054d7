"""Who imports whom: what `make lint` does not see of it (.importlinter holds the rest)."""

import ast
import re
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
BESIDE = {"cli", "saved_models"}  # in some installations links inside the package


def sources():
    """Paths of the package's own modules."""
    package = ROOT / "phangs_sfh"
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] not in BESIDE:
            yield path


def test_the_package_does_not_import_its_commands():
    """They lie in cli/ and are phangs_sfh.cli when installed, which the linter cannot know."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                names = {node.module or "", *(f"{node.module}.{a.name}" for a in node.names)}
                assert not any(name.startswith("phangs_sfh.cli") for name in names), path


def test_every_module_is_used():
    """By a command, by the door, by another module or by a study."""
    graph = grimp.build_graph("phangs_sfh", "cli", "studies", cache_dir=None)
    text = "".join(path.read_text() for path in sources())
    by_name = set(re.findall(r'"(phangs_sfh(?:\.\w+)+)[":]', text))
    for path in sources():
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.name != "__init__.py" and name not in by_name:
            assert graph.find_modules_that_directly_import(name), f"{name}: nothing uses it"
