"""What the training set looks like to the network: the constants behind surprise and the prior.

Measured once at the end of a training run, with the same noise, masks and missing bands as in
training, and stored as ``reference.npz`` beside the weights, so that an export needs no library.
"""

import zipfile

import keras
import numpy as np
from keras import ops

from phangs_sfh.errors import InputError
from phangs_sfh.files.whole import whole_file
from phangs_sfh.instrument import emission_lines
from phangs_sfh.library import batches
from phangs_sfh.network.cleaning import clean
from phangs_sfh.posterior import marginals, prior_answer, recalibration, surprise
from phangs_sfh.posterior.quantiles import PERCENTILES
from phangs_sfh.problems.assumptions import RECORD

FILE = "reference.npz"
N_COMPONENTS = 16
N_CALIBRATION_TERMS = 4  # Legendre polynomials times the mean spectrum
N_SN_KNOTS = 12
FEWEST = 20  # objects of an assumption to measure it by them
SMALL_SAMPLE = 3  # rows a dimension below which a covariance is not worth its name


N_SPECTRA = 6000  # for the space of noiseless spectra
N_TRAIN = 20_000
N_VALID = 40_000  # observations; a galaxy is seen anew, in new noise, a few times
MOST_TIMES = 5
BATCH = 512
TRAIN_SEED, VALID_SEED = 1_000_081, 1_000_099


def with_latent(model):
    """The same network with outputs ``params`` and ``latent`` (its layer of that name)."""
    outputs = {"params": model.output, "latent": model.get_layer("latent").output}
    return keras.Model(model.inputs, outputs)


def measure_training_set(model, examples, survey, spec=None):
    """Constants behind surprise and prior of a trained network.

    Parameters
    ----------
    model : keras.Model, trained
    examples : dict with splits ``train`` and ``valid``, each a dict of arrays from records.load;
        20 000 of ``train`` are used
    survey : library.survey.Survey, with the conditions of the training
    spec : PosteriorSpec, optional; with it percentiles are recalibrated

    Returns
    -------
    constants : dict of arrays for ``save_constants``; where there are assumptions, of each of them,
        see ``constants_under``

    Raises
    ------
    InputError
        If a split is empty.
    """
    assumptions = survey.described.assumptions
    if not assumptions:
        return _measured(model, examples, survey, spec)
    found = {}
    for number, option in enumerate(assumptions.options):
        own = {split: _made_under(rows, number) for split, rows in examples.items()}
        # one space of spectra for all: it is the largest of the constants
        own["spectra"] = _usual_spectra(examples["train"], survey.labels)
        constants = _measured(model, own, survey, spec)
        found |= {f"{option}/{key}": value for key, value in constants.items()}
    return found


def _usual_spectra(examples, labels):
    """Spectra of ``_usual`` objects, or None without spectra."""
    return examples["spectrum"][_usual(labels, examples)] if "spectrum" in examples else None


def _made_under(examples, number):
    """Objects of one assumption; all, where there are too few to measure anything."""
    chosen = examples[RECORD] == number
    if np.count_nonzero(chosen) < FEWEST:
        return examples
    return {key: value[chosen] for key, value in examples.items()}


def constants_under(constants, option):
    """The constants of one assumption; all where ``option`` is None."""
    if option is None:
        return constants
    start = f"{option}/"
    return {k.removeprefix(start): v for k, v in constants.items() if k.startswith(start)}


def _measured(model, examples, survey, spec):
    train = {key: value[:N_TRAIN] for key, value in examples["train"].items()}
    times = N_VALID // max(1, batches.n_objects(examples["valid"]))
    times = int(np.clip(times, 1, MOST_TIMES))
    valid = {key: np.concatenate([value] * times) for key, value in examples["valid"].items()}
    spectra = examples["spectra"] if "spectra" in examples else _usual_spectra(train, survey.labels)
    spectra = None if spectra is None else spectra[:N_SPECTRA]
    return measure_constants(
        model,
        survey.labels,
        spectra,
        batches.fixed_batches(train, survey, BATCH, TRAIN_SEED),
        batches.fixed_batches(valid, survey, BATCH, VALID_SEED),
        excluded=emission_lines.window_mask(survey.instrument.wave),
        spec=spec,
    )


def measure_constants(model, labels, spectra, train, valid, excluded=None, spec=None):
    """Measure the training set.

    Parameters
    ----------
    model : keras.Model with a layer ``latent``, (n, d)
    labels : Labels
    spectra : (m, n_pixels) array, noiseless training spectra; a few thousand do. None where the
        problem has no spectra
    train, valid : iterables of batches (inputs, y), noisy as in training; finite. ``train`` of
        1e4 examples or more, ``valid`` as many as can be had: N examples resolve surprise up to
        log10(N) - 1
    excluded : (n_pixels,) boolean array, pixels left out of the residual, e.g. strong lines
    spec : PosteriorSpec, optional; with it percentiles are recalibrated on ``valid``

    Returns
    -------
    constants : dict of arrays, for ``surprise.measure``, ``surprise.surprise``,
        ``marginals.marginal_quantiles`` and, named ``prior_...``, the answer for a row without data

    Raises
    ------
    InputError
        If there is no training or validation example.
    """
    network = with_latent(model)
    constants = {}
    if spectra is not None:
        constants = _spectral_space(np.asarray(spectra, np.float64), excluded)
    rows = _collect(network, train, constants, "train")
    usual = _usual(labels, _values(labels, rows["y"]))
    rows = {key: value[usual] for key, value in rows.items()}
    constants |= _latent_space(rows)
    if spectra is not None:
        constants |= _trend(rows)
    if "bands" in rows:
        constants |= _band_range(rows)
    constants |= prior_answer.columns(labels, _values(labels, rows["y"]))
    distances, levels = _held_out(network, valid, constants, labels, spec)
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


