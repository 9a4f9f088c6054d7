"""Command line: one click command per file, thin."""
