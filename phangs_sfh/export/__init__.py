"""A trained network as a SavedModel."""
