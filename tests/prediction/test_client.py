"""``predict --server`` over real sockets: the same table, and one line for all that goes wrong."""

import importlib
import socket
import threading
import time
from contextlib import closing

import numpy as np
import pytest
from astropy.table import QTable
from click.testing import CliRunner
from fake_model import write_fake_model
from input_tables import INSTRUMENT, make_table

from phangs_sfh.cli.main import main
from phangs_sfh.errors import InputError
from phangs_sfh.observations.table import observations_from_table
from phangs_sfh.prediction import client
from phangs_sfh.prediction import predict as prediction
from phangs_sfh.prediction.model import load_model

pytest.importorskip("tensorflow_serving")
import grpc  # noqa: E402
from loopback_server import Refused, Servable, grpc_server, rest_server  # noqa: E402

SERVERS = {"grpc": grpc_server, "rest": rest_server}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_fake_model(
        tmp_path_factory.mktemp("models") / "1", name="phangs", emission_lines="masked"
    )


@pytest.fixture(scope="module")
def servable(folder):
    return Servable(folder)


@pytest.fixture(scope="module", params=list(SERVERS))
def address(request, servable):
    with SERVERS[request.param](servable) as where:
        yield where


@pytest.fixture(autouse=True)
def no_faults_left(servable):
    yield
    assert servable.faults == []


@pytest.fixture
def quick(monkeypatch):
    """Retries without long pauses."""
    rest, grpc_ = (
        importlib.import_module(f"phangs_sfh.prediction.client_{n}") for n in ("rest", "grpc")
    )
    monkeypatch.setitem(grpc_.RETRY, "initialBackoff", "0.01s")
    monkeypatch.setitem(grpc_.RETRY, "maxBackoff", "0.02s")
    monkeypatch.setattr(rest.Retry, "DEFAULT_BACKOFF_MAX", 0.02)


def answers(table, model, **options):
    observations = observations_from_table(
        table, INSTRUMENT, mask_emission_lines=model.masks_emission_lines
    )
    found = prediction.predict(observations, model, **options)
    values = {n: np.asarray(getattr(found[n], "value", found[n])) for n in found.colnames}
    return values, found.meta


def test_served_and_local_tables_are_the_same(address, folder, servable):
    table = make_table(70)
    table["F275W"][3] = np.nan
    table["flux_err"][4] = 0
    for band in INSTRUMENT.band_names:
        table[f"{band}_err"][4] = 0
    here, local_meta = answers(table, load_model(folder), batch_size=16)
    model = client.connect(address, folder)
    assert model.warnings == [] and model.masks_emission_lines
    before, done = servable.requests, []
    there, meta = answers(table, model, batch_size=16, progress=done.append)
    assert servable.requests - before == 5 and sum(done) == 70
    for name, values in here.items():
        assert np.allclose(values, there[name], rtol=1e-6, atol=1e-6, equal_nan=True), name
        assert values.dtype == there[name].dtype
    assert meta.pop("SERVER") == f"{model.path}" and model.path.endswith("/phangs/1")
    assert "127.0.0.1" in model.path
    assert dict(meta) == dict(local_meta) | {"MODELVER": "1"}


