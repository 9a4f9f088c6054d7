"""Models that would do more than compute are refused before any of it happens."""

import importlib.util
from pathlib import Path

import pytest
import tensorflow as tf
from fake_model import write_fake_model
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
from tensorflow.python.framework import op_def_registry

from phangs_sfh.errors import InputError
from phangs_sfh.export.allowed_ops import allowed_ops, check_saved_model
from phangs_sfh.prediction.model import load_model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_fake_model(tmp_path_factory.mktemp("models") / "1")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "saved_models").glob("*/*/saved_model.pb")), ids=str
)
def test_released_models_pass(path):
    check_saved_model(path.parent)


def test_the_list_is_what_the_script_makes_and_holds_no_other_state():
    path = ROOT / "scripts" / "build" / "served_ops.py"
    spec = importlib.util.spec_from_file_location("served_ops", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.FILE.read_text() == script.text()
    stateful = {name for name in allowed_ops() if op_def_registry.get(name).is_stateful}
    calls = {"StatefulPartitionedCall", "If", "Case", "While"}
    assert stateful == {"CheckNumerics", "ReadVariableOp"} | calls
    for name in allowed_ops():  # no op that takes a file's name, whatever it is called
        assert not [one for one in op_def_registry.get(name).input_arg if one.type == 7], name
    doubtful = ("ReadFile", "ImmutableConst", "MatchingFiles", "DebugIdentity", "TextLineDataset")
    assert not allowed_ops().intersection(doubtful)


def done(operation):
    """A tensor that needs an operation."""
    with tf.control_dependencies([operation]):
        return tf.constant(0)


raw = tf.raw_ops
DEEDS = {
    "WriteFile": lambda mark: done(tf.io.write_file(mark, "written")),
    "ReadFile": lambda mark: tf.strings.length(tf.io.read_file(__file__)),
    "MatchingFiles": lambda mark: tf.size(tf.io.matching_files("/*")),
    "PrintV2": lambda mark: done(raw.PrintV2(input="answer", output_stream=f"file://{mark}")),
    "EagerPyFunc": lambda mark: done(tf.py_function(lambda: Path(mark).touch(), [], [])),
    "SaveV2": lambda mark: done(
        raw.SaveV2(prefix=mark, tensor_names=["a"], shape_and_slices=[""], tensors=[1.0])
    ),
    "RestoreV2": lambda mark: raw.RestoreV2(
        prefix=mark, tensor_names=["a"], shape_and_slices=[""], dtypes=[tf.int32]
    )[0],
    "ImmutableConst": lambda mark: raw.ImmutableConst(
        dtype=tf.int32, shape=[], memory_region_name=__file__
    ),
    "VarHandleOp": lambda mark: raw.ReadVariableOp(
        resource=raw.VarHandleOp(dtype=tf.int32, shape=[], shared_name="weights"), dtype=tf.int32
    ),
    "TextLineDataset": lambda mark: tf.cast(raw.DatasetCardinality(
        input_dataset=raw.TextLineDataset(
            filenames=[__file__], compression_type="", buffer_size=0
        )
    ), tf.int32),
    "RandomUniform": lambda mark: tf.cast(9 * tf.random.uniform([]), tf.int32),
}  # fmt: skip


@pytest.mark.parametrize("op", DEEDS)
def test_no_function_does_more_than_compute(folder, tmp_path, op):
    traced = tf.function(lambda: tf.cond(tf.constant(True), lambda: DEEDS[op]("mark"), lambda: 0))
    library = traced.get_concrete_function().graph.as_graph_def().library
    proto = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    proto.meta_graphs[0].graph_def.library.function.extend(library.function)
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match=rf"saved_model.pb: function .* has op '{op}'"):
        check_saved_model(tmp_path)


@pytest.mark.parametrize("op", ["WriteFile", "SaveV2"])
def test_a_model_that_does_more_when_it_answers(tmp_path, op):
    mark = tmp_path / "mark"
    folder = write_fake_model(tmp_path / "1", deed=lambda: DEEDS[op](str(mark)))
    with pytest.raises(InputError, match=rf"saved_model.pb: function .* has op '{op}'") as refusal:
        load_model(folder)
    assert "\n" not in str(refusal.value) and not mark.exists()


