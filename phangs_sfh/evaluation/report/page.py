"""The evaluation report: report.md with figures, metrics.json and the model card."""

import json
from pathlib import Path

from phangs_sfh.errors import InputError
from phangs_sfh.evaluation.evaluate import DESCRIPTIONS
from phangs_sfh.evaluation.mocks import SCALARS
from phangs_sfh.evaluation.report import comparisons, figures, model_card
from phangs_sfh.evaluation.report.markdown import number, percent, table
from phangs_sfh.files.whole import whole_folder

METRICS, REPORT, CARD = "metrics.json", "report.md", "model_card.md"
SN = {"sn20": "S/N 20", "sn50": "S/N 50", "sn100": "S/N 100", "mix": "mix"}
DATA = {"sn50": "all bands", "sn50_spectrum_only": "no bands"}
FIGURES = {
    "predicted_against_true": "Predicted against true means at S/N 50 with all bands. Red: running "
    "median and 16-84 %.",
    "by_signal_to_noise": "Scatter, bias and the model's own error bar against S/N, in the mix. "
    "Where the two upper lines agree, error bars are right.",
    "groups": "Bias, scatter and coverage by kind of galaxy and of observation, in the mix. In "
    "groups of true age, A_V or family even a perfect posterior does not cover 68 %.",
    "data_sets": "What the bands add: the same galaxies and noise at S/N 50, with spectrum and "
    "bands, with the spectrum alone and with the bands alone.",
    "age_bins": "Coverage and errors of single age bins. Shaded: goals of 62-74 % and 94-96 %.",
    "young_stars": "Mass younger than 10 Myr: estimate against truth at S/N 50, the classes of 0.1 "
    "and 1 %, and completeness and purity as the fraction falls.",
    "coverage": "Coverage of central intervals at every level, in the mix, from 256 samples. These "
    "are the same normal points for every galaxy, which alone moves a curve by up to 0.03.",
    "ranks": "Simulation-based calibration: ranks of the truth, in the mix. Flat is right, a "
    "hump too wide, a bowl too narrow, a slope biased. Band: 2σ of counting.",
    "tarp": "Expected coverage of the joint posterior (TARP, Lemos et al. 2023). The diagonal is "
    "right.",
    "surprise": "Accuracy and coverage against surprise in the mix; surprise of spoiled inputs.",
}


def check_output(folder, overwrite):
    """Raise InputError if ``folder`` is there already and may not be replaced."""
    folder = Path(folder)
    if not folder.exists():
        return
    if not overwrite:
        raise InputError(f"{folder}: exists already; use --overwrite or another name")
    if not (folder / METRICS).is_file():
        raise InputError(f"{folder}: is no evaluation, so it is not overwritten; give another name")


def write_report(folder, metrics, mocks, answers, overwrite=False):
    """Write metrics, figures, report and model card; all or nothing.

    Parameters
    ----------
    folder : path
    metrics, mocks, answers : from ``evaluate.evaluate``
    overwrite : bool, replace an earlier evaluation

    Raises
    ------
    InputError
        If the folder exists and may not be replaced.
    OSError
        Disk full or unwritable; nothing is left behind.
    """
    folder = Path(folder)
    check_output(folder, overwrite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder) as temporary:
        (temporary / METRICS).write_text(json.dumps(metrics, indent=1, allow_nan=False) + "\n")
        (temporary / CARD).write_text(model_card.model_card(metrics))
        for name, figure in draw(metrics, mocks, answers).items():
            figures.save(figure, temporary / f"{name}.png")
        (temporary / REPORT).write_text(report_text(metrics))


def draw(metrics, mocks, answers):
    """All figures, one at a time: generator-backed dict name -> Figure, keys of ``FIGURES``."""
    of = metrics["conditions"]
    at_sn = {label: of[key] for key, label in SN.items()}
    by_data = {label: of[key] for key, label in DATA.items()}
    three = {"spectrum and bands": of["sn50"], "spectrum only": of["sn50_spectrum_only"]}
    three["bands only"] = of["bands_only"]
    mix = answers["mix"]
    who = f"{metrics['model']['name']} {metrics['model']['version']}, {len(mocks):,} galaxies"
    return {
        "predicted_against_true": figures.predicted_against_true(
            answers["sn50"], mocks, f"S/N 50, all bands ({who})"
        ),
        "by_signal_to_noise": comparisons.by_signal_to_noise(mix, mocks, f"Mix of S/N ({who})"),
        "groups": comparisons.groups(of["mix"], f"By kind of galaxy and of observation ({who})"),
        "data_sets": comparisons.data_sets(three, f"What the bands add, S/N 50 ({who})"),
        "age_bins": figures.age_bins(at_sn, f"Age bins ({who})"),
        "young_stars": comparisons.young_stars(
            {label: answers[key] for key, label in DATA.items()}, by_data, mocks,
            f"Stars younger than 10 Myr, S/N 50 ({who})",
        ),
        "coverage": figures.coverage_curves(mix, f"Coverage, mix ({who})"),
        "ranks": figures.ranks(mix, f"Ranks of the truth, mix ({who})"),
        "tarp": figures.tarp(at_sn, f"Joint posterior ({who})"),
        "surprise": comparisons.surprise(of["mix"], metrics["stress"], f"Surprise ({who})"),
    }  # fmt: skip


