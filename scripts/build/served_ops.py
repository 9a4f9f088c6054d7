"""Write the ops that a SavedModel may use: python scripts/build/served_ops.py

They are the stateless ops of those families of TensorFlow that compute numbers from numbers, and a
few more, each with its reason. Whatever else TensorFlow has, now or later, is refused at load
(``phangs_sfh/export/allowed_ops.py``). Read the difference before you commit it.
"""

import re
from importlib import import_module
from pathlib import Path

FILE = Path(__file__).parents[2] / "phangs_sfh" / "data" / "served_ops.txt"
FAMILIES = (
    "math_ops", "array_ops", "nn_ops", "linalg_ops", "bitwise_ops", "special_math_ops",
    "manip_ops", "spectral_ops", "stateless_random_ops", "stateless_random_ops_v2", "list_ops",
    "functional_ops",
)  # fmt: skip
LEFT_OUT = {
    "ImmutableConst": "maps a file into memory",
    "SymbolicGradient": "calls what a gradient's registry names",
    "StridedSliceAssign": "writes into its input",
    "Fingerprint": "of no use here", "EditDistance": "of no use here",
    "FakeParam": "of no use here", "For": "of no use here", "ToBool": "of no use here",
}  # fmt: skip
NOT_NEEDED = re.compile(
    r"(?<!Stop)Grad|Backprop|Sparse|quant|Quant|^Batch(?!MatMul|To)|^Ref|^Inplace"
)
"""Training, sparse, quantised and superseded ops: no export of ours has them."""

ADDED = {
    "NoOp": "does nothing; ends the initialiser",
    "CheckNumerics": "fails at NaN; stateful only so that it is kept",
    "ReadVariableOp": "reads weights",
    "StatefulPartitionedCall": "calls a function, whose ops are looked at too",
    "If": "as above", "Case": "as above", "While": "as above",
}  # fmt: skip


def chosen():
    """{family: sorted names of its ops}."""
    from tensorflow.python.framework import op_def_registry

    found, seen = {}, set(ADDED) | set(LEFT_OUT)
    for family in FAMILIES:
        module = vars(import_module(f"tensorflow.python.ops.gen_{family}"))
        known = {name: op_def_registry.get(name) for name in module if name not in seen}
        pure = [name for name, op in known.items() if op is not None and not op.is_stateful]
        found[family] = sorted(name for name in pure if not NOT_NEEDED.search(name))
        seen |= set(pure)
    return found


def text():
    """Content of the file."""
    lines = ["# Ops that a SavedModel may use; written by scripts/build/served_ops.py"]
    for family, names in chosen().items():
        lines += ["", f"# {family}, stateless", *names]
    lines += ["", "# further ones, each with its reason"]
    lines += [f"{name}  # {reason}" for name, reason in ADDED.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
