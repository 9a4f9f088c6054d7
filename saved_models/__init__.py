"""Released models, installed as package data."""
