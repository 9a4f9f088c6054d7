"""The demo: the embedded spectrum, and the stars of an answer brought to the data."""

import numpy as np
import pytest
from astropy import units
from astropy.table import QTable
from click.testing import CliRunner

from phangs_sfh.cli.main import main
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.galaxy.rebuild import rebuild
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.observations.demo_spectrum import demo_spectrum
from phangs_sfh.observations.flags import Flag, Used
from phangs_sfh.plots.demonstration import demo
from phangs_sfh.plots.rebuilt import rebuild_to_data
from phangs_sfh.ssp.engines import load_ssp

OLD = np.array([1e-5] * 12 + [0.05, 0.15, 0.3, 0.5])


@pytest.fixture(scope="module")
def forward():
    return ForwardModel(load_ssp(), load_instrument())


@pytest.fixture
def table():
    return demo_spectrum()


def draws_about(sfh, mh, av, rng, n=30):
    """Posterior draws that scatter about a truth."""
    fractions = sfh * np.exp(rng.normal(0, 0.1, (n, 16)))
    return {
        "sfh": fractions / fractions.sum(axis=1, keepdims=True),
        "mh": mh + rng.normal(0, 0.02, (n, 16)),
        "av": np.abs(av + rng.normal(0, 0.05, n)),
    }


def test_rebuilding_recovers_dispersion_and_calibration_of_a_noisy_galaxy(forward):
    rng = np.random.default_rng(3)
    mh = np.full(16, 0.1)
    spectrum, _ = rebuild(forward, OLD[None], mh[None], 0.5, 220.0)
    tilt = 1 + 0.05 * np.linspace(-1, 1, spectrum.shape[1])
    clean = 7e-17 * tilt * spectrum[0] / spectrum.mean()
    error = clean / 80
    flux = clean + error * rng.normal(size=clean.shape)
    error[300:400], flux[300:400] = 0.0, np.nan
    rebuilt = rebuild_to_data(forward, draws_about(OLD, mh, 0.5, rng), flux, error)
    assert rebuilt.sigma_v == pytest.approx(220, abs=15)
    assert rebuilt.correction == pytest.approx(0.05, abs=0.02)
    residual = (flux - rebuilt.flux)[error > 0] / error[error > 0]
    assert np.std(residual) == pytest.approx(1.0, abs=0.08)


def test_the_embedded_spectrum_is_a_galaxy_at_its_redshift(forward, table):
    """The old galaxy's absorption lines cross-correlate with a model at the stated redshift."""
    rest = table["wave"][0].to_value(units.AA) / (1 + table["redshift"][0])
    used = ~table["mask"][0] & (rest > 5050) & (rest < 6450)
    flux = table["flux"][0].value[used]
    mh = np.full((1, 16), 0.1)
    model = rebuild(forward, OLD[None], mh, 0.0, 300.0)[0][0]
    grid = forward.instrument.wave

    def misfit(velocity):
        shifted = np.interp(rest[used] / (1 + velocity / 299792.458), grid, model)
        x = (rest[used] - 5750) / 700
        ratio = flux / shifted
        smooth = np.polynomial.legendre.legval(x, np.polynomial.legendre.legfit(x, ratio, 8))
        return np.std(ratio / smooth)

    velocities = np.arange(-1500, 1501, 50)
    assert abs(velocities[np.argmin([misfit(v) for v in velocities])]) <= 50


def test_the_embedded_spectrum_states_its_errors_fairly(table):
    """Neighbouring pixels scatter by what the errors say, within the stated skirt of covariance."""
    wave = table["wave"][0].to_value(units.AA)
    used = ~table["mask"][0] & (wave > 5300) & (wave < 7550)
    flux, error = table["flux"][0].value, table["flux_err"][0].value
    second = flux[2:] - 2 * flux[1:-1] + flux[:-2]
    expected = np.sqrt(error[2:] ** 2 + 4 * error[1:-1] ** 2 + error[:-2] ** 2)
    all_used = used[2:] & used[1:-1] & used[:-2]
    ratio = 1.4826 * np.median(np.abs(second / expected)[all_used])
    assert 0.6 < ratio < 1.3
    assert table.meta["WAVEMED"] == "air"
    assert not any(name.startswith("F") for name in table.colnames)  # no HST bands exist for it


def test_the_released_model_answers_the_embedded_spectrum(tmp_path):
    demonstration = demo(tmp_path / "demo")
    names = sorted(path.name for path in (tmp_path / "demo").iterdir())
    assert names == ["demo.png", "demo_result.ecsv"]
    result = QTable.read(tmp_path / "demo" / "demo_result.ecsv")
    assert not result["used"][0] & Used.BANDS and not result["flag"][0] & Flag.NO_DATA
    # The brightest galaxy of a cluster is old, whatever its present cooling flow does.
    assert 9.5 < result["mw_logage_p50"].value[0] < 10.14
    medians = result["sfh_p50"][0]  # of single bins: they need not sum to 1
    assert medians[-3:].sum() > 0.5 * medians.sum()
    assert 150 < demonstration.rebuilt.sigma_v < 400
    assert demonstration.chi2 < 2
    assert "A_V" in str(demonstration)


def test_an_earlier_demo_is_not_overwritten_unasked(tmp_path):
    (tmp_path / "demo.png").write_text("mine")
    done = CliRunner().invoke(main, ["demo", "-o", str(tmp_path)])
    assert done.exit_code == 1 and "--overwrite" in done.stderr
    assert (tmp_path / "demo.png").read_text() == "mine"


def test_without_its_model_the_demo_leaves_nothing(tmp_path):
    done = CliRunner().invoke(main, ["demo", "-o", str(tmp_path / "out"), "--model", "/nowhere"])
    assert done.exit_code == 1 and "/nowhere" in done.stderr
    assert not (tmp_path / "out").exists()
