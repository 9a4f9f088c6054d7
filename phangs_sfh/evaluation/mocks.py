"""Mock galaxies of one split of a library, with all that is known of them."""

from dataclasses import dataclass

import numpy as np

from phangs_sfh.evaluation import calibration, metrics
from phangs_sfh.problems.histories import LABELS

SCALARS = [label.name for label in LABELS.scalars]
QUANTITIES = LABELS.quantities
"""Names of the columns of ``Mocks.vector`` and of calibration arrays, 6 + 16 + 16."""

GROUPS = {
    "scalars": slice(0, len(SCALARS)),
    "sfh": LABELS.places["sfh"],
    "mh": LABELS.places["mh"],
    "all": slice(0, len(QUANTITIES)),
}
"""Columns of ``QUANTITIES`` that are tested jointly."""

NUISANCE = {"family": np.int64, "gas_state": np.int64}
NUISANCE |= {"sigma_v": np.float32, "slope": np.float32, "av_young": np.float32}


@dataclass(frozen=True)
class Mocks:
    """Galaxies and truths.

    Attributes
    ----------
    spectrum : (n, n_pixels) float16 array, noiseless
    bands : (n, n_bands) array in the same unit
    truth : dict of ``sfh``, ``mh`` (n, 16) and the six scalars (n,)
    nuisance : dict of (n,) arrays; what the library does not hold is left out
    floored : (n, 16) array, mass fractions with the floor of training (see ``calibration``)
    vector : (n, 38) array: scalars, log10 of ``floored``, [M/H], named by ``QUANTITIES``
    """

    spectrum: np.ndarray
    bands: np.ndarray
    truth: dict
    nuisance: dict
    floored: np.ndarray
    vector: np.ndarray

    def __len__(self):
        return len(self.spectrum)

    def first(self, n):
        """The first ``n`` galaxies."""
        rows = slice(0, n)
        truth, nuisance = ({k: v[rows] for k, v in d.items()} for d in (self.truth, self.nuisance))
        arrays = (self.spectrum, self.bands, self.floored, self.vector)
        spectrum, bands, floored, vector = (array[rows] for array in arrays)
        return Mocks(spectrum, bands, truth, nuisance, floored, vector)


def load_mocks(library, split, limit=None, seed=0):
    """Read one split.

    Parameters
    ----------
    library : library.records.Library
    split : str
    limit : int, optional; the first galaxies only
    seed : int, of the fuzz on the floor

    Raises
    ------
    InputError
        If the split is empty or a shard damaged.
    """
    from phangs_sfh.library import records

    rows = slice(0, limit)
    examples = {name: values[rows] for name, values in records.load(library, split).items()}
    truth = {name: examples[name] for name in LABELS.names}
    floored = calibration.true_fractions(truth["sfh"], seed)
    return Mocks(
        spectrum=examples["spectrum"],
        bands=examples["bands"],
        truth=truth,
        nuisance={k: v[rows] for k, v in _nuisance(library, split).items()},
        floored=floored,
        vector=to_vector(truth, floored),
    )


def to_vector(columns, sfh):
    """Scalars, log10 mass fractions and [M/H] side by side.

    Parameters
    ----------
    columns : dict of the six scalars (...,) and ``mh`` (..., 16)
    sfh : (..., 16) array, positive

    Returns
    -------
    vector : (..., 38) float32 array
    """
    scalars = np.stack([columns[name] for name in SCALARS], axis=-1)
    return np.concatenate([scalars, metrics.log_fraction(sfh), columns["mh"]], axis=-1).astype(
        np.float32
    )


def _nuisance(library, split):
    import tensorflow as tf

    missing = {np.int64: -1, np.float32: np.nan}
    features = {
        name: tf.io.FixedLenFeature([], kind, missing[kind]) for name, kind in NUISANCE.items()
    }
    paths = [str(path) for path in library.shard_paths(split)]
    stored = tf.data.TFRecordDataset(paths, compression_type="GZIP").batch(1000)
    parts = [tf.io.parse_example(batch, features) for batch in stored.as_numpy_iterator()]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in features}
    return {name: v for name, v in columns.items() if not np.any((v == -1) | np.isnan(v))}
