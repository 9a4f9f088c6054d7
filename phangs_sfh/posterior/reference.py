"""What the training set looks like to the network: the constants behind surprise and the prior.

Measured once at the end of a training run, with the same noise, masks and missing bands as in
training, and stored as ``reference.npz`` beside the weights, so that an export needs no library.
"""

import os
import zipfile
from pathlib import Path

import keras
import numpy as np
from keras import ops

from phangs_sfh.errors import InputError
from phangs_sfh.galaxy import ages
from phangs_sfh.network.cleaning import clean
from phangs_sfh.posterior import recalibration, summaries, surprise
from phangs_sfh.problems import targets

FILE = "reference.npz"
N_COMPONENTS = 16
N_CALIBRATION_TERMS = 4  # Legendre polynomials times the mean spectrum
N_SN_KNOTS = 12
SMALL_SAMPLE = 3  # rows a dimension below which a covariance is not worth its name


def with_latent(model):
    """The same network with outputs ``params`` and ``latent`` (its layer of that name)."""
    outputs = {"params": model.output, "latent": model.get_layer("latent").output}
    return keras.Model(model.inputs, outputs)


def fit_reference(model, spectra, train, valid, excluded=None, spec=None):
    """Measure the training set.

    Parameters
    ----------
    model : keras.Model with a layer ``latent``, (n, d)
    spectra : (m, n_pixels) array, noiseless training spectra; a few thousand do
    train, valid : iterables of batches (inputs, y), noisy as in training; finite. ``train`` of
        1e4 examples or more, ``valid`` as many as can be had: N examples resolve surprise up to
        log10(N) - 1
    excluded : (n_pixels,) boolean array, pixels left out of the residual, e.g. strong lines
    spec : PosteriorSpec, optional; with it percentiles are recalibrated on ``valid``

    Returns
    -------
    constants : dict of arrays, for ``surprise.measure``, ``surprise.surprise``,
        ``summaries.marginal_quantiles`` and, named ``prior_...``, the answer for a row without data

    Raises
    ------
    InputError
        If there is no training or validation example.
    """
    network = with_latent(model)
    constants = _spectral_space(np.asarray(spectra, np.float64), excluded)
    rows = _collect(network, train, constants, "train")
    constants |= _latent_space(rows) | _trend(rows) | _band_range(rows)
    constants |= prior_columns(rows["y"])
    distances, levels = _held_out(network, valid, constants, spec)
    constants |= levels
    for i, name in enumerate(surprise.MEASURES):
        constants |= _table(name, distances[distances[:, i] > -1e3, i])
    # well below the training range a lower S/N tells little more: one more for a factor of three
    kept = constants["noise_values"] <= 2.0
    constants["noise_knots"] = constants["noise_knots"][kept]
    constants["noise_values"] = constants["noise_values"][kept]
    constants["noise_end_slope"] = np.float32(2.0)
    each = [
        surprise.piecewise_linear(
            distances[:, i], *(constants[f"{name}_{part}"] for part in surprise._TABLE)
        )
        for i, name in enumerate(surprise.MEASURES)
    ]
    largest = np.max([ops.convert_to_numpy(x) for x in each], axis=0)
    constants |= _table("joint", largest) | {"joint_end_slope": np.float32(1.0)}
    return {key: np.asarray(value, np.float32) for key, value in constants.items()}


def _spectral_space(spectra, excluded):
    """Orthonormal basis of noiseless spectra and of smooth errors of their calibration."""
    use = np.ones(spectra.shape[1], bool) if excluded is None else ~np.asarray(excluded)
    mean = spectra.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(spectra[:, use].T))
    components = np.zeros((N_COMPONENTS, len(use)))
    components[:, use] = vectors[:, ::-1][:, :N_COMPONENTS].T
    x = np.linspace(-1.0, 1.0, len(mean))
    smooth = [np.polynomial.Legendre.basis(i)(x) * mean for i in range(N_CALIBRATION_TERMS + 1)]
    functions = np.concatenate([smooth, components]) * use
    orthonormal = np.linalg.qr(functions.T)[0].T * np.sqrt(np.count_nonzero(use))
    return {
        "use": use.astype(np.float32),
        "basis": orthonormal.astype(np.float32),
        "basis_mean": orthonormal[:, use].mean(axis=1).astype(np.float32),
    }


