"""``phangs-sfh predict`` from the command line."""

import pytest
from astropy.table import QTable
from click.testing import CliRunner
from fake_model import write_fake_model
from input_tables import make_table

from phangs_sfh.cli.main import main
from phangs_sfh.cli.predict import predict
from phangs_sfh.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_fake_model(
        tmp_path_factory.mktemp("models") / "1", name="linefree", emission_lines="masked"
    )


@pytest.fixture
def run(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        return CliRunner().invoke(predict, [*arguments, "--model", str(folder)])

    return run


def test_a_table_is_answered(run, tmp_path):
    table = make_table(5)
    table["F275W"][3] = float("nan")
    table["redshift"][4] = 0.5
    table.write("in.fits")
    for ending in ("fits", "ecsv"):
        result = run("in.fits", "-o", f"out.{ending}", "--batch-size", "2")
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith(f"out.{ending}: 5 rows in ")
        assert "spectra/s" in result.stdout and result.stdout.count("\n") == 1
        assert "Warning: in.fits: 1 of 5 rows" in result.stderr
        answer = QTable.read(f"out.{ending}")
        assert len(answer) == 5 and answer.meta["MODEL"] == "linefree"
    assert {path.name for path in tmp_path.iterdir()} == {"in.fits", "out.fits", "out.ecsv"}


def test_emission_lines_are_hidden_from_a_model_without_gas(run):
    table = make_table(2)
    table.write("in.fits")
    table["flux"][:, abs(table["wave"][0].value / 1.004 - 6562.8) < 5] *= 30
    table.write("lines.fits")
    for name in ("in", "lines"):
        assert run(f"{name}.fits", "-o", f"{name}-out.fits").exit_code == 0
    quiet, bright = (QTable.read(f"{name}-out.fits") for name in ("in", "lines"))
    assert (abs(quiet["sfh_p50"] - bright["sfh_p50"]) < 1e-4).all()


def test_options_for_what_the_table_does_not_say(run):
    table = make_table(2)
    table.remove_column("redshift")
    table.meta.clear()
    table.write("in.ecsv")
    assert run("in.ecsv", "-o", "o.fits", "--redshift", "0.004", "--wavemed", "air").exit_code == 0


def test_refusals_reach_the_caller_before_any_work(run, tmp_path):
    make_table(2).write("in.fits")
    (tmp_path / "out.fits").write_text("precious")
    for arguments, words in (
        (["in.fits", "-o", "out.fits"], "--overwrite"),
        (["in.fits", "-o", "out.csv"], "must end in"),
        (["none.fits", "-o", "new.fits"], "no such file"),
    ):
        result = run(*arguments)
        assert isinstance(result.exception, InputError) and words in str(result.exception)
    assert (tmp_path / "out.fits").read_text() == "precious"
    assert run("in.fits", "-o", "out.fits", "--overwrite").exit_code == 0
    assert run("in.fits").exit_code == 2  # no output named


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda t: t.remove_column("flux"), "in.fits: column 'flux' is missing"),
        (lambda t: t.meta.clear(), "in.fits: meta keyword WAVEMED is missing"),
        (lambda t: t.replace_column("wave", t["wave"] / 10), "look like nm"),
    ],
)
def test_a_refusal_is_one_line_and_exit_code_1(folder, tmp_path, monkeypatch, damage, words):
    monkeypatch.chdir(tmp_path)
    table = make_table(2)
    damage(table)
    table.write("in.fits")
    result = CliRunner().invoke(
        main, ["predict", "in.fits", "-o", "out.fits", "--model", str(folder)]
    )
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.count("\n") == 1 and words in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.fits"]


@pytest.mark.parametrize("output", ["in.fits", "./in.fits", "link.fits", "hard.fits"])
def test_the_input_is_not_overwritten(run, tmp_path, output):
    make_table(2).write("in.fits")
    (tmp_path / "link.fits").symlink_to(tmp_path / "in.fits")
    (tmp_path / "hard.fits").hardlink_to(tmp_path / "in.fits")
    before = (tmp_path / "in.fits").read_bytes()
    with pytest.raises(InputError, match="is the input in.fits; give the output another name"):
        raise run("in.fits", "-o", output, "--overwrite").exception
    with pytest.raises(InputError, match="is the input link.fits"):
        raise run("link.fits", "-o", "in.fits", "--overwrite").exception
    assert (tmp_path / "in.fits").read_bytes() == before