def report_text(metrics):
    """Text of ``report.md``."""
    model, library = metrics["model"], metrics["library"]
    conditions = [
        [key, text, number(metrics["conditions"][key]["galaxies_per_second"], 0),
         number(metrics["conditions"][key]["posterior_galaxies_per_second"], 0)]
        for key, text in DESCRIPTIONS.items()
    ]  # fmt: skip
    parts = [
        f"# Evaluation of {model['name']} {model['version']} on {library['name']}\n",
        f"{metrics['n']:,} galaxies of the split `{metrics['split']}`, prior "
        f"`{library['prior']}`, seed {metrics['seed']}, {metrics['seconds']:.0f} s. All numbers "
        f"are in `{METRICS}`; `{CARD}` is the model card with coverage of every bin.\n",
        table(["conditions", "", "answers/s", "with 256 samples/s"], conditions),
        "## Accuracy\n\n" + model_card.accuracy_text(metrics),
        "".join(figure_text(name) for name in ACCURACY_FIGURES),
        groups_text(metrics["conditions"]["mix"]["groups"]),
        "## Calibration\n\n" + model_card.extremes(metrics["conditions"]["mix"]["calibration"]),
        calibration_table(metrics["conditions"]["mix"]["calibration"]),
        "".join(figure_text(name) for name in CALIBRATION_FIGURES),
        "## Young stars\n\n" + model_card.young_text(metrics) + figure_text("young_stars"),
        "## Surprise\n\n" + model_card.surprise_text(metrics) + figure_text("surprise"),
        "## Spectra rebuilt from the answer\n\n" + rebuilt_text(metrics["rebuilt"]),
    ]
    return "\n".join(parts)


ACCURACY_FIGURES = ["predicted_against_true", "by_signal_to_noise", "groups", "data_sets"]
CALIBRATION_FIGURES = ["age_bins", "coverage", "ranks", "tarp"]


def figure_text(name):
    return f"\n![{name.replace('_', ' ')}]({name}.png)\n\n*{FIGURES[name]}*\n"


def groups_text(groups):
    """Scatter, bias and coverage of the four means by group."""
    four = list(SCALARS)[:4]
    rows = []
    for entries in groups.values():
        for entry in entries:
            cells = [
                f"{number(entry['scalars'][k]['bias_median'], 3, True)} ± "
                f"{number(entry['scalars'][k]['mad_std'])} ({percent(entry['coverage_68'][k], 0)})"
                for k in four
            ]
            rows.append([entry["label"], entry["n"], *cells, number(entry["total_variation"], 2)])
    return (
        "\nBy group, in the mix: bias (median) ± scatter (1.4826 MAD) [dex] and, in brackets, the "
        "share of truths inside 68 % [%].\n\n"
        + table(["group", "galaxies", *four, "total variation"], rows)
    )


def calibration_table(calibration):
    """Scalars only: the bins are in the model card."""
    rows = []
    for name in SCALARS:
        ranks = calibration["ranks"][name]
        rows.append(
            [
                name,
                *(percent(share) for share in calibration["coverage"][name]),
                number(ranks["ks"]),
                number(ranks["chi2_reduced"], 1),
                number(calibration["sharpness"][name], 2),
            ]
        )
    header = ["mix", "50 %", "68 %", "90 %", "95 %"]
    header += ["KS of ranks", "reduced χ² of ranks", "width / prior's"]
    return "\n" + table(header, rows)


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
        f"{rebuilt['n']} galaxies at S/N 50 with all bands, compared without noise: relative rms "
        "of the continuum-normalised spectrum outside emission-line windows (median, 16 to 84 %), "
        "and scatter of the bands' colours [mag, 1.4826 MAD]. Rebuilt with the true velocity "
        "dispersion, no gas, no birth clouds and the standard dust slope, so the row of the true "
        "bins is what an answer can reach; gas continuum and lines stay in the bands.\n\n"
        + table(["rebuilt from", "spectrum, rms [%]", "bands [mag]"], rows)
    )