def _batches(network, batches):
    for inputs, y in batches:
        cleaned, pixels, bands = clean(
            *(ops.convert_to_tensor(inputs[k], "float32") for k in _INPUTS)
        )
        yield cleaned, pixels, bands, network.predict_on_batch(cleaned), ops.convert_to_numpy(y)


_INPUTS = ("flux", "flux_err", "band_flux", "band_flux_err")


def _collect(network, batches, constants, name):
    rows = {}
    for cleaned, pixels, bands, outputs, y in _batches(network, batches):
        level, log_sn, log_chi2, usable = surprise.measure_spectrum(cleaned, pixels, constants)
        found = {
            "y": y,
            "latent": outputs["latent"],
            "level": level,
            "log_sn": log_sn,
            "log_chi2": log_chi2,
            "usable": usable,
            "has_spectrum": ops.any(pixels, axis=-1),
            "bands": bands,
            "band_flux": ops.maximum(cleaned["band_flux"], cleaned["band_flux_err"]),
        }
        for key, value in found.items():
            rows.setdefault(key, []).append(ops.convert_to_numpy(value))
    if not rows:
        raise InputError(f"{name} split: no example to measure; make a larger library")
    return {key: np.concatenate(value) for key, value in rows.items()}


def _latent_space(rows):
    latent, has_bands = rows["latent"].astype(np.float64), rows["bands"].any(axis=1)
    has_spectrum = rows["has_spectrum"]
    kinds = [has_spectrum & has_bands, has_spectrum & ~has_bands, ~has_spectrum & has_bands]
    means, whitenings = [], []
    for kind in kinds:
        if kind.sum() < SMALL_SAMPLE * latent.shape[1]:
            kind = np.ones(len(latent), bool)
        means.append(latent[kind].mean(axis=0))
        values, vectors = np.linalg.eigh(shrunk_covariance(latent[kind]))
        floor = 1e-6 * values.max() + 1e-12
        whitenings.append(vectors / np.sqrt(np.maximum(values, floor)))
    return {
        "latent_mean": np.array(means, np.float32),
        "latent_whitening": np.array(whitenings, np.float32),
    }


def shrunk_covariance(x):
    """Covariance of rows, drawn towards a multiple of the identity (Ledoit & Wolf 2004).

    Parameters
    ----------
    x : (n, d) array

    Returns
    -------
    covariance : (d, d) array
    """
    n, d = x.shape
    x = x - x.mean(axis=0)
    sample = x.T @ x / n
    identity = np.trace(sample) / d * np.eye(d)
    distance = np.sum((sample - identity) ** 2)
    scatter = (np.sum(np.sum(x * x, axis=1) ** 2) / n - np.sum(sample**2)) / n
    share = 0.0 if distance <= 0 else float(np.clip(scatter / distance, 0.0, 1.0))
    return (1.0 - share) * sample + share * identity


