"""What report and model card say of labels, data and cases, from the content of metrics.json."""

from phangs_sfh.evaluation.cases import MIX, SIGNAL_TO_NOISE
from phangs_sfh.evaluation.extras import extra_of
from phangs_sfh.problems.catalogue import described_by

FIXED = {f"sn{sn}": f"S/N {sn}" for sn in SIGNAL_TO_NOISE}
BY_DATA = {
    "sn50": "spectrum and bands",
    "sn50_spectrum_only": "spectrum only",
    "bands_only": "bands only",
}


def problem_of(metrics):
    """What is inferred from what (problems.problem.Described)."""
    return described_by(metrics, "metrics.json")


def labels_of(metrics):
    return problem_of(metrics).labels


def extra_for(metrics):
    return extra_of(problem_of(metrics).problem)


def pages_of(metrics):
    return extra_for(metrics).pages


def shown(metrics):
    """The cases that tables show, with their names: the fixed S/N, or else the bands, and the mix.

    Returns
    -------
    names : dict of str by case
    """
    there = metrics["conditions"]
    fixed = {key: text for key, text in FIXED.items() if key in there}
    if not fixed and "bands_only" in there:
        fixed = {"bands_only": "all bands"}
    return {**fixed, MIX: "mix"}


def by_data(metrics):
    """Cases with spectrum, bands or both; empty if the problem has one of them only."""
    found = {key: text for key, text in BY_DATA.items() if key in metrics["conditions"]}
    return found if len(found) == len(BY_DATA) else {}


def sn_range(metrics):
    """S/N per pixel in the mix, e.g. '5 to 300'; None without a spectrum."""
    if not set(FIXED) & set(metrics["conditions"]):
        return None
    low, high = metrics["conditions"][MIX]["observing"]["sn"]
    return f"{low:g} to {high:g}"


def data_words(metrics):
    """What the answer is inferred from, e.g. 'a spectrum (4800-7000 Å) and 5 bands'."""
    library, parts = metrics["library"], []
    for kind in (one.kind for one in problem_of(metrics).inputs):
        if kind == "spectrum":
            limits = "-".join(f"{x:g}" for x in library.get("wavelengths", ()))
            parts.append(f"a spectrum ({limits} Å)" if limits else "a spectrum")
        elif kind == "bands":
            parts += [f"the bands {', '.join(library['bands'])}"] if library.get("bands") else []
        else:
            parts.append(kind)
    return " and ".join(parts)
