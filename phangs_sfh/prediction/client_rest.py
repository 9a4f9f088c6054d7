"""Requests to TensorFlow Serving over REST: no TensorFlow needed here, some ten times the bytes."""

import json

import numpy as np
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from phangs_sfh.prediction.transport import IN_FLIGHT, ServerError

BUSY = (429, 502, 503, 504)
KINDS = {400: "refused", 404: "missing", 412: "refused", 504: "late"}


class RestTransport:
    """A session with ``address`` (http://HOST:PORT); requests may take ``timeout`` seconds each."""

    def __init__(self, address, timeout):
        self.address, self.timeout = address, timeout
        self.session = requests.Session()
        retry = Retry(
            4,
            read=False,  # a late answer is an error at once, not after five waits
            backoff_factor=0.2,
            status_forcelist=BUSY,
            allowed_methods=None,
            raise_on_status=False,
        )
        adapter = HTTPAdapter(max_retries=retry, pool_maxsize=IN_FLIGHT)
        self.session.mount(address, adapter)

    def metadata(self, name, version=None):
        """Version served, and {signature: (inputs {name: shape}, outputs)}.

        Raises
        ------
        ServerError
        """
        content = self._call("GET", f"{_path(name, version)}/metadata")
        signatures = {}
        try:
            served = int(content["model_spec"]["version"])
            found = content["metadata"]["signature_def"]["signature_def"]
            for key, signature in found.items():
                inputs = {
                    name: [int(dim["size"]) for dim in info["tensor_shape"].get("dim", ())]
                    for name, info in signature.get("inputs", {}).items()
                }
                signatures[key] = inputs, list(signature.get("outputs", ()))
        except (KeyError, TypeError, ValueError) as error:
            raise ServerError("away", f"not its metadata: {error!r}") from None
        return served, signatures

    def predict(self, name, version, signature, inputs):
        """Dict of arrays for a dict of arrays. Raises ServerError."""
        columns = {key: np.asarray(values, np.float64).tolist() for key, values in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": columns})
        content = self._call("POST", f"{_path(name, version)}:predict", body)
        try:
            return {key: _array(values) for key, values in content["outputs"].items()}
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise ServerError("failed", f"not an answer: {error!r}") from None

    def _call(self, method, path, body=None):
        try:
            answer = self.session.request(
                method, self.address + path, data=body, timeout=self.timeout
            )
            content = answer.json()
        except requests.Timeout as error:
            raise ServerError("late", error) from None
        except requests.JSONDecodeError as error:
            raise ServerError("away", f"not JSON: {error}") from None
        except requests.RequestException as error:
            raise ServerError("away", _innermost(error)) from None
        if answer.status_code != 200:
            words = content.get("error", content) if isinstance(content, dict) else content
            kind = KINDS.get(answer.status_code, "failed")
            raise ServerError(kind, f"HTTP {answer.status_code}: {words}")
        return content


def _path(name, version):
    return f"/v1/models/{name}" + ("" if version is None else f"/versions/{version}")


def _array(values):
    array = np.array(values)
    return array.astype(np.int32 if array.dtype.kind == "i" else np.float32)


def _innermost(error):
    """The first cause of a chain of exceptions: 'Connection refused' rather than five classes."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return error
