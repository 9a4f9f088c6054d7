"""The evaluation report: report.md with figures, metrics.json and the model card."""

import json
from pathlib import Path

from phangs_sfh.errors import InputError
from phangs_sfh.evaluation.cases import reference
from phangs_sfh.evaluation.report import comparisons, figures, model_card
from phangs_sfh.evaluation.report.figures import MAIN
from phangs_sfh.evaluation.report.markdown import number, percent, table
from phangs_sfh.evaluation.report.style import save
from phangs_sfh.evaluation.report.words import by_data, extra_for, labels_of, pages_of, shown
from phangs_sfh.files.whole import check_replaceable, whole_folder

METRICS, REPORT, CARD = "metrics.json", "report.md", "model_card.md"
CAPTIONS = {
    "predicted_against_true": "Predicted against true values, good data. Red: running median and "
    "16-84 %.",
    "by_signal_to_noise": "Scatter, bias and the model's own error bar against S/N, in the mix. "
    "Where the two upper lines agree, error bars are right.",
    "groups": "Bias, scatter and coverage by kind, in the mix. In groups of true values even a "
    "perfect posterior does not cover 68 %.",
    "data_sets": "What the bands add: the same objects and noise with spectrum and bands, with the "
    "spectrum alone and with the bands alone.",
    "bins": "Coverage and errors of single bins. Shaded: goals of 62-74 % and 94-96 %.",
    "coverage": "Coverage of central intervals at every level, in the mix, from 256 samples. These "
    "are the same normal points for every object, which alone moves a curve by up to 0.03.",
    "ranks": "Simulation-based calibration: ranks of the truth, in the mix. Flat is right, a "
    "hump too wide, a bowl too narrow, a slope biased. Band: 2σ of counting.",
    "tarp": "Expected coverage of the joint posterior (TARP, Lemos et al. 2023). The diagonal is "
    "right.",
    "surprise": "Accuracy and coverage against surprise in the mix; surprise of spoiled inputs.",
}
ACCURACY_FIGURES = ["predicted_against_true", "by_signal_to_noise", "groups", "data_sets"]
CALIBRATION_FIGURES = ["bins", "coverage", "ranks", "tarp"]


def check_output(folder, overwrite):
    """Raise InputError if ``folder`` is there already and may not be replaced."""
    folder = Path(folder)
    if not folder.exists():
        return
    if not overwrite:
        raise InputError(f"{folder}: exists already; use --overwrite or another name")
    if not (folder / METRICS).is_file():
        raise InputError(f"{folder}: is no evaluation, so it is not overwritten; give another name")
    check_replaceable(folder, (METRICS, CARD, REPORT, "*.png"), "an evaluation")


def write_report(folder, metrics, mocks, answers, overwrite=False):
    """Write metrics, figures, report and model card; all or nothing.

    Parameters
    ----------
    folder : path
    metrics, mocks, answers : from ``evaluation.evaluate``
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
        drawn = draw(metrics, mocks, answers)
        for name, figure in drawn.items():
            save(figure, temporary / f"{name}.png")
        (temporary / REPORT).write_text(report_text(metrics, drawn))


def draw(metrics, mocks, answers):
    """All figures that the problem's labels and inputs allow: dict name -> Figure."""
    labels, extra, of = mocks.labels, extra_for(metrics), metrics["conditions"]
    mix, good = answers["mix"], reference(of)
    who = f"{metrics['model']['name']} {metrics['model']['version']}, "
    who += f"{len(mocks):,} {extra.pages.objects}"
    cases = {text: of[key] for key, text in shown(metrics).items()}
    by_kind = {text: of[key] for key, text in by_data(metrics).items()}
    found = {
        "coverage": figures.coverage_curves(mix, mocks, f"Coverage, mix ({who})"),
        "ranks": figures.ranks(mix, mocks, f"Ranks of the truth, mix ({who})"),
        "tarp": figures.tarp(cases, labels, f"Joint posterior ({who})"),
        "surprise": comparisons.surprise(of["mix"], metrics["stress"], labels, f"Surprise ({who})"),
    }
    if labels.vectors:
        found["bins"] = figures.bins(cases, labels, extra.pages.bins, f"Bins ({who})")
    if labels.scalars:
        title = f"{of[good]['description']} ({who})"
        found["predicted_against_true"] = figures.predicted_against_true(
            answers[good], mocks, title
        )
        if "sn50" in of:
            found["by_signal_to_noise"] = comparisons.by_signal_to_noise(
                mix, mocks, f"Mix of S/N ({who})"
            )
        found["groups"] = comparisons.groups(of["mix"], labels, f"By kind, mix ({who})")
        if by_kind:
            found["data_sets"] = comparisons.data_sets(
                by_kind, labels, extra.measures, f"What the bands add, S/N 50 ({who})"
            )
    return found | extra.pages.figures(metrics, mocks, answers, who)