def test_a_model_that_does_more_when_it_is_loaded(tmp_path):
    mark = tmp_path / "mark"

    class Initialised(tf.saved_model.experimental.TrackableResource):
        def _create_resource(self):
            return tf.raw_ops.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.string)

        def _initialize(self):
            if not tf.executing_eagerly():
                tf.io.write_file(str(mark), "written")

    folder = write_fake_model(tmp_path / "1", part=Initialised())
    with pytest.raises(InputError, match="saved_model.pb: .* is not let through"):
        load_model(folder)
    assert not mark.exists()


def rename(old, new):
    def change(meta):
        for function in meta.graph_def.library.function:
            for node in function.node_def:
                node.op = new if node.op == old else node.op

    return change


def named_as_an_op(meta):
    """What is called WriteFile may be the function or the op."""
    meta.graph_def.library.function[0].signature.name = "WriteFile"


def saver_called(meta):
    """An answer that is worked out by the function that writes weights to a file."""
    functions = {f.signature.name: f for f in meta.graph_def.library.function}
    save = next(name for name in functions if "traced_save" in name)
    for name, function in functions.items():
        for node in function.node_def:
            if "signature_wrapper" in name and node.op == "StatefulPartitionedCall":
                node.attr["f"].func.name = save


def saver_shown(meta):
    functions = [f.signature.name for f in meta.graph_def.library.function]
    graph = meta.object_graph_def
    one = next(node for node in graph.nodes if node.WhichOneof("kind") == "bare_concrete_function")
    one.bare_concrete_function.concrete_function_name = next(n for n in functions if "save" in n)


def saver_answers(meta):
    output = next(iter(meta.signature_def["serving_default"].outputs.values()))
    output.name = meta.saver_def.save_tensor_name


def saver_named(meta):
    """The answers' own node given out as the saver's."""
    output = next(iter(meta.signature_def["serving_default"].outputs.values()))
    meta.saver_def.save_tensor_name = output.name


def stands_for_another(meta):
    meta.graph_def.library.function[0].attr["api_implements"].s = b"other"


def not_there(meta):
    for node in meta.graph_def.node:
        if node.op == "StatefulPartitionedCall":
            node.attr["f"].func.name = "elsewhere"


def of_keras(meta):
    meta.object_graph_def.nodes[0].user_object.identifier = "_tf_keras_layer"


def asset(meta):
    meta.object_graph_def.nodes.add().asset.asset_file_def_index = 0


def own_saver(meta):
    meta.object_graph_def.nodes[0].registered_saver = "mine"


def twice(meta):
    meta.graph_def.library.function.append(meta.graph_def.library.function[0])


CHANGES = {
    rename("Tanh", "ReadFile"): "has op 'ReadFile'",
    rename("Tanh", "NoSuchOp"): "has op 'NoSuchOp'",
    named_as_an_op: "'WriteFile' has the name of an op",
    saver_called: "calls .*traced_save.*, which it may not",
    saver_shown: "traced_save.* can be called",
    saver_answers: "answers hang on the saver",
    saver_named: "answers hang on the saver",
    stands_for_another: "stands for another",
    not_there: "calls 'elsewhere'",
    of_keras: "holds a '_tf_keras_layer'",
    asset: "holds a 'asset'",
    own_saver: "a saver of its own",
    twice: "defines a function twice",
    lambda meta: meta.ClearField("object_graph_def"): "no object graph",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_graph_that_was_tampered_with(folder, tmp_path, change):
    proto = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    change(proto.meta_graphs[0])
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match=CHANGES[change]) as refusal:
        check_saved_model(tmp_path)
    assert "\n" not in str(refusal.value)
    proto.meta_graphs.append(proto.meta_graphs[0])
    (tmp_path / "saved_model.pb").write_bytes(proto.SerializeToString())
    with pytest.raises(InputError, match="several graphs"):
        check_saved_model(tmp_path)
