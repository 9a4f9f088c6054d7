"""Options that several commands have, each written once."""

from math import isfinite

import click

FOLDER, FILE = click.Path(file_okay=False), click.Path(dir_okay=False)


class Number(click.FloatRange):
    """A finite number within limits, the lower one excluded where ``min_open``."""

    def convert(self, value, param, ctx):
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


POSITIVE = Number(min=0, min_open=True)


def output(text, kind=None, default=None, required=True):
    """``-o``: what the command writes, of ``kind`` FOLDER or FILE; not required with a default."""
    more = {"required": required}
    if default is not None:
        more = {"default": default, "show_default": True}
    return click.option("-o", "--output", type=kind or click.Path(), help=text, **more)


def model(name="model"):
    """``--model``: an exported model, given to the command by ``name``."""
    text = "Exported model's folder, or a released name [phangs]."
    return click.option("--model", name, type=click.Path(), help=text)


def assume(text=""):
    """``--assume``: what the answer takes for granted, a dict by what it is about."""
    return click.option(
        "--assume", "assumed", metavar="ABOUT=OPTION", callback=_assumed,
        help=f"What to take for granted, as stars=bc03 [default: the model's].{text}",
    )  # fmt: skip


def _assumed(context, option, value):
    if value is None:
        return {}
    about, equals, name = value.partition("=")
    if not (about and equals and name):
        raise click.UsageError(f"--assume {value}: give ABOUT=OPTION, as stars=bc03")
    return {about: name}


def overwrite(what):
    """``--overwrite``, without which ``what``, if it is there, is refused."""
    return click.option("--overwrite", is_flag=True, help=f"Replace {what}.")


def seed(text, default=0):
    """``--seed`` of what ``text`` says."""
    kind = click.IntRange(min=0)
    return click.option("--seed", default=default, show_default=True, type=kind, help=text)


def count(*names, default, least, text):
    """A whole number of ``least`` or more, with a default."""
    kind = click.IntRange(min=least)
    return click.option(*names, default=default, show_default=True, type=kind, help=text)


def redshift(text):
    """``--redshift``."""
    return click.option("--redshift", type=Number(), help=text)


def wavemed(text):
    """``--wavemed``: what the wavelengths are in."""
    return click.option("--wavemed", type=click.Choice(["air", "vacuum"]), help=text)


def shared(does, units, made):
    """``--shard``, ``--gather`` and ``--dask``, as ``part``, ``gather`` and ``dask``.

    Parameters
    ----------
    does : what the command does, as in "Answer"
    units : what one share is, as in "shares of the rows"
    made : what comes of all shares, as in "the maps"
    """
    options = (
        click.option(
            "--shard", "part", metavar="I/N", callback=_part,
            help=f"{does} only the I-th of N {units}; the last of them makes {made}.",
        ),
        click.option("--gather", is_flag=True, help=f"Make {made} of parts that are all there."),
        click.option(
            "--dask", metavar="ADDRESS",
            help=f"{does} on a Dask cluster: its scheduler's tcp://HOST:PORT, or 'local'.",
        ),
    )  # fmt: skip

    def added(command):
        for option in reversed(options):
            command = option(command)
        return command

    return added


def _part(context, option, value):
    """(i, n) of ``I/N``."""
    if value is None:
        return None
    i, _, n = value.partition("/")
    if not (i.isdecimal() and n.isdecimal() and 1 <= int(i) <= int(n)):
        raise click.UsageError(f"--shard {value}: give I/N, with I from 1 to N")
    return int(i), int(n)


def exclude(**given):
    """Refuse more than one of several options, by the names they are ``given`` with."""
    if sum(value not in (None, False) for value in given.values()) > 1:
        *others, last = (f"--{name}" for name in given)
        raise click.UsageError(f"{', '.join(others)} and {last} exclude each other")
