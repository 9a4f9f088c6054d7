"""What a stock TensorFlow Serving would do with saved_models/, shown without one."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import small_run
import tensorflow as tf
import yaml
from click.testing import CliRunner

from phangs_sfh.cli.export import export
from phangs_sfh.errors import InputError
from phangs_sfh.export import warm_up
from phangs_sfh.observations.flags import Used
from phangs_sfh.prediction.model import load_model

pytest.importorskip("tensorflow_serving")
import loopback_server  # noqa: E402
import requests  # noqa: E402
from google.protobuf import text_format  # noqa: E402
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog  # noqa: E402
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig  # noqa: E402

ROOT = Path(__file__).parents[2]
SAVED = ROOT / "saved_models"
FLOAT32, DOUBLE, INT32 = 1, 2, 3


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture(scope="module")
def servable(model):
    return loopback_server.Servable(model.path)


@pytest.fixture(scope="module")
def inputs():
    return small_run.observed(small_run.simulated(40, seed=5))


def rows(inputs, n):
    return {name: values[:n] for name, values in inputs.items()}


def predict_request(inputs, signature="serving_default"):
    from tensorflow_serving.apis.predict_pb2 import PredictRequest

    request = PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "phangs", signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return request


def arrays(response):
    return {name: tf.make_ndarray(tensor) for name, tensor in response.outputs.items()}


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert found[name].shape == values.shape, name
        assert np.allclose(found[name], values, rtol=1e-5, atol=1e-5), name


def test_session_loader_answers_as_predict_does(model, servable, inputs):
    response = servable.predict(predict_request(inputs))
    assert_same(arrays(response), model.answer(**inputs))


def test_malformed_requests_get_an_error_or_a_flag_and_the_server_lives(model, servable, inputs):
    """Over a gRPC socket, one after the other to one server."""
    import grpc
    from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

    few = {name: values.copy() for name, values in rows(inputs, 4).items()}

    def changed(**fields):
        return {k: v for k, v in (few | fields).items() if v is not None}

    refused = [
        changed(flux=few["flux"][:, :-1]),
        changed(flux=few["flux"][:2]),
        changed(band_flux=few["band_flux"].ravel()),
        changed(flux_err=few["flux_err"][..., None]),
        changed(band_flux_err=None),
        changed(redshift=np.zeros(4, np.float32)),
        changed(flux=np.full((4, 1761), b"bright")),
        {},
    ]
    nothing, bright = np.full_like(few["flux"], np.nan), np.full_like(few["flux"], 3e38)
    answered = {
        "NaN": changed(flux=nothing, flux_err=nothing),
        "huge": changed(flux=bright, flux_err=bright),
        "negative errors": changed(flux_err=-few["flux_err"]),
        "no row": rows(few, 0),
    }
    with loopback_server.grpc_server(servable) as address, grpc.insecure_channel(address) as open_:
        ask = PredictionServiceStub(open_).Predict
        for case in refused:
            with pytest.raises(grpc.RpcError) as error:
                ask(predict_request(case), timeout=60)
            assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        for word, case in answered.items():
            found = arrays(ask(predict_request(case), timeout=60))
            assert all(np.isfinite(values).all() for values in found.values()), word
            assert len(found["flag"]) == len(case["flux"])
            assert not np.any(found["used"] & int(Used.SPECTRUM)), word
        assert_same(arrays(ask(predict_request(few), timeout=60)), model.answer(**few))


def c_library():
    return str(Path(tf.__file__).parent / "libtensorflow_cc.so.2")


def run_c_api(folder, servable, model, cases):
    """Reports of runs through the C API: a list of dicts of arrays, or of str where it refused."""
    signature = servable.signatures["serving_default"]
    fetches = {info.name: key for key, info in signature.outputs.items()}
    runs = []
    for i, case in enumerate(cases):
        feeds = {}
        for name, values in case.items():
            (folder / f"{i}-{name}.raw").write_bytes(values.tobytes())
            kind = DOUBLE if values.dtype == np.float64 else FLOAT32
            feeds[signature.inputs[name].name] = [f"{i}-{name}.raw", values.shape, kind]
        runs.append({"feeds": feeds, "fetches": list(fetches)})
    manifest = {"library": c_library(), "model": str(model.path), "runs": runs}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    script = ROOT / "tests" / "helpers" / "servers" / "plain_c_api.py"
    result = subprocess.run(
        [sys.executable, "-I", "-S", script, folder / "manifest.json"],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    reports = []
    for report in json.loads((folder / "report.json").read_text()):
        if "error" in report:
            reports.append(report["error"])
            continue
        found = {}
        for name, (file, shape, kind) in report["answers"].items():
            dtype = np.int32 if kind == INT32 else np.float32
            values = np.frombuffer((folder / file).read_bytes(), dtype)
            found[fetches[name]] = values.reshape(shape)
        reports.append(found)
    return reports


@pytest.mark.skipif(not Path(c_library()).exists(), reason="TensorFlow without its C library")
def test_c_api_answers_as_predict_does_and_refuses_wrong_shapes(model, servable, inputs, tmp_path):
    """No Python package at all in that process: only the C library, as in a server."""
    narrow = inputs | {"flux": inputs["flux"][:, :-1].copy()}
    short = inputs | {"flux_err": inputs["flux_err"][:3]}
    flat = inputs | {"band_flux": inputs["band_flux"].ravel()}
    double = inputs | {"flux": inputs["flux"].astype(np.float64)}
    rng = np.random.default_rng(3)
    strange = np.array([np.nan, np.inf, -np.inf, 1e38, -1e38, 0, -1], np.float32)
    nonsense = {name: rng.choice(strange, values.shape) for name, values in inputs.items()}
    cases = [inputs, rows(inputs, 0), narrow, short, flat, double, nonsense, inputs]
    same, empty, *refused, odd, again = run_c_api(tmp_path, servable, model, cases)
    assert_same(same, model.answer(**inputs))
    assert all(len(values) == 0 for values in empty.values())
    assert len(refused) == 4
    assert all(isinstance(message, str) and message for message in refused)
    assert all(np.isfinite(values).all() for values in odd.values())
    for name, values in same.items():  # nothing that went wrong in between is remembered
        assert np.array_equal(values, again[name]), name


def test_serving_functions_only_read_their_weights(model):
    """What a signature can reach holds no assignment, no random number and no other state."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
    from tensorflow.python.framework import op_def_registry

    proto = SavedModel()
    proto.ParseFromString((model.path / "saved_model.pb").read_bytes())
    meta = proto.meta_graphs[0]
    functions = {f.signature.name: f.node_def for f in meta.graph_def.library.function}
    nodes = {node.name: node for node in meta.graph_def.node}
    for key in ("serving_default", "posterior"):
        names = {info.name.split(":")[0] for info in meta.signature_def[key].outputs.values()}
        wanted, ops = list(names), set()
        met = set(wanted)
        while wanted:  # back through the main graph, then down into functions
            name = wanted.pop()
            body = functions.get(name) or [nodes[name]]
            for node in body:
                ops.add(node.op)
                called = {a.func.name for a in node.attr.values() if a.HasField("func")}
                if name in nodes:
                    called |= {i.lstrip("^").split(":")[0] for i in node.input}
                called |= {node.op} & set(functions)
                wanted += called - met
                met |= called
        ops -= set(functions)
        stateful = {op for op in ops if op_def_registry.get(op).is_stateful}
        calls = {"StatefulPartitionedCall", "PartitionedCall"}
        checks = {"CheckNumerics"}  # marked stateful so that it is not optimised away
        assert stateful <= {"VarHandleOp", "ReadVariableOp", "Placeholder", *calls, *checks}
        assert not {op for op in ops if "Random" in op}


