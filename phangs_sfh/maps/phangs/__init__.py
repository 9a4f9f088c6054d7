"""PHANGS as it lies on disk: its galaxies, the names of its files, and which of them to take."""
