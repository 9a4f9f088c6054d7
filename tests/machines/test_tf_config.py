"""TF_CONFIG: read, or refused in one line."""

import json

import pytest

from phangs_sfh.errors import InputError
from phangs_sfh.machines.tf_config import read_cluster

WORKERS = {"worker": ["a:1", "b:2"]}
FIRST = {"type": "worker", "index": 0}


def config(cluster=WORKERS, task=FIRST):
    return json.dumps({"cluster": cluster, "task": task})


def test_workers_in_their_order():
    cluster = read_cluster(config(task={"type": "worker", "index": 1}))
    assert cluster.addresses == ("a:1", "b:2")
    assert cluster.address == "b:2" and not cluster.is_chief


def test_a_chief_comes_before_the_workers():
    jobs = {"worker": ["a:1", "b:2"], "chief": ["c:3"]}
    first = read_cluster(config(jobs, {"type": "chief", "index": 0}))
    second = read_cluster(config(jobs, FIRST))
    assert first.addresses == second.addresses == ("c:3", "a:1", "b:2")
    assert first.is_chief and second.index == 1


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "TF_CONFIG: not set; on each machine"),
        ("{", "TF_CONFIG: not JSON"),
        ("[1]", "has no field 'cluster'"),
        (json.dumps({"cluster": WORKERS}), "has no field 'task'"),
        (config({"worker": "a:1"}), "field 'worker' of 'cluster' is \"a:1\"; give a list"),
        (config({"worker": ["a"]}), "give a list of \"host:port\""),
        (config({"worker": ["a:99999"]}), "give a list of \"host:port\""),
        (config({"worker": ["a:1", "a:1"]}), "has an address twice"),
        (config({"worker": []}), "has no 'worker'"),
        (config({**WORKERS, "ps": ["c:3"]}), "has 'ps'; list workers only"),
        (config({**WORKERS, "chief": ["c:3", "d:4"]}), "has 2 chiefs"),
        (config(task={"type": "worker", "index": 2}), "'index' of 'task' is 2; give a number from"),
        (config(task={"type": "worker", "index": "0"}), "'index' of 'task' is \"0\""),
        (config(task={"type": "chief", "index": 0}), "'type' of 'task' is \"chief\"; give"),
    ],
)  # fmt: skip
def test_refused(text, message):
    with pytest.raises(InputError) as refusal:
        read_cluster(text)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
