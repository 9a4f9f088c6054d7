"""Who takes part in a job of several machines: the environment variable ``TF_CONFIG``, read.

``{"cluster": {"worker": ["host0:port", "host1:port"]}, "task": {"type": "worker", "index": 0}}``:
the same list on every machine, and each one's own place in it. Batch systems and Kubeflow set it.
"""

import json
import os
import socket
from dataclasses import dataclass

from phangs_sfh.errors import InputError
from phangs_sfh.files.json_files import parse

VARIABLE = "TF_CONFIG"
EXAMPLE = (
    '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
)


@dataclass(frozen=True)
class Cluster:
    """All workers, and which of them this process is.

    Attributes
    ----------
    addresses : tuple of str, ``host:port``; a ``chief``, where there is one, comes first
    index : int, place of this process among them
    """

    addresses: tuple
    index: int

    @property
    def size(self):
        return len(self.addresses)

    @property
    def is_chief(self):
        """The first worker alone writes files."""
        return self.index == 0

    @property
    def address(self):
        return self.addresses[self.index]

    def silent(self, seconds=2.0):
        """Addresses of other workers where nothing answers: list of str."""
        return [a for i, a in enumerate(self.addresses)
                if i != self.index and not _answers(a, seconds)]  # fmt: skip


def _answers(address, seconds):
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=seconds).close()
    except OSError:
        return False
    return True


def read_cluster(text: str | None = None) -> Cluster:
    """The cluster that TF_CONFIG describes.

    Parameters
    ----------
    text : str, optional; by default the environment variable

    Returns
    -------
    cluster : Cluster

    Raises
    ------
    InputError
        If it is not set, no JSON, or lacks or contradicts something.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> workers = '"cluster": {"worker": ["host0:2222", "host1:2222"]}'
    >>> cluster = ps.read_cluster("{" + workers + ', "task": {"type": "worker", "index": 1}}')
    >>> cluster.size, cluster.is_chief
    (2, False)
    """
    text = os.environ.get(VARIABLE, "") if text is None else text
    if not text.strip():
        raise InputError(f"{VARIABLE}: not set; on each machine set it as in {EXAMPLE}")
    content = parse(text, VARIABLE, f"set it as in {EXAMPLE}")
    jobs = _object(content, "cluster")
    unknown = sorted(set(jobs) - {"chief", "worker"})
    if unknown:
        raise InputError(f"{VARIABLE}: field 'cluster' has '{unknown[0]}'; list workers only")
    chiefs, workers = (_addresses(jobs, job) for job in ("chief", "worker"))
    if len(chiefs) > 1:
        raise InputError(f"{VARIABLE}: field 'cluster' has {len(chiefs)} chiefs; leave one")
    addresses = tuple(chiefs + workers)
    if not addresses:
        raise InputError(f"{VARIABLE}: field 'cluster' has no 'worker'; list their host:port")
    if len(set(addresses)) < len(addresses):
        raise InputError(f"{VARIABLE}: field 'cluster' has an address twice; give each its own")
    return Cluster(addresses, _place(_object(content, "task"), chiefs, workers))


def _object(content, field):
    value = content.get(field) if isinstance(content, dict) else None
    if not isinstance(value, dict):
        raise InputError(f"{VARIABLE}: has no field '{field}'; set it as in {EXAMPLE}")
    return value


def _addresses(jobs, job):
    found = jobs.get(job, [])
    if not isinstance(found, list) or not all(_is_address(address) for address in found):
        raise InputError(
            f'{VARIABLE}: field \'{job}\' of \'cluster\' is {json.dumps(found)}; give a list of '
            '"host:port"'
        )  # fmt: skip
    return found


def _is_address(address):
    host, _, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
    return bool(host) and port.isdecimal() and len(port) < 6 and 0 < int(port) < 65536


def _place(task, chiefs, workers):
    kind, index = task.get("type"), task.get("index")
    members = {"chief": chiefs, "worker": workers}.get(kind, [])
    if not members:
        raise InputError(f"{VARIABLE}: field 'type' of 'task' is {json.dumps(kind)}; give "
                         f"'{'chief' if chiefs and not workers else 'worker'}'")  # fmt: skip
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(members):
        raise InputError(
            f"{VARIABLE}: field 'index' of 'task' is {json.dumps(index)}; give a number from 0 "
            f"to {len(members) - 1}"
        )
    return index + (len(chiefs) if kind == "worker" else 0)
