"""The paper's validation: does the spectrum rebuilt from the answer match the input?

The model's stars are those of the median history and [M/H] behind the median A_V, broadened by the
true velocity dispersion (which is not part of an answer) and without gas, so emission-line windows
are left out. Both spectra are noiseless and their ratio is freed of a smooth polynomial: what is
left are wrong depths of stellar features. The same done with the true bins shows what binning,
missing dust parameters and missing gas continuum cost; the answer can hardly do better.
"""

import numpy as np

from phangs_sfh.evaluation import metrics
from phangs_sfh.instrument import emission_lines

N_GALAXIES = 1000
CONTINUUM_ORDER = 6
ENGINE = "bc03"


def rebuilt_errors(answers, mocks, library):
    """Residuals of rebuilt spectra and bands.

    Parameters
    ----------
    answers : answers.Answers
    mocks : mocks.Mocks
    library : library.records.Library

    Returns
    -------
    summary : dict with ``n`` and, for ``answer`` and ``truth`` (rebuilt from the true bins),
        ``spectrum_rms`` (16, 50, 84 % of the continuum-normalised rms) and ``bands_mag``
        (``metrics.errors`` of the magnitude differences after the best common scale, by band);
        None where the library's stellar populations or dispersions are not at hand
    """
    known = "sigma_v" in mocks.nuisance and "spectrum" in mocks.inputs
    if library.content.get("ssp", {}).get("engine") != ENGINE or not known:
        return None
    from phangs_sfh.galaxy.forward_model import ForwardModel
    from phangs_sfh.ssp.engines import load_ssp

    rows = slice(0, N_GALAXIES)
    model = ForwardModel(load_ssp(ENGINE), library.instrument)
    median = [answers.columns[f"{name}_p50"][rows] for name in ("sfh", "mh", "av")]
    true = [mocks.truth[name][rows] for name in ("sfh", "mh", "av")]
    return {
        "n": len(true[0]),
        "answer": _compare(model, mocks, rows, median),
        "truth": _compare(model, mocks, rows, true),
    }


def _compare(model, mocks, rows, bins):
    from phangs_sfh.galaxy.rebuild import rebuild

    sfh, mh, av = bins
    sigma_v = mocks.nuisance["sigma_v"][rows]
    mh = np.clip(mh, model.ssp.mh[0], model.ssp.mh[-1])
    velocity = mocks.truth["velocity"][rows] if "velocity" in mocks.truth else 0.0
    spectrum, bands = rebuild(model, sfh, mh, np.maximum(av, 0.0), sigma_v, velocity=velocity)
    used = ~emission_lines.window_mask(model.instrument.wave)
    rms = continuum_normalised_rms(
        mocks.inputs["spectrum"][rows].astype(np.float64)[:, used], spectrum[:, used]
    )
    names = model.instrument.band_names if "bands" in mocks.inputs else []
    return {
        "spectrum_rms": np.percentile(rms, [16, 50, 84]).tolist(),
        "bands_mag": _colours(bands[:, : len(names)], mocks.inputs["bands"][rows], names)
        if names
        else {},
    }


def _colours(rebuilt, true, names):
    magnitude = -2.5 * np.log10(rebuilt / true)
    magnitude -= magnitude.mean(axis=1, keepdims=True)
    return {name: metrics.errors(magnitude[:, i]) for i, name in enumerate(names)}


def continuum_normalised_rms(observed, model, order=CONTINUUM_ORDER):
    """Relative rms of observed / model about a polynomial of ``order`` in wavelength.

    Parameters
    ----------
    observed, model : (n, n_pixels) arrays

    Returns
    -------
    rms : (n,) array
    """
    ratio = observed / model
    x = np.linspace(-1.0, 1.0, ratio.shape[1])
    basis, _ = np.linalg.qr(np.polynomial.legendre.legvander(x, order))
    smooth = (ratio @ basis) @ basis.T
    return np.sqrt(np.mean((ratio / smooth - 1.0) ** 2, axis=1))
