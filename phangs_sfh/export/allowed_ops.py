"""What a SavedModel may do: compute numbers from numbers, and nothing else.

TensorFlow's graphs can read, write and print files, and an initialiser does so when it is loaded. A
model may come from anywhere. So its graph is read, before TensorFlow has it, and refused unless
every op, of all graphs and functions, is listed in ``data/served_ops.txt``. Weights are made in the
outer graph alone, and ops that save and restore them are let through only in functions that nothing
but TensorFlow's own saver can reach.
"""

from functools import cache
from importlib import resources
from pathlib import Path

from phangs_sfh.errors import InputError

FILE = "saved_model.pb"
OUTER = {"VarHandleOp"}
"""Ops for the outer graph alone: in a function they could name another model's weights."""

SAVER = {
    "AssignVariableOp", "DisableCopyOnRead", "MergeV2Checkpoints", "RestoreV2", "SaveV2",
    "ShardedFilename", "StaticRegexFullMatch", "StringJoin",
}  # fmt: skip
"""Ops for the saver's functions alone."""

OBJECTS = {"_generic_user_object", "signature_map", "trackable_list_wrapper",
           "trackable_dict_wrapper", "trackable_tuple_wrapper"}  # fmt: skip
"""Python classes that a loaded model may be made of; TensorFlow knows more."""

REGISTERED = {"", "tf.TrackableConstant"}
KINDS = {"variable", "user_object", "bare_concrete_function", "function", "constant"}
SWAPPED = {"api_implements", "api_preferred_device"}
"""Attributes by which TensorFlow's optimiser puts one function in the place of another."""

REMEDY = "only models that phangs-sfh exported are run; get it from where you trust it"


@cache
def allowed_ops():
    """Names of the ops that all functions may have (frozenset)."""
    text = (resources.files("phangs_sfh.data") / "served_ops.txt").read_text()
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return frozenset(line for line in lines if line)


def check_saved_model(folder):
    """Raise InputError unless the SavedModel in ``folder`` only does what it may.

    Parameters
    ----------
    folder : path with saved_model.pb

    Raises
    ------
    InputError
        One line that names the file and the op, function or object that is not let through.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    path, proto = Path(folder) / FILE, SavedModel()
    try:
        proto.ParseFromString(path.read_bytes())
    except (DecodeError, RecursionError):
        raise InputError(
            f"{path}: the SavedModel cannot be loaded (not a SavedModel); export or copy it again"
        ) from None
    if len(proto.meta_graphs) != 1 or not proto.meta_graphs[0].HasField("object_graph_def"):
        _refuse(path, "has no object graph, or several graphs")
    meta = proto.meta_graphs[0]
    saver = _saver_nodes(path, meta)
    functions = _functions(path, meta.graph_def.library)
    hidden = _reached(saver, functions)
    outer = [node for node in meta.graph_def.node if node not in saver]
    _check_nodes(path, "the graph", outer, allowed_ops() | OUTER, functions, hidden)
    for name, function in functions.items():
        more, unseen = (SAVER, ()) if name in hidden else ((), hidden)
        where, allowed = f"function '{name}'", allowed_ops().union(more)
        _check_nodes(path, where, function.node_def, allowed, functions, unseen)
    _check_objects(path, meta.object_graph_def, hidden)


def _refuse(path, what):
    raise InputError(f"{path}: {what}; {REMEDY}")


def _saver_nodes(path, meta):
    """Nodes of the outer graph that save and restore the weights; nothing may hang on them."""
    ends = meta.saver_def.save_tensor_name, meta.saver_def.restore_op_name
    names = {end.partition(":")[0] for end in ends}
    used = {_source(i) for node in meta.graph_def.node for i in node.input}
    for signature in meta.signature_def.values():
        used |= {_source(i.name) for i in (*signature.inputs.values(), *signature.outputs.values())}
    if names & used:
        _refuse(path, f"answers hang on the saver, node '{min(names & used)}'")
    return [node for node in meta.graph_def.node if node.name in names]


def _source(name):
    """Node of an input: of ``NODE:2`` and of ``^NODE``."""
    return name.lstrip("^").partition(":")[0]


def _functions(path, library):
    """{name: FunctionDef}"""
    from tensorflow.python.framework import op_def_registry

    functions = {function.signature.name: function for function in library.function}
    for name, function in functions.items():
        if name in allowed_ops() or op_def_registry.get(name) is not None:
            _refuse(path, f"function '{name}' has the name of an op")
        if SWAPPED & set(function.attr):
            _refuse(path, f"function '{name}' stands for another")
    if len(functions) < len(library.function) or library.gradient:
        _refuse(path, "defines a function twice, or the gradient of one")
    return functions


def _called(node, functions):
    """Names of all functions that a node mentions, in whatever attribute."""
    found, wanted = {node.op} & set(functions), list(node.attr.values())
    while wanted:
        value = wanted.pop()
        for function in (value.func, *value.list.func):
            if function.name:
                found.add(function.name)
            wanted += function.attr.values()
    return found


def _reached(nodes, functions):
    """Names of all functions that nodes call, and these functions in turn (set)."""
    found, wanted = set(), list(nodes)
    while wanted:
        for name in _called(wanted.pop(), functions) - found:
            found.add(name)
            if name in functions:
                wanted += functions[name].node_def
    return found


def _check_nodes(path, where, nodes, allowed, functions, hidden):
    """Refuse an op that is not ``allowed``, and the call of a function that is ``hidden``."""
    for node in nodes:
        if node.op not in allowed and node.op not in functions:
            _refuse(path, f"{where} has op '{node.op}', which is not let through")
        for name in _called(node, functions):
            if name not in functions or name in hidden:
                _refuse(path, f"{where} calls '{name}', which it may not")


def _check_objects(path, graph, hidden):
    """Refuse objects of other classes or with savers of their own, and ``hidden`` functions."""
    shown = set(graph.concrete_functions)
    for node in graph.nodes:
        kind = node.WhichOneof("kind")
        if kind not in KINDS:
            _refuse(path, f"holds a '{kind}', which is not let through")
        if kind == "user_object" and node.user_object.identifier not in OBJECTS:
            _refuse(path, f"holds a '{node.user_object.identifier}', which is not let through")
        if node.registered_name not in REGISTERED:
            _refuse(path, f"holds a '{node.registered_name}', which is not let through")
        if node.saveable_objects or node.registered_saver:
            _refuse(path, "holds an object with a saver of its own")
        shown |= {*node.function.concrete_functions}
        shown.add(node.bare_concrete_function.concrete_function_name)
    if shown & hidden:
        _refuse(path, f"'{min(shown & hidden)}' is the saver's and can be called")
