"""The command ``phangs-sfh``: finds its commands, turns errors a user can mend into one line.

Every file beside this one that defines a click command of its own name is a command: ``fit`` in
``fit.py``, ``make-library`` (function ``make_library``) in ``make_library.py``.
"""

import errno
import importlib
import pkgutil

import click

import phangs_sfh.cli
from phangs_sfh.errors import InputError
from phangs_sfh.machines.quiet import silence_tensorflow
from phangs_sfh.version import __version__

INTERRUPTED = 130  # what shells report for a program ended by Ctrl-C


class CommandFolder(click.Group):
    """A click group whose commands are the files of ``phangs_sfh.cli``, imported when needed."""

    def list_commands(self, ctx):
        modules = [info.name for info in pkgutil.iter_modules(phangs_sfh.cli.__path__)]
        names = [name.replace("_", "-") for name in modules if name != "main" and name[0] != "_"]
        return sorted(name for name in names if self.get_command(ctx, name))

    def get_command(self, ctx, cmd_name):
        name = cmd_name.replace("-", "_")
        if name == "main" or not name.isidentifier():
            return None
        module_name = f"phangs_sfh.cli.{name}"
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name != module_name:
                raise
            return None
        command = getattr(module, name, None)
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise click.ClickException(one_line(error)) from None
        except MemoryError:
            raise click.ClickException(
                "out of memory; use a smaller batch, fewer workers or a larger machine"
            ) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # `phangs-sfh ... | head`: click leaves quietly
                raise
            raise click.ClickException(describe(error)) from None
        except KeyboardInterrupt:
            click.echo("Interrupted", err=True)
            ctx.exit(INTERRUPTED)


def one_line(error):
    return " ".join(str(error).split())


def describe(error):
    """One line that names the file and what the system said about it."""
    if error.filename is None or error.strerror is None:
        return one_line(error) or type(error).__name__
    return f"{error.filename}: {error.strerror}"


@click.group(
    cls=CommandFolder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="phangs-sfh")
def main():
    """Star formation histories with error bars from PHANGS-MUSE spectra and PHANGS-HST bands."""
    silence_tensorflow()
