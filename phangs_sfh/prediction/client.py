"""A model on a server: the client of TensorFlow Serving, over gRPC or REST.

A ``RemoteModel`` stands wherever ``prediction.predict`` takes a model. The server knows signatures
but neither units nor instrument: these come from a ``model.json`` at hand, and what the server says
of its inputs and outputs must agree with it before anything is sent.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from phangs_sfh.errors import InputError
from phangs_sfh.files import model_json
from phangs_sfh.instrument.description import Instrument
from phangs_sfh.prediction.answers import check_signature, checked_answers, checked_draws
from phangs_sfh.prediction.any_model import TIMEOUT, AnyModel, rows_of
from phangs_sfh.prediction.model_folder import read_description
from phangs_sfh.prediction.transport import IN_FLIGHT, ServerError
from phangs_sfh.problems.catalogue import described_by

SIGNATURE, DRAWS = "serving_default", "posterior"
ADDRESS = re.compile(r"(https?://)?([^/]+:\d+|[^/:]+)(?:/([^/]+))?(?:/(\d+))?/?")


@dataclass(frozen=True)
class RemoteModel(AnyModel):
    """A model behind TensorFlow Serving.

    Attributes
    ----------
    path : str, the address in full, with name and version
    info : dict, the model.json it is described by, with name, version and address of the served
    instrument : Instrument
    transport : GrpcTransport or RestTransport
    in_flight : int, requests sent at once
    warnings : list of str
    assumed : see ``assuming``
    """

    path: str
    info: dict
    instrument: Instrument
    transport: object
    in_flight: int = IN_FLIGHT
    warnings: list = field(default_factory=list)
    assumed: str | None = None

    def answer(self, **inputs):
        """Run ``serving_default`` on float32 arrays; dict of arrays.

        Raises
        ------
        InputError
            One line: server away or late, model gone, request refused, or an answer that is
            none (``prediction.answers``).
        """
        found = self._run(self.signature(SIGNATURE), inputs)
        return checked_answers(self.path, self.labels, found, rows_of(inputs))

    def draw(self, **inputs):
        """Run ``posterior``; dict of arrays (n, 256, ...). Raises InputError as ``answer``."""
        found = self._run(self.signature(DRAWS), inputs)
        return checked_draws(self.path, self.labels, found, rows_of(inputs))

    def _run(self, signature, inputs):
        try:
            return self.transport.predict(
                self.info["name"], int(self.info["version"]), signature, inputs
            )
        except ServerError as error:
            raise InputError(_explained(error, self.path, self.transport)) from None


def connect(address, description=None, timeout=TIMEOUT):
    """Look a server's model up and check it.

    Parameters
    ----------
    address : str, ``HOST:PORT`` (gRPC) or ``http://HOST:PORT`` (REST), either with ``/NAME`` or
        ``/NAME/VERSION`` behind; by default the name in the description and its newest version
    description : folder of the exported model with ``model.json``, default the released one
    timeout : float, seconds that a request may take

    Returns
    -------
    model : RemoteModel, fixed to the version found

    Raises
    ------
    InputError
        If the address is none, the server is away, or the model or signature is missing or for
        another instrument.
    """
    scheme, host, name, version = _parse(address)
    path, info, instrument = read_description(description)
    name = name or info["name"]
    if scheme:
        from phangs_sfh.prediction.client_rest import RestTransport as Transport
    else:
        from phangs_sfh.prediction.client_grpc import GrpcTransport as Transport
    transport = Transport(scheme + host, timeout)
    base = f"{scheme or 'grpc://'}{host}/{name}"
    try:
        served, signatures = transport.metadata(name, version)
    except ServerError as error:
        where = base if version is None else f"{base}/{version}"
        raise InputError(_explained(error, where, transport)) from None
    full = f"{base}/{served}"
    described = described_by(info, Path(path) / model_json.FILE)
    _check_signature(full, signatures, described, instrument)
    warnings = []
    if (name, str(served)) != (info["name"], str(info["version"])):
        warnings.append(
            f"{full}: units, bins and instrument are taken from {Path(path) / 'model.json'} "
            f"({info['name']}, version {info['version']}); name its own with --model"
        )
    info = {**info, "name": name, "version": served, "server": full}
    return RemoteModel(full, info, instrument, transport, warnings=warnings)


def _parse(address):
    """Scheme ('' for gRPC), host with port, name or None, version or None."""
    found = ADDRESS.fullmatch(address.removeprefix("grpc://"))
    if not found or not (found[1] or ":" in found[2]):
        raise InputError(
            f"--server {address}: not an address; give HOST:PORT (gRPC) or http://HOST:PORT "
            "(REST), with /NAME behind for another model"
        )
    return found[1] or "", found[2], found[3], int(found[4]) if found[4] else None


def _check_signature(path, signatures, described, instrument):
    """Raise InputError unless the server takes and gives what it must."""
    if SIGNATURE not in signatures:
        raise InputError(
            f"{path}: has no signature '{SIGNATURE}'; serve a model that phangs-sfh exported"
        )
    check_signature(path, *signatures[SIGNATURE], described, instrument)


def _explained(error, path, transport):
    """One line of a ServerError: what is wrong, and what to do about it."""
    remedies = {
        "away": f"no TensorFlow Serving answers ({error.words}); start it, or correct --server "
        "(gRPC: HOST:8500, REST: http://HOST:8501)",
        "late": f"no answer within {transport.timeout:g} s; raise --timeout or lower --batch-size",
        "missing": f"no such model is served ({error.words}); name one: --server HOST:PORT/NAME",
        "refused": f"the server refused the request ({error.words}); lower --batch-size, or name "
        "the served model's own description with --model",
        "failed": f"the server failed ({error.words}); look at its log and try again",
    }
    return f"{path}: {remedies[error.kind]}"
