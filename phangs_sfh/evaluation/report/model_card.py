"""The model card: what a user must know, written from metrics.json and never by hand."""

from pathlib import PurePath

from phangs_sfh.evaluation.assess import FEWEST
from phangs_sfh.evaluation.report.markdown import number, percent, table
from phangs_sfh.evaluation.report.style import described
from phangs_sfh.evaluation.report.words import (
    by_data,
    data_words,
    extra_for,
    labels_of,
    pages_of,
    shown,
    sn_range,
)

LONG = ("prior", "ssp")
"""Parts of the settings that are described elsewhere."""

ERROR_COLUMNS = {
    "bias_median": "bias (median)",
    "bias_mean": "bias (mean)",
    "std": "standard deviation",
    "mad_std": "1.4826 MAD",
}


def model_card(metrics):
    """Text of ``model_card.md``.

    Parameters
    ----------
    metrics : dict from ``evaluation.evaluate``, as in metrics.json
    """
    model = metrics["model"]
    sections = [one for one in pages_of(metrics).sections(metrics) if one.in_card]
    parts = [
        f"# Model card: {model['name']}, version {model['version']}\n",
        about_text(metrics),
        "## Data\n\n" + _data(metrics, metrics["library"]),
        "## Settings and run time\n\n" + settings_table(model),
        "## Accuracy\n\n" + accuracy_text(metrics),
        "## Calibration\n\n" + coverage_text(metrics),
        *(f"## {one.title}\n\n{one.text}" for one in sections),
        "## Surprise\n\n" + surprise_text(metrics),
        "## Intended use\n\n" + use_text(metrics),
        "## Limits\n\n" + limits_text(metrics),
    ]
    return "\n".join(parts)


def about_text(metrics):
    """What is inferred from what, one line."""
    labels = labels_of(metrics)
    about = pages_of(metrics).about or ", ".join(label.text or label.name for label in labels)
    bins = ", ".join(f"`{label.name}` in {len(label.axis)} bins" for label in labels.vectors)
    bins = f" ({bins})" if bins else ""
    return (
        f"{about[0].upper()}{about[1:]}{bins}: {len(labels.quantities)} numbers with a joint "
        f"posterior, from {data_words(metrics)}. Written by `phangs-sfh evaluate`.\n"
    )


def use_text(metrics):
    """For which data the model is meant."""
    pages = pages_of(metrics)
    if pages.use is not None:
        return pages.use(metrics)
    sn = sn_range(metrics)
    return (
        f"For {data_words(metrics)} as {metrics['library']['instrument']} takes it"
        f"{f', S/N {sn} per pixel' if sn else ''}, of {pages.objects} like those of the training. "
        "`phangs-sfh predict` converts units, frames and sampling.\n"
    )


def limits_text(metrics):
    """What a user must not expect, as far as the model's description tells."""
    pages, labels = pages_of(metrics), labels_of(metrics)
    lines = [
        f"Error bars are true for {pages.objects} like those of the training, observed as there.",
        "Where the data say nothing, the answer is the prior's. Look at the width.",
    ]
    lines += [
        f'A value of `{label.name}` near {label.transform.floor:g} means "none found": it is added '
        "to every bin, as in training."
        for label in labels.shares
    ]
    lines += pages.limits(metrics)
    lines.append(
        "Do not trust an answer with surprise of 3 or more (flag 64). A low surprise does not "
        "prove that an input is like the training set."
    )
    if labels.vectors:
        lines.append(
            "Percentiles of single bins need not belong together: for sums over bins use the "
            "samples of the `posterior` signature."
        )
    return "".join(f"- {line}\n" for line in lines)


def _data(metrics, library):
    splits = ", ".join(f"{n:,} {name}" for name, n in library["splits"].items())
    objects, z_sun = pages_of(metrics).objects, metrics["model"]["z_sun"]
    rows = [
        ["library", f"{library['name']}, seed {library['seed']}"],
        [objects, splits],
        ["prior", ": ".join(filter(None, (library["prior"], library["prior_description"])))],
    ]
    if library["ssp"]:
        rows.append(["stellar populations", "; ".join(library["ssp"].values())])
    rows.append(["instrument", library["instrument"]])
    if z_sun is not None:
        rows.append(["Z_sun", f"{z_sun:g}"])
    rows.append(["evaluated on", f"{metrics['n']:,} {objects} of the split `{metrics['split']}`"])
    return table(["what", ""], rows)


def settings_table(model):
    """Settings of the training, as far as ``model.json`` tells, flattened to one table."""
    rows = [["emission lines", model["emission_lines"]]]
    rows += [["size of the exported model", f"{model['megabytes']:.1f} MB"]]
    for name, value in model["training"].items():
        rows += _flattened(name, value)
    return table(["setting", "value"], rows)


def _flattened(name, value):
    key = name.rpartition(": ")[2]
    if value is None or key in LONG:
        return []
    if isinstance(value, dict):
        return [row for key, inner in value.items() for row in _flattened(f"{name}: {key}", inner)]
    if isinstance(value, list):
        value = " to ".join(f"{x:g}" if isinstance(x, float) else str(x) for x in value)
    if isinstance(value, float):
        value = f"{value:.4g}"
    if key == "start_from":
        value = PurePath(value).name
    return [[name.replace("_", " "), value]]


