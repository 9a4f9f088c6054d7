"""Maps against a known truth, and against pPXF: docs/map_proof.md."""
