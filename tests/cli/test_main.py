"""The command line: instant help, one line per refusal, exit codes."""

import errno
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from phangs_sfh.cli.main import CommandFolder, main
from phangs_sfh.errors import InputError

HEAVY = ["tensorflow", "keras", "tensorflow_probability", "astropy", "scipy", "matplotlib"]


def failing(error):
    """The ``phangs-sfh`` group with a command ``fail`` that raises ``error``."""

    class WithFail(CommandFolder):
        def get_command(self, ctx, cmd_name):
            @click.command()
            def fail():
                raise error

            return fail if cmd_name == "fail" else None

    return WithFail("phangs-sfh")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("table.fits: column 'flux' is missing; add it"), "table.fits: column 'flux'"),
        (InputError("one\n  two"), "one two"),
        (OSError(errno.ENOSPC, "No space left on device", "out.fits"), "out.fits: No space left"),
        (PermissionError(errno.EACCES, "Permission denied", "/etc/x"), "/etc/x: Permission denied"),
        (OSError("Empty or corrupt FITS file"), "Empty or corrupt FITS file"),
        (MemoryError(), "out of memory"),
    ],
)
def test_an_error_the_user_can_mend_is_one_line_on_stderr(error, line):
    result = CliRunner().invoke(failing(error), ["fail"])
    assert result.exit_code == 1
    assert line in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_interrupt_is_one_line_and_the_shells_exit_code():
    result = CliRunner().invoke(failing(KeyboardInterrupt()), ["fail"])
    assert (result.exit_code, result.stderr) == (130, "Interrupted\n")


def test_a_bug_is_not_hidden():
    result = CliRunner().invoke(failing(ZeroDivisionError()), ["fail"])
    assert isinstance(result.exception, ZeroDivisionError)


@pytest.mark.parametrize("arguments", [["no-such-command"], ["--no-such-option"], ["os"], ["main"]])
def test_wrong_usage_has_exit_code_two(arguments):
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_help_lists_every_command_without_heavy_imports():
    code = (
        "import sys; from phangs_sfh.cli.main import main\n"
        "try: main(['--help'])\n"
        f"finally: print('IMPORTED', [name for name in {HEAVY} if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert output.endswith("IMPORTED []\n")
    listed = output.split("Commands:")[1]
    for name in ["make-library", "fit", "predict", "export", "demo"]:
        assert f"  {name} " in listed


def test_every_command_explains_itself():
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command.help and len(command.get_short_help_str(limit=200)) > 10
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.opts[0]} has no help text"


def test_tensorflow_starts_silently_and_errors_still_show():
    code = (
        "import os, sys; os.environ.pop('TF_CPP_MIN_LOG_LEVEL', None)\n"
        "from phangs_sfh.machines.quiet import silence_tensorflow; silence_tensorflow()\n"
        "import tensorflow as tf; tf.reduce_sum(tf.ones(3))\n"
        "os.write(2, b'still open')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "still open")
