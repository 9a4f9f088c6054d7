"""Warnings of the library as lines on stderr."""

import warnings
from contextlib import contextmanager

import click

from phangs_sfh.errors import InputWarning


@contextmanager
def warnings_as_lines():
    """Print each ``InputWarning`` of the block as ``Warning: ...``."""

    def show(message, category, *place, **more):
        if issubclass(category, InputWarning):
            click.echo(f"Warning: {message}", err=True)
        else:
            usual(message, category, *place, **more)

    with warnings.catch_warnings():
        usual = warnings.showwarning
        warnings.simplefilter("always", InputWarning)
        warnings.showwarning = show
        yield
