"""Posterior samples as ``bagpipes`` writes them, without bagpipes."""

from pathlib import Path

import numpy as np

from phangs_sfh.peers import bagpipes
from phangs_sfh.peers.benchmark import bagpipes_fits
from phangs_sfh.peers.benchmark.bagpipes_fits import HISTORY

UNIVERSE = 13467.0  # [Myr]
N_STEPS = len(bagpipes.EDGES_MYR) - 1
SECONDS, MEGABYTES = 300.0, 700.0


def samples(steps=0.0, metallicity=1.0, n=100):
    """What a fit returns: rates all alike, or changing by ``steps`` [dex] from bin to younger bin.

    Parameters
    ----------
    steps : float or (n_steps,) or (n, n_steps) array, from the oldest bins on
    metallicity : float or (n,) array, in units of bagpipes' solar one
    """
    steps = np.broadcast_to(steps, (n, N_STEPS))
    columns = {f"{HISTORY}:dsfr{i + 1}": steps[:, i] for i in range(N_STEPS)}
    columns[f"{HISTORY}:metallicity"] = np.broadcast_to(metallicity, n)
    columns |= {"dust:Av": np.full(n, 0.4), "veldisp": np.full(n, 90.0)}
    columns["noise:scaling"] = np.full(n, 1.1)
    return {
        "samples": np.column_stack(list(columns.values())),
        "parameters": np.array(list(columns)),
        "edges_myr": np.array([*bagpipes.EDGES_MYR, UNIVERSE]),
        "seconds": SECONDS,
        "megabytes": MEGABYTES,
        "failed": "",
    }


def replace_fits(monkeypatch, killed=(), failed=()):
    """Put made-up fits in the place of bagpipes'; returns the list of spectra that were fitted.

    Parameters
    ----------
    killed : collection of int, spectra whose process is ended; looked at when a fit starts
    failed : collection of int, spectra that bagpipes cannot fit
    """
    asked = []

    def run(command):
        answer = str(command[-1])
        with np.load(command[-2]) as given:
            labels = {name: given[name] for name in ("fingerprint", "settings")}
        index = int(answer[-9:-4])
        asked.append(index)
        if index in killed:
            return Run(-9, "Killed")
        rng = np.random.default_rng(index)
        made = samples(0.3 * rng.standard_normal((100, N_STEPS)), 10 ** rng.normal(0, 0.1, 100))
        if index in failed:
            made = {"failed": "LinAlgError: no"}
        bagpipes.save(Path(answer), made | labels)
        return Run(0, "")

    monkeypatch.setattr(bagpipes_fits, "_run", run)
    monkeypatch.setattr(bagpipes_fits, "settings", lambda: "bagpipes, made up")
    monkeypatch.setattr(bagpipes, "require_bagpipes", lambda: None)
    monkeypatch.setattr(bagpipes_fits, "require_bagpipes", lambda: None)
    return asked


class Run:
    def __init__(self, returncode, stderr):
        self.returncode, self.stderr, self.stdout = returncode, stderr, ""
