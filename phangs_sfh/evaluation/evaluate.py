"""Run a model on a library's mocks under several observing conditions and measure the answers."""

import time

from phangs_sfh.errors import InputError
from phangs_sfh.evaluation import assess, cases, mocks, stress
from phangs_sfh.evaluation.answers import BATCH, ask
from phangs_sfh.evaluation.extras import extra_of
from phangs_sfh.version import __version__

SCHEMA_VERSION = 1
HIGHEST_Z_SUN_DIFFERENCE = 1e-6


def open_for(model, library_folder):
    """Open a library that fits a model.

    Parameters
    ----------
    model : prediction.model.Model
    library_folder : path

    Returns
    -------
    library : library.records.Library

    Raises
    ------
    InputError
        If it is damaged, or for another instrument, problem or solar metallicity than the model.
    """
    from phangs_sfh.library.records import open_library

    library = open_library(library_folder, model.instrument)
    path = library.folder / "library.json"
    _check_problem(model, library, path)
    z_sun = library.z_sun_of.get(model.assumption, library.z_sun)
    theirs = model.asked_info["z_sun"]
    if None not in (z_sun, theirs) and abs(z_sun - theirs) > HIGHEST_Z_SUN_DIFFERENCE:
        raise InputError(
            f"{path}: z_sun is {z_sun:g}, the model's {model.path} is {theirs:g}, so [M/H] "
            "differs; use a library of the model's SSPs"
        )
    return library


def _check_problem(model, library, path):
    remedy = "use a library of the model's problem"
    if model.described.inputs != library.described.inputs:
        kinds = [", ".join(one.kind for one in x.described.inputs) for x in (library, model)]
        raise InputError(f"{path}: inputs are {kinds[0]}, the model's are {kinds[1]}; {remedy}")
    for label in model.labels:
        known = library.labels[label.name] if label.name in library.labels else None
        if known is None or (known.unit, known.axis) != (label.unit, label.axis):
            raise InputError(
                f"{path}: label '{label.name}' of the model {model.path} is not there, or has "
                f"another unit or bins; {remedy}"
            )


def n_cases(library):
    """How often ``evaluate`` asks about each mock: once a case."""
    return len(cases.descriptions(cases.kinds_of(library.described, library.instrument)))


def evaluate(library, model, split="test", limit=None, seed=0, progress=None):
    """Evaluate a model on one split of a library.

    Parameters
    ----------
    library : library.records.Library, from ``open_for``
    model : prediction.model.Model
    split : str
    limit : int, optional; the first objects only
    seed : int, of noise, masks and the fuzz on empty bins
    progress : callable given the number of objects done with each batch of each case

    Returns
    -------
    summary : dict, for metrics.json
    objects : mocks.Mocks
    answers : dict of answers.Answers by case

    Raises
    ------
    InputError
        If a shard is damaged or the split empty.
    """
    start = time.perf_counter()
    labels, extra = model.labels, extra_of(model.described.problem)
    under = model.assumption if library.described.assumptions else None
    objects = mocks.load_mocks(library, split, limit, seed, labels, extra.nuisance, under)
    signatures = {
        kind: model.saved.signatures[model.signature(kind)]
        for kind in ("serving_default", "posterior")
    }
    kinds = cases.kinds_of(library.described, library.instrument)
    stored = training_settings(model).get("conditions")
    chosen = cases.conditions(kinds, model.masks_emission_lines, stored)
    surveys = {name: library.survey(conditions) for name, conditions in chosen.items()}
    ask(signatures, objects.first(BATCH), surveys[cases.MIX], seed)  # warm up
    answers = {
        name: ask(signatures, objects, survey, seed, progress, extra)
        for name, survey in surveys.items()
    }
    summary = describe(model, library, split, objects, seed)
    summary |= extra.describe(summary, model, library)
    descriptions = cases.descriptions(kinds)
    summary["conditions"] = {
        name: {"description": descriptions[name], **assess.assess(answer, objects, extra)}
        for name, answer in answers.items()
    }
    good = cases.reference(chosen)
    summary["stress"] = stress.stress(
        signatures, objects, surveys[good], seed, extra.stress, extra.told(labels)
    )
    summary |= extra.finish(answers[good], objects, library)
    summary["seconds"] = time.perf_counter() - start
    return summary, objects, answers


def training_settings(model):
    """What ``model.json`` says of the training, without the library's own long description."""
    stored = model.info.get("training") or {}
    return {name: value for name, value in stored.items() if name not in ("prior", "ssp")}


def describe(model, library, split, objects, seed):
    """What was evaluated on what."""
    content, instrument = library.content, library.instrument
    size = sum(p.stat().st_size for p in model.path.rglob("*") if p.is_file())
    prior = content.get("prior") or {}
    return {
        "schema_version": SCHEMA_VERSION,
        "package_version": __version__,
        **model.described.to_dict(),
        "model": {
            "name": model.info["name"],
            "version": model.info["version"],
            "emission_lines": model.info["emission_lines"],
            "z_sun": model.asked_info["z_sun"],
            "assumed": model.asked_info.get("assumed"),
            "megabytes": size / 1e6,
            "training": training_settings(model),
        },
        "library": {
            "name": library.name,
            "seed": content.get("seed"),
            "n_galaxies": content.get("n_galaxies"),
            "splits": {name: library.n_galaxies(name) for name in content["splits"]},
            "prior": prior.get("name"),
            "prior_description": prior.get("description"),
            "ssp": {k: v for k, v in content.get("ssp", {}).items() if isinstance(v, str)},
            "instrument": instrument.name,
            "wavelengths": [float(instrument.wave[0]), float(instrument.wave[-1])],
            "bands": list(instrument.band_names),
        },
        "split": split,
        "n": len(objects),
        "seed": seed,
    }
