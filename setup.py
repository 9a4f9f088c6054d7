"""All settings live in setup.cfg; this file is what older pip versions look for."""

from setuptools import setup

setup()
