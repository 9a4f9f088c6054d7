"""Mocks of one split of a library, with all that is known of them."""

from dataclasses import dataclass, replace

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.evaluation import calibration, metrics
from phangs_sfh.problems.assumptions import RECORD
from phangs_sfh.problems.labels import Labels

MISSING = {np.int64: -1, np.float32: np.nan}


@dataclass(frozen=True)
class Mocks:
    """Objects and truths.

    Attributes
    ----------
    labels : Labels
    inputs : dict of (n, size) arrays by record, noiseless
    truth : dict of (n,) or (n, n_bins) arrays by label
    nuisance : dict of (n,) arrays; what the library does not hold is left out
    floored : dict of (n, n_bins) arrays, shares with the floor of training (see ``calibration``)
    vector : (n, D) array, named by ``labels.quantities``; of shares log10 of ``floored``
    """

    labels: Labels
    inputs: dict
    truth: dict
    nuisance: dict
    floored: dict
    vector: np.ndarray

    def __len__(self):
        return len(self.vector)

    def noiseless(self, rows):
        """The noiseless inputs of some of them: dict by record."""
        return {name: values[rows] for name, values in self.inputs.items()}

    def first(self, n):
        """The first ``n``."""
        parts = {
            name: {key: values[:n] for key, values in getattr(self, name).items()}
            for name in ("inputs", "truth", "nuisance", "floored")
        }
        return replace(self, vector=self.vector[:n], **parts)


def load_mocks(library, split, limit=None, seed=0, labels=None, nuisance=None, under=None):
    """Read one split.

    Parameters
    ----------
    library : library.records.Library
    split : str
    limit : int, optional; the first objects only
    seed : int, of the fuzz on the floor
    labels : Labels, some or all of the library's; default all
    nuisance : dict of numpy type by name, optional; what else to read, see ``extras.Extra``
    under : option of the library's assumptions, optional; only the objects made under it

    Raises
    ------
    InputError
        If the split is empty or a shard damaged.
    """
    from phangs_sfh.library import records

    labels = labels or library.labels
    read = limit if under is None else None  # those of one assumption lie among the others
    examples = records.load(library, split, read)
    wanted = nuisance and _nuisance(library, split, read, nuisance)
    if under is not None:
        number = library.described.assumptions.number(under, library.folder / "library.json")
        chosen = examples[RECORD] == number
        if not chosen.any():
            raise InputError(
                f"{library.folder}: split '{split}' holds nothing made under {under}; make a "
                "larger library"
            )
        examples, wanted = (
            {name: values[chosen][:limit] for name, values in columns.items()}
            for columns in (examples, wanted or {})
        )
    truth = {name: examples[name] for name in labels.names}
    floored = calibration.floored_shares(labels, truth, seed)
    return Mocks(
        labels=labels,
        inputs={one.record: examples[one.record] for one in library.described.inputs},
        truth=truth,
        nuisance=wanted or {},
        floored=floored,
        vector=to_vector(labels, truth | floored),
    )


def to_vector(labels, values):
    """All quantities side by side, of shares the log10.

    Parameters
    ----------
    labels : Labels
    values : dict of arrays by label, (...,) or (..., n_bins)

    Returns
    -------
    vector : (..., D) float32 array, in the order of ``labels.quantities``
    """
    parts = []
    for label in labels:
        value = np.asarray(values[label.name])
        value = value if label.axis is not None else value[..., None]
        parts.append(value if label.transform.elementwise else metrics.log_share(value))
    return np.concatenate(parts, axis=-1).astype(np.float32)


def scalar_columns(labels):
    """Where the single numbers are among the quantities: int array."""
    return _columns(labels, labels.scalars)


def joint_groups(labels):
    """Columns that are tested jointly: all scalars, each label with bins, and all.

    Returns
    -------
    groups : dict of int arrays; a group that would be all is left out
    """
    found = {"scalars": scalar_columns(labels)}
    found |= {label.name: _columns(labels, [label]) for label in labels.vectors}
    everything = np.arange(len(labels.quantities))
    found = {name: at for name, at in found.items() if 0 < len(at) < len(everything)}
    return {**found, "all": everything}


def _columns(labels, chosen):
    places = [labels.places[label.name] for label in chosen]
    return np.array([i for place in places for i in range(place.start, place.stop)], dtype=int)


def _nuisance(library, split, limit, wanted):
    import tensorflow as tf

    from phangs_sfh.library.records import COMPRESSION

    features = {n: tf.io.FixedLenFeature([], kind, MISSING[kind]) for n, kind in wanted.items()}
    paths = [str(path) for path in library.shard_paths(split)]
    stored = tf.data.TFRecordDataset(paths, compression_type=COMPRESSION)
    batches = stored.take(-1 if limit is None else limit).batch(1000).as_numpy_iterator()
    parts = [tf.io.parse_example(batch, features) for batch in batches]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in features}
    return {name: v for name, v in columns.items() if not np.any((v == -1) | np.isnan(v))}
