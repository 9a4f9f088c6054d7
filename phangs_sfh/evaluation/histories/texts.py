"""What report and model card say of histories."""

import numpy as np

from phangs_sfh.evaluation.extras import Section
from phangs_sfh.evaluation.histories.figures import young_cases
from phangs_sfh.evaluation.histories.young import YOUNG_AGE_YR
from phangs_sfh.evaluation.report.markdown import number, percent, table
from phangs_sfh.evaluation.report.words import by_data, sn_range
from phangs_sfh.galaxy.ssp_errors import SSPErrors

GAS = {"on": "have emission lines", "subtracted": "have them subtracted", "off": "have no gas"}


def describe(summary, model, library):
    """What metrics.json says of the stars, gas and kinematics that the model was trained on."""
    content = library.content.get("prior") or {}
    trained = (model.info.get("training") or {}).get("prior") or content
    options = trained.get("assumptions", {}).get("options", {})
    stars = options.get(model.assumption, trained)
    return {
        "model": summary["model"]
        | {
            "stellar_library": stars.get("stellar_library"),
            "gas_states": trained.get("gas", {}).get("states"),
        },
        "library": summary["library"]
        | {"highest_sigma_v": content.get("kinematics", {}).get("sigma_v", {}).get("high")},
        "fraction_floor": model.labels["sfh"].transform.floor,
        "young_age_myr": YOUNG_AGE_YR / 1e6,
    }


def sections(metrics):
    """Young stars, and spectra rebuilt from the answer: list of Section."""
    rebuilt = Section(
        "Spectra rebuilt from the answer", rebuilt_text(metrics["rebuilt"]), in_card=False
    )
    if not young_cases(metrics):
        return [rebuilt]
    return [Section("Young stars", young_text(metrics), ("young_stars",)), rebuilt]


def use(metrics):
    """For which data the model is meant."""
    library, sn = metrics["library"], sn_range(metrics)
    low, high = library["wavelengths"]
    both = bool(by_data(metrics))
    bands = f", with or without the bands {', '.join(library['bands'])}," if both else ""
    signal = f" at S/N {sn} per pixel" if sn else ""
    sigma_v = library["highest_sigma_v"]
    widths = f", velocity dispersions up to {sigma_v:g} km/s" if sigma_v is not None else ""
    alone = (
        "Spectrum alone and bands alone are answered too, with wider error bars. " if both else ""
    )
    return (
        f"For rest-frame spectra of regions of galaxies as {library['instrument']} takes them "
        f"({low:g}-{high:g} Å){bands}{signal}{widths}. {alone}"
        f"{gas_text(metrics['model'])}`phangs-sfh predict` converts units, frames and sampling.\n"
    )


def gas_text(model):
    """What the model knows of gas, one or two sentences; model: dict of metrics.json."""
    if model["emission_lines"] == "masked":
        return "The model knows no gas: `predict` hides the windows of emission lines from it. "
    states = model.get("gas_states") or {}
    total = sum(states.values())
    words = [
        f"{100 * states[name] / total:.0f} % {text}"
        for name, text in GAS.items()
        if states.get(name, 0) > 0
    ]
    return f"Of the galaxies it was trained on, {', '.join(words)}. " if words else ""


def limits(metrics):
    """What does not hold for this model, as far as its prior tells: list of str."""
    uncertain = metrics["model"].get("stellar_library")
    if uncertain:
        errors = SSPErrors(**uncertain)
        age = np.hypot(errors.age, errors.common_age)
        mh = np.hypot(errors.mh, errors.common_mh)
        stars = (
            "Error bars hold differences between stellar libraries as large as its prior's "
            f"(standard deviations of {age:.2f} dex in age and {mh:.2f} dex in [M/H], "
            "among others), not larger ones (tests in docs/robustness.md)."
        )
    else:
        stars = (
            "Error bars do not hold the differences between stellar libraries: on mocks of other "
            "libraries' stars answers are off by 0.1 to 0.5 dex in light-weighted age and [M/H], "
            "often far outside such error bars (docs/robustness.md)."
        )
    unfit = "Not for active nuclei, single stars, supernovae or gas-dominated spectra"
    if by_data(metrics):
        unfit += "; not for z > 0.02 with bands, which are taken as rest-frame"
    return [stars, f"{unfit}."]


def young_text(metrics):
    """Detection of young stars, with and without bands."""
    rows = []
    cases = young_cases(metrics)
    for key, label in cases.items():
        for entry in metrics["conditions"][key]["young"]["thresholds"]:
            counts = [entry["n_near"], entry["n_claimed"]]
            shares = [percent(entry[k], 0) for k in ("completeness", "found", "purity")]
            rows.append([label, f"{100 * entry['threshold']:g} %", *counts, *shares])
    header = ["S/N 50", "over", "truths near", "claims"]
    header += ["completeness [%]", "found [%]", "purity [%]"]
    young = metrics["conditions"]["sn50"]["young"]
    words = ", ".join(
        f"truths of {100 * float(centre):g} % are given {_fraction_range(entry)}"
        for centre, entry in young["classes"].items()
    )
    return (
        f"Mass fraction formed in the last {metrics['young_age_myr']:g} Myr: at S/N 50, "
        f"{cases['sn50']}, {words}; a galaxy with 1 % is ranked above one with 0.1 % in "
        f"{percent(young['separation'])} % of pairs. Completeness is the share found of truths up "
        "to half a dex above the limit, found the share of all above it, purity the share of "
        "claims that are true.\n\n" + table(header, rows)
    )


def _fraction_range(entry):
    if not entry["n"]:
        return "no estimate (no such galaxy)"
    low, middle, high = (100 * 10 ** entry[k] for k in ("p16", "p50", "p84"))
    return f"{middle:.2g} % ({low:.2g} to {high:.2g} %)"


def rebuilt_text(rebuilt):
    """The paper's validation in numbers."""
    if rebuilt is None:
        return "Not done: the library's stellar populations are not those of this package.\n"
    rows = []
    for key, label in (("answer", "median of the answer"), ("truth", "true bins")):
        low, middle, high = rebuilt[key]["spectrum_rms"]
        bands = rebuilt[key]["bands_mag"]
        scatter = ", ".join(f"{name} {number(bands[name]['mad_std'])}" for name in bands)
        rows.append(
            [label, f"{percent(middle, 2)} ({percent(low, 2)} to {percent(high, 2)})", scatter]
        )
    return (
        f"{rebuilt['n']} galaxies at S/N 50, compared without noise: relative rms "
        "of the continuum-normalised spectrum outside emission-line windows (median, 16 to 84 %), "
        "and scatter of the bands' colours [mag, 1.4826 MAD]. Rebuilt with the true velocity "
        "dispersion, no gas, no birth clouds and the standard dust slope, so the row of the true "
        "bins is what an answer can reach; gas continuum and lines stay in the bands.\n\n"
        + table(["rebuilt from", "spectrum, rms [%]", "bands [mag]"], rows)
    )
