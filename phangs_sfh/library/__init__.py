"""Synthetic libraries: priors, TFRecord writing and reading."""