def _trend(rows):
    """Median and upward spread of ln chi^2 against S/N, at knots of equal numbers."""
    log_sn, log_chi2 = rows["log_sn"][rows["usable"]], rows["log_chi2"][rows["usable"]]
    if len(log_sn) == 0:
        log_sn, log_chi2 = np.zeros(2), np.zeros(2)
    order = np.array_split(np.argsort(log_sn), min(N_SN_KNOTS, max(2, len(log_sn) // 20)))
    order = [part for part in order if len(part)]
    knots = np.array([np.median(log_sn[part]) for part in order])
    low, high = np.array([np.quantile(log_chi2[part], [0.5, 0.84]) for part in order]).T
    knots = knots + 1e-4 * np.arange(len(knots))
    return {"sn_knots": knots, "chi2_median": low, "chi2_spread": np.maximum(high - low, 0.02)}


def _band_range(rows):
    """Mean and standard deviation of ln(band / level of the spectrum)."""
    n_bands = rows["bands"].shape[1]
    mean, std = np.zeros(n_bands), np.ones(n_bands)
    level = np.log(np.maximum(rows["level"], 1e-2))
    for i in range(n_bands):
        here = rows["bands"][:, i] & rows["usable"]
        if here.sum() >= SMALL_SAMPLE:
            logs = np.log(np.maximum(rows["band_flux"][here, i], 1e-6)) - level[here]
            mean[i], std[i] = logs.mean(), max(logs.std(), 0.02)
    return {"band_mean": mean.astype(np.float32), "band_std": std.astype(np.float32)}


def _held_out(network, batches, constants, spec):
    """What the valid split shows of rows with any data.

    Returns
    -------
    distances : (N, 4) array; levels : dict from ``recalibration.fit_levels``, empty without spec
    """
    found, estimates, cumulative = [], [], []
    for cleaned, pixels, bands, outputs, y in _batches(network, batches):
        some = ops.convert_to_numpy(ops.any(pixels, axis=-1) | ops.any(bands, axis=-1))
        measured = surprise.measure(outputs["latent"], cleaned, pixels, bands, constants)
        found.append(ops.convert_to_numpy(measured)[some])
        if spec is not None:
            parts = summaries.mixture(spec, ops.convert_to_tensor(outputs["params"]))
            at = summaries.cumulative_at(ops.convert_to_tensor(y, "float32"), *parts)
            estimates.append(ops.convert_to_numpy(at[0])[some])
            cumulative.append(ops.convert_to_numpy(at[1])[some])
    if not sum(map(len, found)):
        raise InputError("valid split: no example to calibrate surprise; make a larger library")
    levels = {}
    if spec is not None:
        probabilities = tuple(summaries.PERCENTILES.values())
        arrays = np.concatenate(estimates), np.concatenate(cumulative)
        levels = recalibration.fit_levels(*arrays, probabilities)
        levels |= recalibration.fit_tails(*arrays)
    return np.concatenate(found), levels


def _table(name, distances):
    """-log10 of the fraction of examples beyond a distance, as knots, with at least 10 beyond."""
    if len(distances) < 2:
        distances = np.array([0.0, 1.0])
    deepest = max(np.log10(len(distances)) - 1.0, 0.5)
    values = np.append(np.arange(0.0, deepest, 0.1), deepest)
    knots = np.quantile(np.asarray(distances, np.float64), 1.0 - 10.0**-values)
    rising = np.append(True, np.diff(np.maximum.accumulate(knots)) > 1e-6)
    knots, values = knots[rising], values[rising]
    if len(knots) < 2:
        knots, values = np.array([knots[0], knots[0] + 1.0]), np.array([0.0, deepest])
    start = np.searchsorted(values, min(1.0, values[-2]))
    start = min(start, len(knots) - 2)
    slope = (values[-1] - values[start]) / (knots[-1] - knots[start])
    return {f"{name}_knots": knots, f"{name}_values": values, f"{name}_end_slope": slope}


def prior_columns(y):
    """Answer for a row without data: quantiles and joint samples of the training labels.

    Parameters
    ----------
    y : (N, 37) array of targets

    Returns
    -------
    columns : dict of arrays: ``prior_sfh_p16`` (16,) and so on as in the result table, and
        ``prior_sfh`` (S, 16) and so on as in the samples
    """
    names = targets.SCALARS
    labels = dict(zip(names, y[:, targets.SCALAR_SLICE].T, strict=True))
    labels["av"] = ops.convert_to_numpy(targets.av_from_target(labels["av"]))
    log_fractions = targets.log_fractions(y[:, targets.RATIO_SLICE].astype(np.float32))
    fractions = np.exp(ops.convert_to_numpy(log_fractions))
    low = summaries.MIN_FRACTION
    labels["sfh"] = np.clip(fractions, low, 1.0 - 1e-7).reshape(-1, ages.N_BINS)
    labels["mh"] = y[:, targets.MH_SLICE]
    rows = np.linspace(0, len(y) - 1, summaries.N_SAMPLES).round().astype(int)
    columns = {}
    for name, values in labels.items():
        columns[f"prior_{name}"] = values[rows]
        for label, probability in summaries.PERCENTILES.items():
            columns[f"prior_{name}_{label}"] = np.quantile(values, probability, axis=0)
    return columns


def save_reference(path, constants):
    """Write ``constants`` to ``path`` (.npz), through a temporary file in the same folder."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            np.savez_compressed(file, **constants)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_reference(path):
    """Read what ``save_reference`` wrote.

    Raises
    ------
    InputError
        If the file is missing or is no such archive.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except FileNotFoundError:
        raise InputError(
            f"{path}: missing; let `phangs-sfh fit --resume` finish the run or name its --library"
        ) from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: damaged ({error}); finish the run with `fit` again") from None
