"""Rates, memory and where the time goes."""