def test_command_with_server(address, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_table(5).write("in.fits")
    command = ["predict", "in.fits", "--model", str(folder)]
    for extra in (["-o", "here.fits"], ["-o", "there.fits", "--server", address]):
        result = CliRunner().invoke(main, [*command, *extra])
        assert result.exit_code == 0, result.output
        assert "5 rows in" in result.stdout and "Warning" not in result.stderr
    here, there = QTable.read("here.fits"), QTable.read("there.fits")
    assert here.colnames == there.colnames
    for name in here.colnames:
        one, other = (np.asarray(getattr(t[name], "value", t[name])) for t in (here, there))
        assert np.allclose(one, other, rtol=1e-6, atol=1e-6), name
        assert here[name].info.unit == there[name].info.unit
    assert there.meta["SERVER"].endswith("/phangs/1") and "SERVER" not in here.meta


def test_another_name_and_version(address, folder):
    assert client.connect(f"{address}/phangs", folder).info["version"] == 1
    assert client.connect(f"{address}/phangs/1", folder).path.endswith("/phangs/1")
    for where in (f"{address}/other", f"{address}/phangs/7"):
        with pytest.raises(InputError, match=r"no such model is served.*Servable not found"):
            client.connect(where, folder)


def test_what_describes_another_model_is_said(address, folder, tmp_path):
    other = write_fake_model(tmp_path / "2", name="phangs", version=2)
    model = client.connect(address, other)
    assert len(model.warnings) == 1 and "version 2" in model.warnings[0]
    _, meta = answers(make_table(2), model)
    assert meta["MODELVER"] == "1"  # what answered, not what was at hand


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_server_away_is_one_line_and_soon(scheme, folder, tmp_path, monkeypatch, quick):
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.chdir(tmp_path)
    make_table(1).write("in.fits")
    start = time.monotonic()
    where = f"{scheme}127.0.0.1:{port}"
    result = CliRunner().invoke(
        main, ["predict", "in.fits", "-o", "o.fits", "--model", str(folder), "--server", where]
    )
    assert time.monotonic() - start < 20
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert str(port) in result.stderr and "no TensorFlow Serving answers" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.fits"]


def test_protocols_mixed_up(servable, folder, quick):
    """gRPC spoken to the REST port and the other way round."""
    with rest_server(servable) as rest, pytest.raises(InputError, match="REST: http://"):
        client.connect(rest.removeprefix("http://"), folder, timeout=5)
    with grpc_server(servable) as where, pytest.raises(InputError, match="gRPC: HOST:8500"):
        client.connect(f"http://{where}", folder, timeout=5)


@pytest.mark.parametrize("words", ["localhost", "ftp://x:1", "http://", "a:b", "x:1/n/v/2", ""])
def test_what_is_no_address(words, folder):
    with pytest.raises(InputError, match="not an address"):
        client.connect(words, folder)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_busy_server_is_asked_again(address, folder, servable, code, quick):
    model = client.connect(address, folder)
    expected, _ = answers(make_table(40), load_model(folder), batch_size=40)
    servable.faults += [Refused(code, "the queue is full")] * 2
    found, _ = answers(make_table(40), model, batch_size=40)
    assert np.allclose(found["mw_logage_p50"], expected["mw_logage_p50"], rtol=1e-6)


def test_refusals_are_not_repeated(address, folder, servable, quick):
    model = client.connect(address, folder)
    before = servable.requests
    words = "Task size 2048 is larger than maximum input batch size 1024"
    servable.faults.append(Refused(grpc.StatusCode.INVALID_ARGUMENT, words))
    with pytest.raises(InputError, match=f"{words}.*lower --batch-size") as refusal:
        answers(make_table(3), model)
    assert servable.requests == before + 1 and "\n" not in str(refusal.value)


def test_a_late_answer_is_not_waited_for(address, folder, servable, monkeypatch):
    model = client.connect(address, folder, timeout=0.3)
    plain, ended = servable.predict, threading.Event()

    def slow(request):
        time.sleep(1.0)
        try:
            return plain(request)
        finally:
            ended.set()

    monkeypatch.setattr(servable, "predict", slow)
    with pytest.raises(InputError, match=r"no answer within 0\.3 s; raise --timeout"):
        answers(make_table(1), model)
    assert ended.wait(30)  # or the next test would count this request


def test_model_taken_away_between_batches(address, folder, servable, monkeypatch, quick):
    """The client stays with the version it found: no table holds two models' answers."""
    model = client.connect(address, folder)
    monkeypatch.setattr(servable, "version", 2)
    with pytest.raises(InputError, match=r"phangs/1: no such model is served"):
        answers(make_table(3), model)


def test_shapes_and_signatures_that_disagree(address, folder, servable, monkeypatch, tmp_path):
    signatures = dict(servable.signatures)
    changed = type(signatures["serving_default"])()
    changed.CopyFrom(signatures["serving_default"])
    changed.inputs["flux"].tensor_shape.dim[1].size = 1000
    monkeypatch.setattr(servable, "signatures", {"serving_default": changed})
    with pytest.raises(InputError, match=r"takes 'flux' with shape \[-1, 1000\], not \[-1, 1761\]"):
        client.connect(address, folder)
    changed = type(changed)()
    changed.CopyFrom(signatures["serving_default"])
    del changed.outputs["sfh_p50"]
    monkeypatch.setattr(servable, "signatures", {"serving_default": changed})
    with pytest.raises(InputError, match="answers no 'sfh_p50'"):
        client.connect(address, folder)
    monkeypatch.setattr(servable, "signatures", {"other": signatures["serving_default"]})
    with pytest.raises(InputError, match="has no signature 'serving_default'"):
        client.connect(address, folder)


def test_an_answer_with_too_few_rows_is_refused(address, folder, servable, monkeypatch):
    model = client.connect(address, folder)
    plain = servable.predict

    def short(request):
        for tensor in request.inputs.values():
            values = np.frombuffer(tensor.tensor_content, np.float32)
            values = values.reshape([dim.size for dim in tensor.tensor_shape.dim])[:-1]
            tensor.tensor_content = values.tobytes()
            tensor.tensor_shape.dim[0].size -= 1
        return plain(request)

    monkeypatch.setattr(servable, "predict", short)
    with pytest.raises(InputError, match=r"answered 'sfh_p16' with shape \(31, 16\) for 32"):
        answers(make_table(3), model)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_not_finite_is_refused(address, folder, servable, monkeypatch, value):
    model = client.connect(address, folder)
    plain = servable.predict

    def spoiled(request):
        response = plain(request)
        response.outputs["av_p50"].float_val[1] = value
        return response

    monkeypatch.setattr(servable, "predict", spoiled)
    with pytest.raises(InputError, match=f"/phangs/1: answered 'av_p50' with {value} in row 1"):
        answers(make_table(3), model)
