"""The stages of the study: each adds its numbers to what docs/data/information.json holds."""

import json
import time

from phangs_sfh.files.whole import write_text
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.library.observing import ObservingConditions
from phangs_sfh.ssp.engines import load_ssp
from studies.information import limits, page, sampled_cases
from studies.information.latent import known_prior

PRIORS = ("paper", "broad")
SEED = 11


def run(names, settings, content):
    """Run the stages of these names, one after the other; kept after each.

    Parameters
    ----------
    names : list out of ``bound``, ``network``, ``sampling``, ``ask``, ``page``
    settings : namespace of the command's options
    content : dict, what information.json holds so far
    """
    stages = {"bound": bound, "network": network, "sampling": sampling, "ask": ask}
    wanted = [stages[name] for name in names if name in stages]
    if wanted:
        forward = ForwardModel(load_ssp(), load_instrument())
        conditions = ObservingConditions.fixed(float(limits.REFERENCE_SN), masked_lines=0.0)
    for stage in wanted:
        stage(settings, forward, conditions, content)
        save(settings, content)
    if "page" in names:
        page.write(settings.docs, content)


def models(settings):
    """Exported models by name."""
    from phangs_sfh.prediction.model import load_model
    from phangs_sfh.prediction.model_folder import released_model

    chosen = settings.model or [f"released={released_model()}"]
    pairs = [text.partition("=")[::2] for text in chosen]
    return {name: load_model(folder) for name, folder in pairs}


def bound(settings, forward, conditions, content):
    for name in PRIORS:
        start = time.perf_counter()
        found = limits.fisher_matrices(
            forward, known_prior(name), conditions, settings.galaxies, SEED
        )
        content.setdefault("bound", {})[name] = limits.limits(*found)
        print(f"bound, {name}: {time.perf_counter() - start:.0f} s", flush=True)


def network(settings, forward, conditions, content):
    stored = content.setdefault("network", {})
    for label, one in models(settings).items():
        for name in PRIORS:
            scatter = limits.network_scatter(
                one.saved.signatures, forward, known_prior(name), conditions, settings.mocks, SEED
            )
            stored.setdefault(label, {})[name] = scatter
        print(f"network, {label}: done", flush=True)


def ask(settings, forward, conditions, content):
    prior = known_prior("paper")
    cases = content.get("cases", [])
    seen = [sampled_cases.draw_case(forward, prior, conditions, case["seed"])[2] for case in cases]
    for label, one in models(settings).items():
        answers = sampled_cases.ask_network(one.saved.signatures, seen)
        for case, answer in zip(cases, answers, strict=True):
            case.setdefault("network", {})[label] = answer


def sampling(settings, forward, conditions, content):
    cases = content.setdefault("cases", [])
    for seed in range(settings.first, settings.first + settings.cases):
        if seed in [case["seed"] for case in cases]:
            continue
        start = time.process_time()
        prior = known_prior("paper")
        cases.append(sampled_cases.run_case(forward, prior, conditions, seed, settings.steps))
        print(f"case {seed}: {time.process_time() - start:.0f} s of one core", flush=True)
        save(settings, content)


def save(settings, content):
    path = settings.docs / "data" / "information.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(content, indent=1) + "\n")
