"""The front door: ``import phangs_sfh as ps`` costs nothing, and all behind it works as written."""

import ast
import doctest
import importlib
import inspect
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import phangs_files
import pytest
import small_run
import toy_library
from astropy import units as u
from astropy.nddata import StdDevUncertainty
from astropy.table import QTable, vstack
from input_tables import make_table
from small_cube import write_cube, write_image

import phangs_sfh as ps

ROOT = Path(__file__).parents[1]
HEAVY = ["tensorflow", "keras", "astropy", "scipy", "matplotlib", "numpy", "specutils"]
CALLS = sorted(set(ps.HOMES) - {"NetworkSpec"})


@pytest.fixture(scope="module")
def model():
    return ps.load_model("phangs")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with what the examples name: cube, image, PHANGS' files, library, a run."""
    place = tmp_path_factory.mktemp("place")
    phangs_files.release(place / "DR")
    write_cube(place / "cube.fits", 4, 5)
    write_image(place / "f275w.fits", np.full((120, 120), 1.0), 0.05)
    os.makedirs(place / "tfrecords")
    (place / "tfrecords" / "sample").symlink_to(ROOT / "tfrecords" / "sample")
    toy_library.write_library(
        place / "tfrecords" / "mine", (("train", 64), ("valid", 16), ("test", 8))
    )
    small_run.write_run(place / "saved_models" / "mine" / "run")
    return place


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_the_import_is_instant_and_light():
    code = (
        "import sys, time\n"
        "before = set(sys.modules); start = time.process_time(); import phangs_sfh as ps\n"
        f"print(time.process_time() - start, [n for n in {HEAVY} if n in sys.modules])\n"
        f"dir(ps); print([n for n in {HEAVY} if n in sys.modules])"
    )
    best = min((run_python(code).stdout.split("\n") for _ in range(3)), key=lambda out: out[0])
    seconds, imported = best[0].split(" ", 1)
    assert float(seconds) < 0.1
    assert imported == "[]" and best[1] == "[]"


def test_every_name_is_there_sorted_and_known_to_type_checkers():
    assert list(ps.__all__) == sorted(ps.__all__)
    assert set(ps.HOMES) | {"InputError", "InputWarning", "__version__"} == set(ps.__all__)
    assert set(ps.__all__) <= set(dir(ps))
    tree = ast.parse(Path(ps.__file__).read_text())
    (stubs,) = [node for node in tree.body if isinstance(node, ast.If)]
    found = {name.name: node.module for node in stubs.body for name in node.names}
    assert found == {name: f"phangs_sfh.{home}" for name, home in ps.HOMES.items()}
    for name in ps.__all__:
        assert getattr(ps, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = ps.nonsense


def documented():
    """Calls of the door and methods of what they give."""
    from phangs_sfh.evaluation.report.evaluation import Evaluation
    from phangs_sfh.prediction.any_model import AnyModel
    from phangs_sfh.prediction.model import Model

    found = {name: getattr(ps, name) for name in CALLS}
    for name in ("read", "predict", "sample"):
        found[f"AnyModel.{name}"] = getattr(AnyModel, name)
    return {**found, "Model.posterior": Model.posterior, "Evaluation.write": Evaluation.write}


@pytest.mark.parametrize("name", documented())
def test_every_call_is_typed_and_explained(name):
    call = documented()[name]
    signature, text = inspect.signature(call), inspect.getdoc(call)
    for parameter in signature.parameters.values():
        assert parameter.name in text or parameter.name == "self", parameter.name
        typed = parameter.annotation is not inspect.Parameter.empty
        assert typed or parameter.name in ("self", "data"), parameter.name
    assert "Parameters\n---" in text or not signature.parameters
    assert "Returns\n---" in text or "Yields\n---" in text
    assert "Raises\n---" in text or name in ("demo_spectrum", "progress_bar")
    assert ">>> " in text or name == "Evaluation.write"


LONG = {"fit", "preview_library"}  # most of a minute; other tests make the same calls
EXAMPLES = [
    pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in documented()
]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_run(name, place, monkeypatch):
    monkeypatch.chdir(place)
    runner, out = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS), []
    for test in doctest.DocTestFinder(recurse=False).find(documented()[name], name, globs={}):
        runner.run(test, out=out.append)
    assert runner.failures == 0, "".join(out)


def test_the_example_of_the_readme_runs(place, tmp_path, monkeypatch):
    text = (ROOT / "README.md").read_text()
    (example,) = [c for c in re.findall(r"```python\n(.*?)```", text, re.S) if "as ps" in c]
    assert 8 <= len([line for line in example.splitlines() if line.strip()]) <= 12
    for name in ("cube.fits", "f275w.fits"):
        (tmp_path / name).symlink_to(place / name)
    monkeypatch.chdir(tmp_path)
    make_table(3).write("my_spectra.fits")
    found = {}
    exec(compile(example, "README.md", "exec"), found)
    assert len(found["answers"]) == 3 and found["draws"]["sfh"].shape == (3, 256, 16)
    assert (tmp_path / "answer.png").read_bytes().startswith(b"\x89PNG")
    assert found["maps"].answered == 20


