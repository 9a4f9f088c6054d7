"""Studies: what made a page of docs/. Each folder runs as ``python -m studies.NAME``."""
