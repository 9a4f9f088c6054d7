"""Answers on galaxies that bagpipes makes: histories, enrichment and dust drawn by other rules."""
