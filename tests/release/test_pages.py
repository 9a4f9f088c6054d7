"""Pages and docstrings name commands and files that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("cli", "docs", "phangs_sfh", "scripts", "studies", "tests")
PAGES = sorted(
    path
    for path in [
        *ROOT.glob("*.md"), ROOT / "Makefile", *ROOT.glob("docs/*.md"), *ROOT.glob("studies/*.md"),
        *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")),
    ]
    if path.name != "CHANGELOG.md" and not any(p.is_symlink() for p in path.parents)
)  # fmt: skip
FILE = re.compile(r"(?<![\w/.-])((?:cli|phangs_sfh|scripts|studies|tests)/[\w/]+\.(?:py|sh|md))\b")
MODULE = re.compile(r"python -m ((?:studies|phangs_sfh)(?:\.\w+)+)")


def test_files_and_commands_that_are_named_exist():
    for page in PAGES:
        text = page.read_text()
        for name in FILE.findall(text):
            pattern = Path(name).stem.isupper()  # as cli/NAME.py
            assert pattern or (ROOT / name).exists(), f"{page.relative_to(ROOT)} names {name}"
        for name in MODULE.findall(text):
            path = ROOT / name.replace(".", "/")
            entry = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
            known = entry.exists() or name.endswith("NAME")
            assert known, f"{page.relative_to(ROOT)} names python -m {name}"
