"""A stand-in for TensorFlow Serving on the loopback, for tests: gRPC and REST, real sockets.

The services are those of the official protos; the model is run as TF Serving runs it, by the
session loader (tags ``serve``) and the tensor names of the signature. Words and codes of its errors
follow tensorflow_serving/servables/tensorflow/predict_util.cc and util/json_tensor.cc.
"""

import json
import re
import sys
import threading
from concurrent import futures
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

HTTP_STATUS = {
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 412,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
}


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


class Servable:
    """A SavedModel in a session; ``faults`` are exceptions that the next requests get instead."""

    def __init__(self, folder, name="phangs", version=1):
        self.name, self.version, self.faults, self.requests = name, version, [], 0
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            meta = tf.compat.v1.saved_model.load(self.session, ["serve"], str(folder))
        self.signatures = dict(meta.signature_def)

    def find(self, spec):
        wanted = spec.version.value if spec.HasField("version") else None
        if spec.name != self.name or wanted not in (None, self.version):
            asked = f"Latest({spec.name})" if wanted is None else f"Specific({spec.name}, {wanted})"
            message = f"Servable not found for request: {asked}"
            raise Refused(grpc.StatusCode.NOT_FOUND, message)

    def predict(self, request):
        self.requests += 1
        if self.faults:
            raise self.faults.pop(0)
        self.find(request.model_spec)
        key = request.model_spec.signature_name or "serving_default"
        signature = self.signature(key)
        if set(request.inputs) != set(signature.inputs):
            message = f"input size does not match signature: {len(request.inputs)}!=4"
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, message)
        feeds = {signature.inputs[k].name: tf.make_ndarray(v) for k, v in request.inputs.items()}
        fetches = {key: info.name for key, info in signature.outputs.items()}
        try:
            found = self.session.run(fetches, feeds)
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from None
        response = predict_pb2.PredictResponse()
        response.model_spec.name, response.model_spec.signature_name = self.name, key
        response.model_spec.version.value = self.version
        for name, values in found.items():
            tensor = tf.make_tensor_proto(values)
            response.outputs[name].dtype = tensor.dtype
            response.outputs[name].tensor_shape.CopyFrom(tensor.tensor_shape)
            field = "int_val" if values.dtype == np.int32 else "float_val"  # as AsProtoField does
            getattr(response.outputs[name], field).extend(values.ravel().tolist())
        return response

    def signature(self, key):
        if key not in self.signatures:
            message = f'Serving signature key "{key}" not found.'
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, message)
        return self.signatures[key]

    def metadata(self, spec):
        self.find(spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name, response.model_spec.version.value = self.name, self.version
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for key, signature in self.signatures.items():
            signatures.signature_def[key].CopyFrom(signature)
        response.metadata["signature_def"].Pack(signatures)
        return response


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, servable):
        self.servable = servable

    def Predict(self, request, context):
        return self.answered(lambda: self.servable.predict(request), context)

    def GetModelMetadata(self, request, context):
        return self.answered(lambda: self.servable.metadata(request.model_spec), context)

    def answered(self, call, context):
        try:
            return call()
        except Refused as refusal:
            context.abort(refusal.code, refusal.message)


@contextmanager
def grpc_server(servable, port=0):
    """Yield HOST:PORT of a gRPC server."""
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(futures.ThreadPoolExecutor(8), options=options)
    service = Service(servable)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def request_from_json(content, servable, spec):
    """PredictRequest of a row (``instances``) or column (``inputs``) request, and which it was."""
    request = predict_pb2.PredictRequest(model_spec=spec)
    if len({"instances", "inputs"} & set(content)) != 1:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "Missing 'inputs' or 'instances' key")
    row = "instances" in content
    request.model_spec.signature_name = content.get("signature_name", "serving_default")
    signature = servable.signature(request.model_spec.signature_name)
    if row and not content["instances"]:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "No values in 'instances' array")
    for name in signature.inputs:
        try:
            rows = [item[name] for item in content["instances"]] if row else content["inputs"][name]
            values = np.array(rows, np.float64)
        except (KeyError, ValueError, TypeError) as error:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"Failed to process: {error}") from None
        too_large = np.isfinite(values) & (np.abs(values) > np.finfo(np.float32).max)
        if too_large.any():
            message = "Cannot convert JSON value to float without loss of precision."
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, message)
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values.astype(np.float32)))
    return request, row


def json_from_response(response, row):
    # float32 in as many digits as it takes to read the same number again, as TF Serving does
    columns = {}
    for name, tensor in response.outputs.items():
        values = tf.make_ndarray(tensor)
        if values.dtype == np.float32:
            words = np.array([float(np.format_float_scientific(v)) for v in values.ravel()])
            values = words.reshape(values.shape)
        columns[name] = values.tolist()
    if not row:
        return {"outputs": columns}
    return {
        "predictions": [
            dict(zip(columns, item, strict=True)) for item in zip(*columns.values(), strict=True)
        ]
    }


@contextmanager
def rest_server(servable):
    """Yield http://HOST:PORT of a REST server."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def spec(self, verb):
            pattern = rf"/v1/models/([^/:]+)(?:/versions/(\d+))?{verb}$"
            found = re.fullmatch(pattern, self.path)
            if not found:
                message = f"Malformed request: {self.command} {self.path}"
                raise Refused(grpc.StatusCode.INVALID_ARGUMENT, message)
            spec = predict_pb2.PredictRequest().model_spec
            spec.name = found[1]
            if found[2]:
                spec.version.value = int(found[2])
            return spec

        def do_GET(self):
            self.answer(self.get)

        def get(self):
            if self.path.endswith("/metadata"):
                return json_format.MessageToDict(
                    servable.metadata(self.spec("/metadata")), preserving_proto_field_name=True
                )
            servable.find(self.spec(""))
            version = {"version": str(servable.version), "state": "AVAILABLE"}
            return {"model_version_status": [version]}

        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(lambda: self.post(content))

        def post(self, content):
            spec = self.spec(":predict")
            request, row = request_from_json(json.loads(content), servable, spec)
            return json_from_response(servable.predict(request), row)

        def answer(self, call):
            try:
                status, content = 200, call()
            except Refused as refusal:
                status, content = HTTP_STATUS[refusal.code], {"error": refusal.message}
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        def handle_error(self, *where):
            if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that waits no longer
                super().handle_error(*where)

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
