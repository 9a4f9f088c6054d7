"""Training: library to model."""