def test_data_of_every_kind_are_the_same_data(model, tmp_path):
    from specutils import Spectrum

    table = make_table(2)
    for band in model.instrument.band_names:
        table.remove_columns([band, f"{band}_err"])
    table.write(tmp_path / "t.fits")
    expected = model.read(table)
    spectra = [
        Spectrum(
            spectral_axis=row["wave"], flux=row["flux"],
            uncertainty=StdDevUncertainty(row["flux_err"]),
        )
        for row in table
    ]  # fmt: skip
    z = float(table["redshift"][0])
    for data in (tmp_path / "t.fits", [table[0], table[1]], [table[:1], table[1:]]):
        found = model.read(data)
        for name, values in expected.inputs().items():
            np.testing.assert_array_equal(found.inputs()[name], values)
    one = model.read(spectra[0], redshift=z, wavemed="air")
    both = model.read(spectra, redshift=z, wavemed="air")
    np.testing.assert_array_equal(one.flux[0], expected.flux[0])
    assert both.flux.shape == expected.flux.shape
    for bad, words in ((3, "cannot read spectra from int"), ([], "from list")):
        with pytest.raises(ps.InputError, match=words):
            model.predict(bad)


def test_what_was_set_aside_is_warned_of(model):
    table = make_table(3)
    table["redshift"][1] = 50.0
    with pytest.warns(ps.InputWarning, match="1 of 3 rows without a valid redshift"):
        answers = model.predict(table)
    assert np.isnan(answers["av_p50"][1]) and np.isfinite(answers["av_p50"][0])


def test_samples_agree_with_percentiles_and_follow_the_seed(model):
    table = make_table(3)
    table["redshift"][2] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = model.predict(table, samples=50)
        draws, again = model.sample(table), model.sample(table, seed=0)
        other, few = model.sample(table, seed=1), model.sample(table, n=50)
    assert draws["sfh"].shape == (3, 256, 16) and draws["av"].shape == (3, 256)
    assert np.isnan(draws["mh"][2]).all() and np.isfinite(draws["mh"][:2]).all()
    np.testing.assert_allclose(draws["sfh"][:2].sum(axis=-1), 1, atol=1e-4)
    median = np.median(draws["mw_logage"], axis=1)[:2]
    low, high = (answers[f"mw_logage_{p}"].value[:2] for p in ("p16", "p84"))
    assert (np.abs(median - answers["mw_logage_p50"].value[:2]) < 0.2 * (high - low)).all()
    for name, values in draws.items():
        np.testing.assert_array_equal(values, again[name])
        np.testing.assert_array_equal(np.sort(values[:2], 1), np.sort(other[name][:2], 1))
        np.testing.assert_array_equal(few[name], values[:, :50])
        column = answers[f"{name}_samples"]
        np.testing.assert_array_equal(getattr(column, "value", column), few[name])
    assert not np.array_equal(draws["av"], other["av"], equal_nan=True)
    assert answers["mw_logage_samples"].unit == u.dex(u.yr)
    for n in (0, 257):
        with pytest.raises(ps.InputError, match="posterior"):
            model.sample(table, n=n)


def test_the_posterior_is_a_distribution_that_agrees_with_the_samples(model):
    import tensorflow as tf
    import tensorflow_probability as tfp

    table = make_table(2)
    density = model.posterior(table)
    assert isinstance(density, tfp.distributions.Distribution)
    drawn = density.sample(500, seed=tf.constant([1, 2]))
    draws = model.sample(table)
    assert drawn["sfh"].shape == (500, 2, 16) and density.log_prob(drawn).shape == (500, 2)
    assert np.isfinite(density.log_prob(drawn).numpy()).all()
    for name in ("mw_logage", "lw_mh", "av"):
        spread = draws[name].std(axis=1)
        apart = drawn[name].numpy().mean(axis=0) - draws[name].mean(axis=1)
        assert (np.abs(apart) < 0.4 * spread).all(), name
        np.testing.assert_allclose(
            density.mean()[name], drawn[name].numpy().mean(axis=0), atol=0.3 * spread.max()
        )


def test_fit_takes_the_observing_conditions_of_the_library(place, monkeypatch):
    """Called from Python as by the command: what the library's prior says, nobody has to repeat."""
    from phangs_sfh.training import fit as training

    library = ps.open_library(place / "tfrecords" / "mine")
    library.content.setdefault("prior", {})["observing"] = {"sn": [30.0, 150.0]}
    settled = training.FitSettings().settled(library)
    assert settled.conditions.sn == (30.0, 150.0)


def test_a_command_and_its_call_give_the_same(place, model, monkeypatch):
    from click.testing import CliRunner

    from phangs_sfh.cli.main import main

    monkeypatch.chdir(place)
    make_table(4).write("same.fits", overwrite=True)
    command = ["predict", "same.fits", "-o", "same.ecsv", "--samples", "8", "--plot", "drawn"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert "drawn: 4 figures" in result.stdout
    assert sorted(p.name for p in (place / "drawn").iterdir()) == [
        f"row-{i:05d}.png" for i in range(4)
    ]
    called = model.predict("same.fits", samples=8)
    written = QTable.read("same.ecsv")
    assert written.colnames == called.colnames
    for name in called.colnames:
        one, two = (np.asarray(getattr(t[name], "value", t[name])) for t in (written, called))
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-7)
    assert "--overwrite" in CliRunner().invoke(main, [*command, "-o", "other.ecsv"]).stderr
    many = vstack([make_table(4)] * 30)
    many.write("many.fits", overwrite=True)
    refused = CliRunner().invoke(main, ["predict", "many.fits", "-o", "m.fits", "--plot", "many"])
    assert refused.exit_code == 1 and "120 rows would be 120 figures" in refused.stderr
    assert not (place / "many").exists() and not (place / "m.fits").exists()


def test_every_command_is_thin():
    """Parsing, a call of the door, printing."""
    homes = {f"phangs_sfh.{home}" for home in ps.HOMES.values()}
    for path in (ROOT / "cli").glob("*.py"):
        name = path.stem
        module = importlib.import_module(f"phangs_sfh.cli.{name}")
        if not hasattr(getattr(module, name, None), "callback") or name == "main":
            continue
        tree = ast.parse(path.read_text())
        used = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert used & homes, name