def _usual(labels, values):
    """Rows without what is flagged on its own, as wrong redshifts are: they are no part of what
    surprise measures by, or it would not notice them.

    Parameters
    ----------
    labels : Labels
    values : dict of arrays by label

    Returns
    -------
    usual : (n,) boolean array; all if there are none
    """
    usual = np.ones(len(values[labels.names[0]]), bool)
    for label in labels:
        if label.flag_beyond:
            usual &= np.abs(values[label.name]) <= label.flag_beyond
    return usual if usual.any() else ~usual


def _values(labels, y):
    """Labels of targets y (n, T): dict of arrays."""
    found = labels.values(y.astype(np.float32))
    return {name: ops.convert_to_numpy(value) for name, value in found.items()}


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


def _asked(network, drawn):
    for inputs, y in drawn:
        tensors = {name: ops.convert_to_tensor(x, "float32") for name, x in inputs.items()}
        cleaned, present = clean(tensors)
        told = {RECORD: tensors[RECORD]} if RECORD in tensors else {}
        yield cleaned, present, network.predict_on_batch(cleaned | told), ops.convert_to_numpy(y)


def _collect(network, drawn, constants, name):
    rows = {}
    for cleaned, present, outputs, y in _asked(network, drawn):
        has_spectrum, has_bands = surprise.has_kinds(present)
        found = {
            "y": y,
            "latent": outputs["latent"],
            "has_spectrum": has_spectrum,
            "has_bands": has_bands,
        }
        if "spectrum" in present:
            measured = surprise.measure_spectrum(cleaned, present["spectrum"], constants)
            found |= zip(("level", "log_sn", "log_chi2", "usable"), measured, strict=True)
        if "bands" in present:
            found["bands"] = present["bands"]
            found["band_flux"] = ops.maximum(cleaned["band_flux"], cleaned["band_flux_err"])
        for key, value in found.items():
            rows.setdefault(key, []).append(ops.convert_to_numpy(value))
    if not rows:
        raise InputError(f"{name} split: no example to measure; make a larger library")
    return {key: np.concatenate(value) for key, value in rows.items()}


def _latent_space(rows):
    latent = rows["latent"].astype(np.float64)
    has_spectrum, has_bands = rows["has_spectrum"], rows["has_bands"]
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
    # Without spectra the bands are compared with each other: see ``surprise.measure_bands``.
    level, usable = np.zeros(len(rows["bands"])), np.full(len(rows["bands"]), True)
    if "level" in rows:
        level, usable = np.log(np.maximum(rows["level"], 1e-2)), rows["usable"]
    for i in range(n_bands):
        here = rows["bands"][:, i] & usable
        if here.sum() >= SMALL_SAMPLE:
            logs = np.log(np.maximum(rows["band_flux"][here, i], 1e-6)) - level[here]
            mean[i], std[i] = logs.mean(), max(logs.std(), 0.02)
    return {"band_mean": mean.astype(np.float32), "band_std": std.astype(np.float32)}


def _held_out(network, drawn, constants, labels, spec):
    """What the valid split shows of rows with any data.

    Returns
    -------
    distances : (N, 4) array; levels : dict from ``recalibration.fit_levels``, empty without spec
    """
    found, estimates, cumulative = [], [], []
    for cleaned, present, outputs, y in _asked(network, drawn):
        has_spectrum, has_bands = surprise.has_kinds(present)
        some = ops.convert_to_numpy(has_spectrum | has_bands)
        measured = surprise.measure(outputs["latent"], cleaned, present, constants)
        found.append(ops.convert_to_numpy(measured)[some & _usual(labels, _values(labels, y))])
        if spec is not None:
            parts = spec.mixture(ops.convert_to_tensor(outputs["params"]))
            at = marginals.cumulative_at(labels, ops.convert_to_tensor(y, "float32"), *parts)
            estimates.append(ops.convert_to_numpy(at[0])[some])
            cumulative.append(ops.convert_to_numpy(at[1])[some])
    if not sum(map(len, found)):
        raise InputError("valid split: no example to calibrate surprise; make a larger library")
    levels = {}
    if spec is not None:
        probabilities = tuple(PERCENTILES.values())
        arrays = np.concatenate(estimates), np.concatenate(cumulative)
        levels = recalibration.fit_levels(*arrays, probabilities)
        drawn = labels.n_plain + labels.n_shares  # what samples are stretched in
        levels |= recalibration.fit_tails(arrays[0], arrays[1][:, :drawn])
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


def save_constants(path, constants):
    """Write ``constants`` to ``path`` (.npz), whole or not at all."""
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **constants)


def load_constants(path):
    """Read what ``save_constants`` wrote.

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