def read_warm_up(folder):
    records = tf.data.TFRecordDataset(str(folder / warm_up.FILE)).as_numpy_iterator()
    return [PredictionLog.FromString(record) for record in records]


def test_released_models_carry_warm_up_requests_that_run(model, servable):
    logs = read_warm_up(model.path)
    assert 0 < len(logs) <= 1000  # TF Serving refuses to load a model with more
    seen = set()
    for log in logs:
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert request.model_spec.name == model.info["name"]
        n = request.inputs["flux"].tensor_shape.dim[0].size
        seen.add((request.model_spec.signature_name, n))
        for values in arrays(servable.predict(request)).values():
            assert len(values) == n and np.isfinite(values).all()
    assert seen == {(key, n) for key, sizes in warm_up.BATCHES.items() for n in sizes}


def test_export_writes_warm_up_requests_and_does_without_the_protos(tmp_path, monkeypatch):
    run = tmp_path / "run"
    small_run.write_run(run, n=400)
    result = CliRunner().invoke(export, [str(run), "-o", str(tmp_path / "mine")])
    assert result.exit_code == 0 and result.stderr == ""
    request = read_warm_up(tmp_path / "mine" / "1")[0].predict_log.request
    assert request.model_spec.name == "mine"  # the folder's name, under which it is served
    assert tf.make_ndarray(request.inputs["flux"]).shape == (1, 1761)
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis.prediction_log_pb2", None)
    result = CliRunner().invoke(export, [str(run), "-o", str(tmp_path / "mine")])
    assert result.exit_code == 0 and "tensorflow-serving-api" in result.stderr
    assert result.stderr.count("\n") == 1
    assert (tmp_path / "mine" / "2" / "saved_model.pb").exists()
    assert not (tmp_path / "mine" / "2" / "assets.extra").exists()


