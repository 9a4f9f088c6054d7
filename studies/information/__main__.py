"""How near is the network to the limit that the data set? Numbers, tables and the figure of
docs/information.md.

    python -m studies.information [STAGE ...] [--model NAME=FOLDER]

``bound`` computes Fisher matrices, ``network`` the model's scatter on mocks, ``sampling`` the exact
posteriors of single galaxies (needs emcee: pip install phangs-sfh[benchmark]; only of those not
there yet), ``ask`` the model's answers for the same galaxies, ``page`` tables and figure. Without a
stage: all of them. Results are kept in docs/data/information.json; remove it to begin afresh.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from phangs_sfh.galaxy.forward_model import ForwardModel  # noqa: E402
from phangs_sfh.instrument.description import load_instrument  # noqa: E402
from phangs_sfh.library.observing import ObservingConditions  # noqa: E402
from phangs_sfh.problems.histories.priors import load_prior  # noqa: E402
from phangs_sfh.ssp.engines import load_ssp  # noqa: E402
from studies.information import limits, page, sampled_cases

DOCS = Path(__file__).parents[2] / "docs"
PRIORS = ("paper", "broad")
STAGES = ("bound", "network", "sampling", "ask", "page")
FIRST_CASE = 100  # seed
SEED = 11


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"out of {', '.join(STAGES)}")
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder with information.md")
    parser.add_argument("--galaxies", type=int, default=300, help="of each prior, for the bound")
    parser.add_argument("--mocks", type=int, default=750, help="of each prior, for the network")
    parser.add_argument("--cases", type=int, default=9, help="to sample")
    parser.add_argument("--steps", type=int, default=360, help="of the chains")
    parser.add_argument("--first", type=int, default=FIRST_CASE, help="seed of the first case")
    parser.add_argument("--model", action="append", metavar="NAME=FOLDER", help="more than one")
    settings = parser.parse_args()
    settings.stages = settings.stages or STAGES
    if not set(settings.stages) <= set(STAGES):
        parser.error(f"stages are {', '.join(STAGES)}")
    return settings


def models(settings):
    """Exported models by name."""
    from phangs_sfh.prediction.model import load_model
    from phangs_sfh.prediction.model_folder import released_model

    chosen = settings.model or [f"released={released_model()}"]
    pairs = [text.partition("=")[::2] for text in chosen]
    return {name: load_model(folder) for name, folder in pairs}


def bound(settings, model, conditions, content):
    for name in PRIORS:
        start = time.perf_counter()
        found = limits.fisher_matrices(model, load_prior(name), conditions, settings.galaxies, SEED)
        content.setdefault("bound", {})[name] = limits.limits(*found)
        print(f"bound, {name}: {time.perf_counter() - start:.0f} s", flush=True)


def network(settings, model, conditions, content):
    stored = content.setdefault("network", {})
    for label, one in models(settings).items():
        for name in PRIORS:
            scatter = limits.network_scatter(
                one.saved.signatures, model, load_prior(name), conditions, settings.mocks, SEED
            )
            stored.setdefault(label, {})[name] = scatter
        print(f"network, {label}: done", flush=True)


def ask(settings, model, conditions, content):
    prior = load_prior("paper")
    cases = content.get("cases", [])
    seen = [sampled_cases.draw_case(model, prior, conditions, case["seed"])[2] for case in cases]
    for label, one in models(settings).items():
        answers = sampled_cases.ask_network(one.saved.signatures, seen)
        for case, answer in zip(cases, answers, strict=True):
            case.setdefault("network", {})[label] = answer


def sampling(settings, model, conditions, content):
    cases = content.setdefault("cases", [])
    for seed in range(settings.first, settings.first + settings.cases):
        if seed in [case["seed"] for case in cases]:
            continue
        start = time.process_time()
        prior = load_prior("paper")
        cases.append(sampled_cases.run_case(model, prior, conditions, seed, settings.steps))
        print(f"case {seed}: {time.process_time() - start:.0f} s of one core", flush=True)
        save(settings, content)


def save(settings, content):
    path = settings.docs / "data" / "information.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(partial, path)


def main():
    settings = arguments()
    path = settings.docs / "data" / "information.json"
    content = json.loads(path.read_text()) if path.exists() else {}
    stages = {"bound": bound, "network": network, "sampling": sampling, "ask": ask}
    wanted = [stage for name, stage in stages.items() if name in settings.stages]
    if wanted:
        model = ForwardModel(load_ssp(), load_instrument())
        conditions = ObservingConditions.fixed(float(limits.REFERENCE_SN), masked_lines=0.0)
    for stage in wanted:
        stage(settings, model, conditions, content)
        save(settings, content)
    if "page" in settings.stages:
        page.write(settings.docs, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
