"""Metrics, calibration, figures, benchmarks."""
