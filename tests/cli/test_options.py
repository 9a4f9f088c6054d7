"""Options that several commands share: one meaning, one refusal."""

import click
import pytest
from click.testing import CliRunner

from phangs_sfh.cli import options
from phangs_sfh.cli.main import main


@click.command()
@options.output("Folder.", options.FOLDER, default="here")
@options.shared("Count", "heaps", "the sum")
@options.overwrite("the sum")
def add(output, part, gather, dask, overwrite):
    options.exclude(shard=part, gather=gather, dask=dask)
    click.echo(f"{output} {part} {gather} {dask} {overwrite}")


def test_defaults_and_values():
    assert CliRunner().invoke(add).output == "here None False None False\n"
    asked = CliRunner().invoke(add, ["-o", "there", "--shard", "2/3", "--overwrite"])
    assert asked.output == "there (2, 3) False None True\n"


def test_an_output_without_a_default_is_required():
    command = click.command("write")(options.output("File.")(lambda output: None))
    done = CliRunner().invoke(command, [])
    assert done.exit_code == 2 and "Missing option '-o'" in done.output


@pytest.mark.parametrize("part", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", ""])
def test_parts_that_make_no_sense(part):
    done = CliRunner().invoke(add, ["--shard", part])
    assert done.exit_code == 2
    assert f"--shard {part}: give I/N, with I from 1 to N" in done.output


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e400"])
def test_numbers_are_finite(number):
    for command, option in (
        ("map", "--ebv"), ("map", "--psf"), ("map", "--distance"), ("map", "--bin-covariance"),
        ("map", "--snr"), ("map", "--redshift"), ("predict", "--timeout"),
        ("predict", "--redshift"), ("fit", "--learning-rate"), ("fit", "--wait"),
    ):  # fmt: skip
        done = CliRunner().invoke(main, [command, option, number, "x", "-o", "y.fits"])
        assert done.exit_code == 2 and f"'{option}'" in done.output, done.output


def test_one_way_at_a_time():
    done = CliRunner().invoke(add, ["--shard", "1/2", "--gather"])
    assert done.exit_code == 2
    assert "--shard, --gather and --dask exclude each other" in done.output


def test_commands_say_the_same_of_the_same_option():
    """Type and text of options of one name, but for what the text says of each command."""
    context = click.Context(main)
    found = {}
    for name in main.list_commands(context):
        for option in main.get_command(context, name).params:
            if isinstance(option, click.Option):
                found.setdefault(option.opts[-1], []).append((name, option))
    for flag in ("--model", "--dask", "--gather", "--shard", "--wavemed", "--redshift", "--seed"):
        kinds = {str(option.type.to_info_dict()) for _, option in found[flag]}
        assert len(found[flag]) > 1 and len(kinds) == 1, flag
    assert len({option.help for _, option in found["--model"]}) == 1
    for name, option in (each for several in found.values() for each in several):
        assert option.help and option.help.endswith((".", "].", "]")), f"{name}: {option.opts}"
    assert "options" not in main.list_commands(context)