def report_text(metrics, drawn):
    """Text of ``report.md``.

    Parameters
    ----------
    metrics : dict from ``evaluation.evaluate``
    drawn : collection of names of the figures that there are
    """
    model, library = metrics["model"], metrics["library"]
    mix, pages = metrics["conditions"]["mix"], pages_of(metrics)
    cases = [
        [key, case["description"], number(case["galaxies_per_second"], 0),
         number(case["posterior_galaxies_per_second"], 0)]
        for key, case in metrics["conditions"].items()
    ]  # fmt: skip
    labels, captions = labels_of(metrics), CAPTIONS | pages.captions

    def shown_figures(names):
        return "".join(figure_text(name, captions[name]) for name in names if name in drawn)

    parts = [
        f"# Evaluation of {model['name']} {model['version']} on {library['name']}\n",
        f"{metrics['n']:,} {pages.objects} of the split `{metrics['split']}`, prior "
        f"`{library['prior']}`, seed {metrics['seed']}, {metrics['seconds']:.0f} s. All numbers "
        f"are in `{METRICS}`; `{CARD}` is the model card with coverage of every quantity.\n",
        table(["conditions", "", "answers/s", "with 256 samples/s"], cases),
        "## Accuracy\n\n" + model_card.accuracy_text(metrics),
        shown_figures(ACCURACY_FIGURES),
        groups_text(mix["groups"], labels, extra_for(metrics).measures),
        "## Calibration\n\n" + model_card.extremes(mix["calibration"], labels),
        calibration_table(mix["calibration"], labels),
        shown_figures(CALIBRATION_FIGURES),
        "## Surprise\n\n" + model_card.surprise_text(metrics) + shown_figures(["surprise"]),
        *(
            f"## {one.title}\n\n{one.text}{shown_figures(one.figures)}"
            for one in pages.sections(metrics)
        ),
    ]
    return "\n".join(part for part in parts if part)


def figure_text(name, caption):
    return f"\n![{name.replace('_', ' ')}]({name}.png)\n\n*{caption}*\n"


def groups_text(groups, labels, measures):
    """Scatter, bias and coverage of the first scalars by group."""
    main = [label.name for label in labels.scalars[:MAIN]]
    if not groups or not main:
        return ""
    rows = []
    for entries in groups.values():
        for entry in entries:
            cells = [
                f"{number(entry['scalars'][k]['bias_median'], 3, True)} ± "
                f"{number(entry['scalars'][k]['mad_std'])} ({percent(entry['coverage_68'][k], 0)})"
                for k in main
            ]
            cells += [number(entry[key], 2) for key in measures]
            rows.append([entry["label"], entry["n"], *cells])
    header = ["group", "how many", *main, *(key.replace("_", " ") for key in measures)]
    return (
        "\nBy group, in the mix: bias (median) ± scatter (1.4826 MAD) and, in brackets, the share "
        "of truths inside 68 % [%].\n\n" + table(header, rows)
    )


def calibration_table(calibration, labels):
    """Scalars only: the bins are in the model card."""
    rows = []
    for name in [label.name for label in labels.scalars]:
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
    return "\n" + table(header, rows) if rows else ""
