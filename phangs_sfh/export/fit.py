"""From a library to a model that can be asked: training and export in one call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from phangs_sfh.errors import InputError
from phangs_sfh.export.saved_model import export_model
from phangs_sfh.files.paths import PathLike
from phangs_sfh.library import records
from phangs_sfh.training import fit as training
from phangs_sfh.training import workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from phangs_sfh.library.records import Library
    from phangs_sfh.machines.tf_config import Cluster
    from phangs_sfh.network.model import NetworkSpec


@dataclass(frozen=True)
class Run:
    """A finished training.

    Attributes
    ----------
    folder : Path, of the run: model.keras, metrics.csv, logs for TensorBoard
    exported : Path of the exported model, for ``load_model``; None on workers that do not write
    history : list of dict, one an epoch: ``epoch``, ``loss``, ``val_loss``, ``seconds`` ...
    """

    folder: Path
    exported: Path | None
    history: list

    @property
    def best(self) -> dict:
        """The epoch with the least loss on the valid split, whose weights were kept."""
        return min(self.history, key=lambda row: row["val_loss"])


def fit(
    library: Library | PathLike,
    folder: PathLike | None = None,
    *,
    epochs: int = 15,
    batch_size: int = 256,
    learning_rate: float | None = None,
    seed: int = 1,
    start_from: PathLike | None = None,
    network: NetworkSpec | None = None,
    stream: bool | None = None,
    mirrored: bool = False,
    replicas: int = 2,
    cluster: Cluster | None = None,
    started: Callable[[], object] = lambda: None,
    resume: bool = False,
    overwrite: bool = False,
    verbose: int = 0,
) -> Run:
    """Train a model on a library and export it.

    It is trained under the observing conditions that the library's prior sets, with noise, masks
    and missing bands drawn afresh for every galaxy in every epoch.

    Parameters
    ----------
    library : from ``make_library`` or ``open_library``, or its folder
    folder : of the model; the run is kept in ``run`` and exported to ``1`` or the next free
        version. Default: ``saved_models/NAME OF THE LIBRARY``
    epochs : passes over all galaxies
    batch_size : galaxies a step, over all replicas and machines
    learning_rate : the highest; it rises at first and then falls as a cosine. Default: 0.003 at a
        batch of 256, growing as the batch's square root (Malladi et al. 2022, arXiv:2205.10287)
    seed : of weights, order and noise
    start_from : folder of a trained model whose weights and units to start from
    network : sizes of the network; default: those of ``start_from``, else the usual ones
    stream : read the library from disk in every epoch; default: only if it does not fit memory
    mirrored : train on all GPUs, or else on ``replicas`` logical CPUs
    cluster : from ``read_cluster()``, on each of several machines that train together
    started : called when all machines of the cluster are there
    resume : go on with a run that was stopped
    overwrite : replace an existing run, when the new one is finished; exported versions stay
    verbose : Keras' progress, 0 none, 1 bar, 2 a line an epoch

    Returns
    -------
    run : Run

    Raises
    ------
    InputError
        If the library is damaged, the folder is in use, or the run cannot be resumed or exported.

    Examples
    --------
    ``tfrecords/mine`` is a library of a few galaxies, and the network tiny:

    >>> import phangs_sfh as ps
    >>> tiny = ps.NetworkSpec(filters=8, dim=8, heads=2, squeeze=4, width=16, hidden=16)
    >>> run = ps.fit("tfrecords/mine", "saved_models/new", epochs=1, batch_size=32, network=tiny)
    >>> len(run.history), str(run.exported)
    (1, 'saved_models/new/1')
    """
    if resume and overwrite:
        raise InputError("fit: --resume and --overwrite exclude each other; give one of them")
    if mirrored and cluster is not None:
        raise InputError(
            "fit: --mirrored and --multi-worker exclude each other; each machine of the latter "
            "uses all its GPUs"
        )
    opened = library if isinstance(library, records.Library) else records.open_library(library)
    own = opened if cluster is None else workers.part_of(opened, cluster.index, cluster.size)
    records.verify(own, ("train", "valid"))
    folder = Path("saved_models") / opened.name if folder is None else Path(folder)
    strategy = training.mirrored_strategy(replicas) if mirrored else None
    if strategy is not None:  # each replica gets the same share
        count = strategy.num_replicas_in_sync
        batch_size = max(count, batch_size // count * count)
    settings = training.FitSettings(
        epochs=epochs, batch_size=batch_size, seed=seed, learning_rate=learning_rate,
        start_from=None if start_from is None else str(start_from), network=network, stream=stream,
    )  # fmt: skip
    how = {"resume": resume, "overwrite": overwrite, "verbose": verbose}
    if cluster is None:
        history = training.fit(opened, folder / "run", settings, strategy=strategy, **how)
    else:
        history = workers.fit(opened, folder / "run", settings, cluster, started=started, **how)
        if not cluster.is_chief:
            return Run(folder / "run", None, history)
    return Run(folder / "run", export_model(folder / "run", folder, opened.folder), history)
