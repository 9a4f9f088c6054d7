"""Run a model on a library's mocks under several observing conditions and measure the answers."""

import time
from dataclasses import replace

from phangs_sfh.errors import InputError
from phangs_sfh.evaluation import assess, metrics, mocks, rebuilt, stress
from phangs_sfh.evaluation.answers import BATCH, ask
from phangs_sfh.problems.histories.labels import SFH
from phangs_sfh.version import __version__

SCHEMA_VERSION = 1
REFERENCE = "sn50"
MIX = "mix"
DESCRIPTIONS = {
    "sn20": "S/N 20 per pixel, all bands",
    "sn50": "S/N 50 per pixel, all bands",
    "sn100": "S/N 100 per pixel, all bands",
    "sn50_spectrum_only": "S/N 50 per pixel, no bands",
    "bands_only": "all bands, no spectrum",
    "mix": "as in training: a range of S/N, masks, missing bands and spectra",
}
HIGHEST_Z_SUN_DIFFERENCE = 1e-6


def conditions(masks_lines, stored=None):
    """Observing conditions by name.

    Parameters
    ----------
    masks_lines : bool, True if `predict` hides emission-line windows from the model
    stored : dict, optional; the conditions of training, for the mix

    Returns
    -------
    conditions : dict of library.observing.ObservingConditions, keys of ``DESCRIPTIONS``
    """
    from phangs_sfh.library.observing import ObservingConditions

    lines = float(masks_lines)
    fixed = {f"sn{sn}": ObservingConditions.fixed(sn, masked_lines=lines) for sn in (20, 50, 100)}
    mix = ObservingConditions.from_dict(stored) if stored else ObservingConditions()
    return {
        **fixed,
        "sn50_spectrum_only": replace(fixed["sn50"], no_bands=1.0),
        "bands_only": replace(fixed["sn50"], no_spectrum=1.0),
        MIX: mix,
    }


def open_for(model, library_folder):
    """Open a library that fits a model.

    Parameters
    ----------
    model : prediction.Model
    library_folder : path

    Returns
    -------
    library : library.records.Library

    Raises
    ------
    InputError
        If it is damaged, or for another instrument or solar metallicity than the model.
    """
    from phangs_sfh.library.records import open_library

    library = open_library(library_folder, model.instrument)
    z_sun = library.z_sun
    if z_sun is not None and abs(z_sun - model.info["z_sun"]) > HIGHEST_Z_SUN_DIFFERENCE:
        raise InputError(
            f"{library.folder / 'library.json'}: z_sun is {z_sun:g}, the model's {model.path} is "
            f"{model.info['z_sun']:g}, so [M/H] differs; use a library of the model's SSPs"
        )
    return library


def evaluate(library, model, split="test", limit=None, seed=0, progress=None):
    """Evaluate a model on one split of a library.

    Parameters
    ----------
    library : library.records.Library, from ``open_for``
    model : prediction.Model
    split : str
    limit : int, optional; the first galaxies only
    seed : int, of noise, masks and the fuzz on empty bins
    progress : callable given the number of galaxies done with each batch of each condition

    Returns
    -------
    summary : dict, for metrics.json
    galaxies : mocks.Mocks
    answers : dict of answers.Answers by condition

    Raises
    ------
    InputError
        If a shard is damaged or the split empty.
    """
    start = time.perf_counter()
    galaxies = mocks.load_mocks(library, split, limit, seed)
    signatures = model.saved.signatures
    stored = training_settings(model).get("conditions")
    chosen = conditions(model.info["emission_lines"] == "masked", stored)
    ask(signatures, galaxies.first(BATCH), library.instrument, chosen[MIX], seed)  # warm up
    answers = {
        name: ask(signatures, galaxies, library.instrument, condition, seed, progress)
        for name, condition in chosen.items()
    }
    summary = describe(model, library, split, galaxies, seed)
    summary["conditions"] = {
        name: {"description": DESCRIPTIONS[name], **assess.assess(answer, galaxies)}
        for name, answer in answers.items()
    }
    summary["stress"] = stress.stress(
        signatures, galaxies, library.instrument, chosen[REFERENCE], seed
    )
    summary["rebuilt"] = rebuilt.rebuilt_errors(answers[REFERENCE], galaxies, library)
    summary["seconds"] = time.perf_counter() - start
    return summary, galaxies, answers


def training_settings(model):
    """What ``model.json`` says of the training, without the library's own long description."""
    stored = model.info.get("training") or {}
    return {name: value for name, value in stored.items() if name not in ("prior", "ssp")}


def describe(model, library, split, galaxies, seed):
    """What was evaluated on what."""
    content = library.content
    size = sum(p.stat().st_size for p in model.path.rglob("*") if p.is_file())
    return {
        "schema_version": SCHEMA_VERSION,
        "package_version": __version__,
        "model": {
            "name": model.info["name"],
            "version": model.info["version"],
            "emission_lines": model.info["emission_lines"],
            "z_sun": model.info["z_sun"],
            "megabytes": size / 1e6,
            "training": training_settings(model),
        },
        "library": {
            "name": library.name,
            "seed": content.get("seed"),
            "n_galaxies": content.get("n_galaxies"),
            "splits": {name: library.n_galaxies(name) for name in content["splits"]},
            "prior": content.get("prior", {}).get("name"),
            "highest_sigma_v": content.get("prior", {})
            .get("kinematics", {})
            .get("sigma_v", {})
            .get("high"),
            "prior_description": content.get("prior", {}).get("description"),
            "ssp": {k: v for k, v in content.get("ssp", {}).items() if isinstance(v, str)},
            "instrument": library.instrument.name,
        },
        "split": split,
        "n": len(galaxies),
        "seed": seed,
        "fraction_floor": SFH.floor,
        "young_age_myr": metrics.YOUNG_AGE_YR / 1e6,
    }
