"""Stellar populations: one loader per engine, one grid format."""
