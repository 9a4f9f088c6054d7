"""Packages: all below phangs_sfh, and two folders that lie beside it in the repository."""

from setuptools import find_packages, setup

BESIDE = ["phangs_sfh.cli", "phangs_sfh.saved_models"]
found = find_packages(include=["phangs_sfh", "phangs_sfh.*"], exclude=BESIDE)
setup(packages=found + BESIDE)
