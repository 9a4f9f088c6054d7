"""Cubes, images, PSFs and sky maps as they lie on disk."""