def test_warm_up_of_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="no saved_model.pb"):
        warm_up.write_requests(tmp_path, "mine", {"flux": 1761})


def test_models_config_names_every_released_model():
    config = text_format.Parse((SAVED / "models.config").read_text(), ModelServerConfig())
    served = {c.name: c for c in config.model_config_list.config}
    folders = {path.parent.parent for path in SAVED.glob("*/[0-9]*/saved_model.pb")}
    assert set(served) == {folder.name for folder in folders}
    for name, one in served.items():
        assert one.base_path == f"/models/{name}" and one.model_platform == "tensorflow"
        for version in (SAVED / name).iterdir():
            if version.name.isdecimal():
                assert (version / "saved_model.pb").is_file()
                described = json.loads((version / "model.json").read_text())
                assert (described["name"], described["version"]) == (name, int(version.name))


def test_compose_file_and_batching_agree_with_the_folder(servable):
    """Paths exist under the mount; the health check, run for real, tells up from down."""
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["phangs"]
    assert service["image"].startswith("tensorflow/serving")
    source, target, mode = service["volumes"][0].split(":")
    assert (ROOT / source).resolve() == SAVED and mode == "ro"
    for argument in service["command"]:
        _, _, path = argument.partition("=")
        assert not path or (SAVED / Path(path).relative_to(target)).is_file(), argument
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    batching = (SAVED / "batching.config").read_text().split()
    sizes = batching[batching.index("[") + 1 : batching.index("]")]
    sizes = [int(word.strip(",")) for word in sizes]
    assert sizes == sorted(sizes)
    assert sizes[-1] == int(batching[batching.index("max_batch_size") + 3])
    command, program, flag, script = service["healthcheck"]["test"]
    assert command == "CMD" and "8501" in script
    with loopback_server.rest_server(servable) as address:
        here = script.replace("8501", address.rsplit(":", 1)[1])
        assert subprocess.run([program, flag, here], capture_output=True).returncode == 0
        wrong = here.replace("models/phangs", "models/other")
        assert subprocess.run([program, flag, wrong], capture_output=True).returncode != 0
    assert subprocess.run([program, flag, here], capture_output=True).returncode != 0


def post(address, content):
    answer = requests.post(f"{address}/v1/models/phangs:predict", data=json.dumps(content))
    return answer.status_code, answer.json()


def assert_finite(content):
    if isinstance(content, dict):
        content = content.values()
    if isinstance(content, float):
        assert math.isfinite(content)
    elif not isinstance(content, int):
        for item in content:
            assert_finite(item)


def test_json_by_row_and_by_column(model, servable, inputs):
    """Also with NaN and Infinity in the request, which TF Serving reads; never in the answer."""
    given = {name: values[:6].copy() for name, values in inputs.items()}
    given["flux"][0], given["band_flux"][0] = np.nan, np.inf
    given["flux_err"][1, ::2] = -1
    given["flux"][2, 100] = -np.inf
    columns = {name: values.tolist() for name, values in given.items()}
    instances = [{name: values[i] for name, values in columns.items()} for i in range(6)]
    expected = model.answer(**given)
    with loopback_server.rest_server(servable) as address:
        status, by_row = post(address, {"instances": instances})
        assert status == 200
        status, by_column = post(address, {"inputs": columns, "signature_name": "serving_default"})
        assert status == 200
        one = {"signature_name": "posterior", "instances": instances[3:4]}
        status, samples = post(address, one)
        assert status == 200
    assert_finite(by_row)
    assert_finite(by_column)
    assert_finite(samples)
    assert np.shape(samples["predictions"][0]["sfh"]) == (256, 16)
    found = {name: np.array(values) for name, values in by_column["outputs"].items()}
    assert_same(found, expected)
    names = by_row["predictions"][0]
    found = {name: np.array([row[name] for row in by_row["predictions"]]) for name in names}
    assert_same(found, expected)
