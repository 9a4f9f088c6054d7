"""Stellar libraries that the network never saw: docs/robustness.md."""
