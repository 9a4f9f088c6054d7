"""Studies: what made a page of docs/. Each folder runs as ``python -m studies.NAME``."""

from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
