"""A dozen galaxies of a prior before a library is made of it."""

import numpy as np
from click.testing import CliRunner

from phangs_sfh.cli.main import main
from phangs_sfh.plots import preview
from phangs_sfh.problems.histories.priors import FAMILIES


def test_preview_command(tmp_path):
    """One figure, no library; an existing figure is kept."""
    output = tmp_path / "mine"
    run = CliRunner().invoke(main, ["make-library", "--preview", "-o", str(output)])
    assert run.exit_code == 0, run.output
    assert [path.name for path in tmp_path.iterdir()] == ["mine-preview.png"]
    written = (tmp_path / "mine-preview.png").read_bytes()
    assert written.startswith(b"\x89PNG")
    again = CliRunner().invoke(main, ["make-library", "--preview", "-o", str(output)])
    assert again.exit_code == 1 and "exists already; use --overwrite" in again.output
    bad = ["make-library", "--preview", "-o", str(output), "--overwrite", "--prior", "narrow"]
    refused = CliRunner().invoke(main, bad)
    assert refused.exit_code == 1 and "no such prior or file" in refused.output
    assert (tmp_path / "mine-preview.png").read_bytes() == written


def test_preview_shows_all_kinds():
    family = np.random.default_rng(3).integers(0, len(FAMILIES), 240)
    chosen = preview._of_many_kinds(family)
    assert len(set(chosen.tolist())) == preview.N_SHOWN
    assert set(family[chosen]) == set(range(len(FAMILIES)))
