"""The model card: what a user must know, written from metrics.json and never by hand."""

from phangs_sfh.evaluation.assess import FEWEST
from phangs_sfh.evaluation.mocks import QUANTITIES, SCALARS
from phangs_sfh.evaluation.report.markdown import number, percent, table

NAMES = {
    "mw_logage": "mass-weighted log age [dex]",
    "lw_logage": "light-weighted log age [dex]",
    "mw_mh": "mass-weighted [M/H] [dex]",
    "lw_mh": "light-weighted [M/H] [dex]",
    "logml": "log M/L (F555W) [dex]",
    "av": "A_V [mag]",
}
FIXED = {"sn20": "S/N 20", "sn50": "S/N 50", "sn100": "S/N 100"}
ALL = FIXED | {"mix": "mix"}

USE = """\
For rest-optical spectra like those of PHANGS-MUSE (4800-7000 Å at MUSE's resolution) with or
without the five PHANGS-HST bands, of regions of galaxies at rest-frame wavelengths, S/N {sn}
per pixel and velocity dispersions up to {sigma_v:g} km/s. Spectrum alone and bands alone are
answered too, with wider error bars. `phangs-sfh predict` converts units, frames and sampling.
"""

LIMITS = """\
- Error bars are true for galaxies drawn from the prior and stellar populations above. They do not
  hold the differences between stellar libraries: in a trial with an early network, mocks that
  another library made were off by 0.2 to 0.3 dex in age and [M/H], far outside the error bars.
- The answer in a bin without information is the prior's. Look at the width.
- A mass fraction near {floor:g} means "none found": it is added to every bin, as in training.
- Not for active nuclei, single stars, supernovae or gas-dominated spectra; not for z > 0.02 with
  bands, which are taken as rest-frame.
- Do not trust an answer with surprise of 3 or more (flag 64). A low surprise does not prove that an
  input is like the training set.
- Percentiles of single bins need not belong to one history: for sums over bins use the samples of
  the `posterior` signature.
"""


def model_card(metrics):
    """Text of ``model_card.md``.

    Parameters
    ----------
    metrics : dict from ``evaluate.evaluate``, as in metrics.json
    """
    model, library = metrics["model"], metrics["library"]
    parts = [
        f"# Model card: {model['name']}, version {model['version']}\n",
        "Star formation history and age-metallicity relation in 16 age bins, with a joint "
        "posterior, from one spectrum and five bands. Written by `phangs-sfh evaluate`.\n",
        "## Data\n\n" + _data(metrics, library),
        "## Settings and run time\n\n" + settings_table(model),
        "## Accuracy\n\n" + accuracy_text(metrics),
        "## Calibration\n\n" + coverage_text(metrics),
        "## Young stars\n\n" + young_text(metrics),
        "## Surprise\n\n" + surprise_text(metrics),
        "## Intended use\n\n" + _use(metrics),
        "## Limits\n\n" + LIMITS.format(floor=metrics["fraction_floor"]),
    ]
    return "\n".join(parts)


def _use(metrics):
    sigma_v = metrics["library"]["highest_sigma_v"]
    return USE.format(sn=_sn_range(metrics), sigma_v=float("nan") if sigma_v is None else sigma_v)


def _data(metrics, library):
    splits = ", ".join(f"{n:,} {name}" for name, n in library["splits"].items())
    rows = [
        ["library", f"{library['name']}, seed {library['seed']}"],
        ["galaxies", splits],
        ["prior", f"{library['prior']}: {library['prior_description']}"],
        ["stellar populations", "; ".join(library["ssp"].values())],
        ["instrument", library["instrument"]],
        ["Z_sun", f"{metrics['model']['z_sun']:g}"],
        ["evaluated on", f"{metrics['n']:,} galaxies of the split `{metrics['split']}`"],
    ]
    return table(["what", ""], rows)


def settings_table(model):
    """Settings of the training, as far as ``model.json`` tells, flattened to one table."""
    rows = [["emission lines", model["emission_lines"]]]
    rows += [["size of the exported model", f"{model['megabytes']:.1f} MB"]]
    for name, value in model["training"].items():
        rows += _flattened(name, value)
    return table(["setting", "value"], rows)


def _flattened(name, value):
    if isinstance(value, dict):
        return [row for key, inner in value.items() for row in _flattened(f"{name}: {key}", inner)]
    if isinstance(value, list):
        value = " to ".join(f"{x:g}" if isinstance(x, float) else str(x) for x in value)
    if isinstance(value, float):
        value = f"{value:.4g}"
    return [] if value is None else [[name.replace("_", " "), value]]


def accuracy_text(metrics):
    """Bias and scatter at each S/N."""
    rows = []
    for key, label in ALL.items():
        for name, text in NAMES.items():
            error = metrics["conditions"][key]["scalars"][name]
            values = [number(error[k], 3, "bias" in k) for k in ERROR_COLUMNS]
            rows.append([label, text, *values])
    distances = ", ".join(
        f"{number(metrics['conditions'][key]['total_variation']['p50'], 2)} ({label})"
        for key, label in ALL.items()
    )
    return (
        "Errors are posterior median minus truth. S/N 20, 50 and 100 are per pixel with all bands; "
        f"the mix is drawn as in training (S/N {_sn_range(metrics)}, masks, missing bands or "
        "spectrum).\n\n"
        + table(["data", "quantity", *ERROR_COLUMNS.values()], rows)
        + f"\nShare of the mass put in a wrong age bin (total-variation distance, median): "
        f"{distances}.\n"
    )


