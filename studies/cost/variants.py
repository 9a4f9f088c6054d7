"""What smaller or faster variants of the network would save, and what they would cost in accuracy.

Weights are rounded to float16, bfloat16 or int8 (post-training, one scale a column), or the whole
network is run in bfloat16, or compiled by XLA; all answer the same observed test galaxies. Times
are CPU time of one thread, so other programs on the machine hardly count.
"""

import json
import time

import numpy as np
import tensorflow as tf

BATCH = 128
ORDER = ("flux", "flux_err", "band_flux", "band_flux_err")


def cpu_time(function, seconds=1.0):
    """Least CPU time of one call [s]."""
    function()
    best, end = float("inf"), time.process_time() + seconds
    while time.process_time() < end:
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return best


def rounded(weight, kind):
    """A weight as it comes back from storage; vectors (biases, normalisation) stay as they are."""
    if weight.ndim < 2:
        return weight
    if kind == "int8":
        scale = np.maximum(np.abs(weight).max(axis=tuple(range(weight.ndim - 1))), 1e-12) / 127.0
        return (np.round(weight / scale) * scale).astype(np.float32)
    return tf.cast(tf.cast(weight, kind), tf.float32).numpy()


def n_bytes(weights, kind):
    size = {"float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}[kind]
    return sum(w.size * (size if w.ndim > 1 else 4) for w in weights)


def in_bfloat16(model):
    """The model with activations in bfloat16, but for the normalisation of its input."""
    import keras

    config = model.get_config()
    for layer in config["layers"]:
        if layer["class_name"] not in ("InputLayer", "Clean", "Normalise", "Patches"):
            policy = json.dumps(layer["config"].get("dtype"))
            layer["config"]["dtype"] = json.loads(policy.replace('"float32"', '"mixed_bfloat16"'))
    half = keras.Model.from_config(config)
    half.set_weights(model.get_weights())
    return half


def pipeline(model, spec, labels, xla=False):
    """Function of the four inputs to the columns of the result table, surprise left out."""
    from phangs_sfh.network.cleaning import clean, in_order
    from phangs_sfh.network.model import behind_cleaning
    from phangs_sfh.posterior.fused_head import FusedHead
    from phangs_sfh.posterior.marginals import marginal_quantiles

    last = model.get_layer("params")
    network = behind_cleaning(model, last.input)
    head = FusedHead(spec, labels.cut, *last.get_weights(), variable=tf.Variable)

    @tf.function(autograph=False, jit_compile=xla)
    def run(*arrays):
        cleaned, _ = clean(dict(zip(ORDER, arrays, strict=True)))
        hidden = tf.cast(network(in_order(cleaned), training=False), tf.float32)
        return marginal_quantiles(labels, *head.marginals(hidden))

    return run


def answers(run, inputs):
    found = [
        run(*(tf.constant(inputs[name][i : i + BATCH]) for name in ORDER))
        for i in range(0, len(inputs["flux"]), BATCH)
    ]
    return {name: np.concatenate([part[name].numpy() for part in found]) for name in found[0]}


def observed(library, instrument, conditions, n):
    """Inputs and truths of the first ``n`` test galaxies, always the same noise."""
    from phangs_sfh.library import batches as data
    from phangs_sfh.library import records

    opened = records.open_library(library, instrument)
    galaxies = {k: v[:n] for k, v in records.load(opened, "test").items()}
    batches = data.fixed_batches(galaxies, opened.survey(conditions), BATCH, data.TEST_SEED)
    parts = [{k: v.numpy() for k, v in inputs.items()} for inputs, _ in batches]
    return {name: np.concatenate([p[name] for p in parts]) for name in ORDER}, galaxies


def quality(found, truth, reference):
    """Scatter, coverage of 68 % intervals, and the change against the reference in its sigmas."""
    from phangs_sfh.problems.histories import LABELS

    names = [name for name in LABELS.names if name != "sfh"]
    inside = [
        np.mean((truth[k] > found[f"{k}_p16"]) & (truth[k] < found[f"{k}_p84"]), axis=0)
        for k in names
    ]
    change = [
        np.abs(found[f"{k}_p50"] - reference[f"{k}_p50"])
        / (0.5 * (reference[f"{k}_p84"] - reference[f"{k}_p16"]))
        for k in [*names, "sfh"]
    ]
    change = np.concatenate([c.ravel() for c in change])
    covered = np.concatenate([np.atleast_1d(c) for c in inside])
    scatter = {k: np.std(found[f"{k}_p50"] - truth[k]) for k in ("mw_logage", "lw_logage", "lw_mh")}
    return {
        **{f"std {k}": float(v) for k, v in scatter.items()},
        "68 % of [M/H], scalars hold": float(covered.mean()),
        "worst of 22": float(covered[np.argmax(np.abs(covered - 0.68))]),
        "change, median [sigma]": float(np.median(change)),
        "change, 99.9 %": float(np.quantile(change, 0.999)),
    }


def measure(model, library, n, xla):
    """Print one line of JSON a variant.

    Parameters
    ----------
    model, library : folders
    n : int, test galaxies
    xla : bool, XLA too; compiling takes a while
    """
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    from phangs_sfh.instrument.description import Instrument
    from phangs_sfh.library.observing import ObservingConditions
    from phangs_sfh.network.model import load_model
    from phangs_sfh.posterior.density import posterior_of
    from phangs_sfh.problems.catalogue import described_by

    whole, description = load_model(model)
    spec = posterior_of(description)
    labels = described_by(description, model).labels
    instrument = Instrument.from_dict(description["instrument"])
    conditions = ObservingConditions.from_dict(
        description.get("training", {}).get("conditions", {})
    )
    inputs, truth = observed(library, instrument, conditions, n)
    weights = whole.get_weights()
    reference = None
    batch = [tf.constant(inputs[name][:BATCH]) for name in ORDER]
    for name in ["float32", "float16", "bfloat16", "int8", "bfloat16 activations", "XLA"]:
        if name == "XLA" and not xla:
            continue
        kind = name if name in ("float16", "bfloat16", "int8") else "float32"
        whole.set_weights([rounded(w, kind) for w in weights])
        try:
            network = in_bfloat16(whole) if "activations" in name else whole
            run = pipeline(network, spec, labels, xla=name == "XLA")
            found = answers(run, inputs)
        except Exception as error:  # a variant that cannot be made is a finding, not a failure
            print(json.dumps({"variant": name, "fails": str(error)[:300]}), flush=True)
            continue
        reference = reference or found
        row = {"variant": name, "weights MB": n_bytes(weights, kind) / 1e6}
        if kind == "float32":
            seconds = cpu_time(lambda r=run: r(*batch)["sfh_p84"].numpy())
            row["us/spectrum"] = seconds / BATCH * 1e6
        print(json.dumps(row | quality(found, truth, reference)), flush=True)
