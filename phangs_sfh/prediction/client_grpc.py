"""Requests to TensorFlow Serving over gRPC, with its official protos."""

import json

from phangs_sfh.errors import InputError
from phangs_sfh.prediction.transport import ServerError

try:
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2
    from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
except ImportError as error:
    raise InputError(
        f"--server: {error.name} is not installed; run: pip install tensorflow-serving-api, "
        "or use REST: http://HOST:PORT"
    ) from None

RETRY = {
    "maxAttempts": 5,
    "initialBackoff": "0.2s",
    "maxBackoff": "3s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
}
"""gRPC's own retries: a server that restarts, or whose queue of batches is full."""

RETRY_BUFFER = 256 * 2**20  # bytes; gRPC does not repeat a request that is larger
KINDS = {
    grpc.StatusCode.UNAVAILABLE: "away",
    grpc.StatusCode.UNIMPLEMENTED: "away",  # another gRPC service
    grpc.StatusCode.DEADLINE_EXCEEDED: "late",
    grpc.StatusCode.NOT_FOUND: "missing",
    grpc.StatusCode.INVALID_ARGUMENT: "refused",
    grpc.StatusCode.FAILED_PRECONDITION: "refused",
}


class GrpcTransport:
    """A channel to ``address`` (HOST:PORT); requests may take ``timeout`` seconds each."""

    def __init__(self, address, timeout):
        self.timeout = timeout
        config = {"methodConfig": [{"name": [{}], "retryPolicy": RETRY}]}
        options = {
            "grpc.service_config": json.dumps(config),
            "grpc.enable_retries": 1,
            "grpc.per_rpc_retry_buffer_size": RETRY_BUFFER,
            "grpc.max_send_message_length": -1,
            "grpc.max_receive_message_length": -1,
        }
        self.channel = grpc.insecure_channel(address, options=list(options.items()))
        self.stub = PredictionServiceStub(self.channel)

    def metadata(self, name, version=None):
        """Version served, and {signature: (inputs {name: shape}, outputs)}.

        Raises
        ------
        ServerError
        """
        request = get_model_metadata_pb2.GetModelMetadataRequest()
        _specify(request, name, version)
        request.metadata_field.append("signature_def")
        response = self._call(self.stub.GetModelMetadata, request)
        found = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(found)
        signatures = {}
        for key, signature in found.signature_def.items():
            inputs = {
                name: [dim.size for dim in info.tensor_shape.dim]
                for name, info in signature.inputs.items()
            }
            signatures[key] = inputs, list(signature.outputs)
        return response.model_spec.version.value, signatures

    def predict(self, name, version, signature, inputs):
        """Dict of arrays for a dict of arrays. Raises ServerError."""
        request = predict_pb2.PredictRequest()
        _specify(request, name, version)
        request.model_spec.signature_name = signature
        for key, values in inputs.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(values))
        response = self._call(self.stub.Predict, request)
        return {key: tf.make_ndarray(tensor) for key, tensor in response.outputs.items()}

    def _call(self, method, request):
        try:
            return method(request, timeout=self.timeout)
        except grpc.RpcError as error:
            code = error.code()
            kind = KINDS.get(code, "failed")
            words = error.details() if kind != "failed" else f"{code.name}: {error.details()}"
            raise ServerError(kind, words) from None


def _specify(request, name, version):
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