def accuracy_text(metrics):
    """Bias and scatter at each S/N."""
    rows = []
    for key, case in shown(metrics).items():
        for label in labels_of(metrics).scalars:
            error = metrics["conditions"][key]["scalars"][label.name]
            values = [number(error[k], 3, "bias" in k) for k in ERROR_COLUMNS]
            rows.append([case, described(label), *values])
    text = _conditions_text(metrics) + table(["data", "quantity", *ERROR_COLUMNS.values()], rows)
    for key, measure in extra_for(metrics).measures.items():
        values = ", ".join(
            f"{number(metrics['conditions'][case][key]['p50'], 2)} ({label})"
            for case, label in shown(metrics).items()
        )
        text += f"\n{measure.title[0].upper()}{measure.title[1:]} ({measure.text}): {values}.\n"
    return text


def _conditions_text(metrics):
    sn, both = sn_range(metrics), bool(by_data(metrics))
    text = "Errors are posterior median minus truth. "
    if sn:
        bands = " with all bands" if both else ""
        text += f"S/N 20, 50 and 100 are per pixel{bands}; "
    missing = ", missing bands or spectrum" if both else ""
    mix = f" (S/N {sn}, masks{missing})" if sn else ""
    return text + f"the mix is drawn as in training{mix}.\n\n"


def coverage_text(metrics):
    """Share of truths inside 68 and 95 % for every scalar and every bin, and its extremes."""
    cases, labels = shown(metrics), labels_of(metrics)
    header = ["quantity"] + [f"{p} %, {case}" for case in cases.values() for p in (68, 95)]
    rows = []
    for label in labels:
        for name in label.quantities:
            row = [described(label) if label.axis is None else name]
            for key in cases:
                _, inner, _, outer = metrics["conditions"][key]["calibration"]["coverage"][name]
                row += [percent(inner), percent(outer)]
            rows.append(row)
    floors = "".join(
        f"As in training, {label.transform.floor:g} with its fuzz (here from a fixed seed) is "
        f"added to the true `{label.name}`: empty bins have no logarithm. "
        for label in labels.shares
    )
    return (
        "Share of truths [%] inside the central intervals of the posterior; right are 68 (reported "
        "p16 to p84) and 95 (from 256 samples, itself uncertain by about 1). "
        f"{floors}".rstrip()
        + "\n\n"
        + extremes(metrics["conditions"]["mix"]["calibration"], labels)
        + "\n"
        + table(header, rows)
    )


def extremes(calibration, labels):
    """In words: range of coverage over quantities, terciles, and TARP's deviations."""
    shares = calibration["coverage"]
    inner, outer = ([share[i] for share in shares.values()] for i in (1, 3))
    lines = [
        f"In the mix the 68 % intervals hold {percent(min(inner))} to {percent(max(inner))} % and "
        f"the 95 % intervals {percent(min(outer))} to {percent(max(outer))} % of truths, over all "
        f"{len(shares)} quantities."
    ]
    lines += [
        f"In thirds of {_sorting(key)} the 68 % intervals hold {_ranges(entry, labels)}."
        for key, entry in calibration["terciles"].items()
    ]
    if any(key.startswith("true_") for key in calibration["terciles"]):
        lines.append(
            "Thirds of true values are no test: there even a perfect posterior does not hold 68 %."
        )
    tarp = ", ".join(f"{k} {number(v['deviation'])}" for k, v in calibration["tarp"].items())
    lines.append(f"Joint posterior: largest deviation of TARP's expected coverage: {tarp}.")
    return "".join(f"- {line}\n" for line in lines)


def _sorting(key):
    if key == "sn":
        return "S/N"
    name = key.removeprefix("true_")
    return f"{'true' if key.startswith('true_') else 'estimated'} `{name}`"


def _ranges(entry, labels):
    found = []
    for group, text in ((labels.scalars, "scalars"), (labels.vectors, "bins")):
        names = [name for label in group for name in label.quantities]
        shares = [share for name in names for share in entry["coverage_68"][name]]
        if shares:
            found.append(f"{percent(min(shares))} to {percent(max(shares))} % ({text})")
    return ", ".join(found)


def surprise_text(metrics):
    """How surprise behaves on the mix and on spoiled inputs."""
    summary, objects = metrics["conditions"]["mix"]["surprise"], pages_of(metrics).objects
    told = extra_for(metrics).told(labels_of(metrics))
    rows = [
        [
            f"{b['low']:g}-{b['high']:g}" if b["high"] else f"over {b['low']:g}",
            b["n"],
            *(number(b["mad_std"][name], 3) for name in told),
            *(percent(b["coverage_68"][name], 0) for name in told),
        ]
        for b in summary["bins"]
    ]
    header = ["surprise", objects, *(f"scatter {name}" for name in told)]
    header += [f"68 % {name} [%]" for name in told]
    spoiled = [
        [name, entry["meaning"], number(entry["surprise"][1], 1), percent(entry["flagged"], 0)]
        for name, entry in metrics["stress"].items()
    ]
    good = " at S/N 50" if "sn50" in metrics["conditions"] else ""
    return (
        f"On the mix {percent(summary['high'], 2)} % of {objects} have a surprise of 3 or more "
        f"(median {number(summary['p50'], 2)}, 99th percentile {number(summary['p99'], 2)}). "
        f"Groups of fewer than {FEWEST} {objects} are not shown.\n\n"
        + table(header, rows)
        + f"\nInputs that deserve distrust, made from {objects}{good}:\n\n"
        + table(["input", "meaning", "median surprise", "flagged [%]"], spoiled)
    )