def _sn_range(metrics):
    low, high = metrics["conditions"]["mix"]["observing"]["sn"]
    return f"{low:g} to {high:g}"


ERROR_COLUMNS = {
    "bias_median": "bias (median)",
    "bias_mean": "bias (mean)",
    "std": "standard deviation",
    "mad_std": "1.4826 MAD",
}


def coverage_text(metrics):
    """Share of truths inside 68 and 95 % for every scalar and every bin, and its extremes."""
    header = ["quantity"] + [f"{p} %, {label}" for label in ALL.values() for p in (68, 95)]
    rows = []
    for name in QUANTITIES:
        row = [NAMES.get(name, name)]
        for key in ALL:
            _, inner, _, outer = metrics["conditions"][key]["calibration"]["coverage"][name]
            row += [percent(inner), percent(outer)]
        rows.append(row)
    return (
        "Share of truths [%] inside the central intervals of the posterior; right are 68 (reported "
        "p16 to p84) and 95 (from 256 samples, itself uncertain by about 1). "
        f"As in training, {metrics['fraction_floor']:g} with its fuzz (here from a fixed seed) is "
        "added to true mass fractions: empty bins have no logarithm.\n\n"
        + extremes(metrics["conditions"]["mix"]["calibration"])
        + "\n"
        + table(header, rows)
    )


def extremes(calibration):
    """In words: range of coverage over quantities, terciles, and TARP's deviations."""
    shares = calibration["coverage"]
    inner, outer = ([share[i] for share in shares.values()] for i in (1, 3))
    lines = [
        f"In the mix the 68 % intervals hold {percent(min(inner))} to {percent(max(inner))} % and "
        f"the 95 % intervals {percent(min(outer))} to {percent(max(outer))} % of truths, over all "
        f"{len(shares)} quantities."
    ]
    words = {"sn": "S/N", "mw_logage": "estimated mass-weighted age", "av": "estimated A_V"}
    words |= {"true_mw_logage": "true mass-weighted age", "true_av": "true A_V"}
    for key, entry in calibration["terciles"].items():
        by_name = entry["coverage_68"]
        scalars = [x for name in SCALARS for x in by_name[name]]
        bins = [x for name, values in by_name.items() if name not in NAMES for x in values]
        lines.append(
            f"In thirds of {words[key]} the 68 % intervals hold {percent(min(scalars))} to "
            f"{percent(max(scalars))} % (scalars), {percent(min(bins))} to {percent(max(bins))} % "
            "(bins)."
        )
    lines.append(
        "Thirds of true values are no test: there even a perfect posterior does not hold 68 %."
    )
    tarp = ", ".join(f"{k} {number(v['deviation'])}" for k, v in calibration["tarp"].items())
    lines.append(f"Joint posterior: largest deviation of TARP's expected coverage: {tarp}.")
    return "".join(f"- {line}\n" for line in lines)


def young_text(metrics):
    """Detection of young stars, with and without bands."""
    rows = []
    for key, label in (("sn50", "all bands"), ("sn50_spectrum_only", "no bands")):
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
        f"Mass fraction formed in the last {metrics['young_age_myr']:g} Myr: at S/N 50 with all "
        f"bands {words}; a galaxy with 1 % is ranked above one with 0.1 % in "
        f"{percent(young['separation'])} % of pairs. Completeness is the share found of truths up "
        "to half a dex above the limit, found the share of all above it, purity the share of "
        "claims that are true.\n\n" + table(header, rows)
    )


def _fraction_range(entry):
    if not entry["n"]:
        return "no estimate (no such galaxy)"
    low, middle, high = (100 * 10 ** entry[k] for k in ("p16", "p50", "p84"))
    return f"{middle:.2g} % ({low:.2g} to {high:.2g} %)"


def surprise_text(metrics):
    """How surprise behaves on the mix and on spoiled inputs."""
    summary = metrics["conditions"]["mix"]["surprise"]
    rows = [
        [
            f"{b['low']:g}-{b['high']:g}" if b["high"] else f"over {b['low']:g}",
            b["n"],
            *(number(b["mad_std"][name], 3) for name in ("lw_logage", "lw_mh")),
            *(percent(b["coverage_68"][name], 0) for name in ("lw_logage", "lw_mh")),
        ]
        for b in summary["bins"]
    ]
    header = ["surprise", "galaxies", "scatter lw_logage", "scatter lw_mh"]
    header += ["68 % lw_logage [%]", "68 % lw_mh [%]"]
    spoiled = [
        [name, entry["meaning"], number(entry["surprise"][1], 1), percent(entry["flagged"], 0)]
        for name, entry in metrics["stress"].items()
    ]
    return (
        f"On the mix {percent(summary['high'], 2)} % of galaxies have a surprise of 3 or more "
        f"(median {number(summary['p50'], 2)}, 99th percentile {number(summary['p99'], 2)}). "
        f"Groups of fewer than {FEWEST} galaxies are not shown.\n\n"
        + table(header, rows)
        + "\nInputs that deserve distrust, made from galaxies at S/N 50:\n\n"
        + table(["input", "meaning", "median surprise", "flagged [%]"], spoiled)
    )
