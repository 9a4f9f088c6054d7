"""Libraries of synthetic galaxies on disk: TFRecord shards beside a ``library.json``.

The reading half; ``library/writer.py`` is the writing half. Shards are gzipped TFRecords of one
``tf.train.Example`` a galaxy, all of it noiseless: see ``features``.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from phangs_sfh.errors import InputError
from phangs_sfh.files import checksums
from phangs_sfh.files.json_files import read_json
from phangs_sfh.files.paths import PathLike
from phangs_sfh.instrument.description import Instrument
from phangs_sfh.library.contents import REMEDY, LibraryFields, understood
from phangs_sfh.library.observing import ObservingConditions
from phangs_sfh.library.plan import SPLITS
from phangs_sfh.library.survey import Survey
from phangs_sfh.problems.assumptions import RECORD
from phangs_sfh.problems.problem import Described

COMPRESSION = "GZIP"
READ_BATCH = 512


@dataclass(frozen=True)
class Library:
    """What ``library.json`` says, checked.

    Attributes
    ----------
    folder : Path
    name : str
    instrument : Instrument the spectra and bands were made for
    described : problems.problem.Described, what is inferred from what
    content : dict, all of library.json
    """

    folder: Path
    name: str
    instrument: Instrument
    described: Described
    content: dict = field(repr=False)

    @property
    def labels(self):
        return self.described.labels

    def survey(self, conditions=None):
        """How its objects are observed: under given conditions, else those of its prior.

        Raises
        ------
        InputError
            If the prior's ``observing`` has an unknown field.
        """
        if conditions is None:
            prior = self.content.get("prior") or {}
            conditions = ObservingConditions.from_dict(prior.get("observing", {}))
        return Survey(self.described, self.instrument, conditions)

    @property
    def emission_lines(self):
        """'modelled' if some galaxies have emission lines, else 'masked': the network must not see
        their windows."""
        if "emission_lines" in self.content:
            return self.content["emission_lines"]
        states = (self.content.get("prior") or {}).get("gas", {}).get("states", {})
        return "modelled" if states.get("on", 0) > 0 else "masked"

    @property
    def z_sun(self):
        """Solar metallicity that the [M/H] labels refer to (a mass fraction)."""
        return self.content.get("ssp", {}).get("z_sun")

    @property
    def z_sun_of(self):
        """The same by assumption; empty where there are none (dict of float)."""
        return {name: ssp["z_sun"] for name, ssp in self.content.get("ssp_of", {}).items()}

    def n_galaxies(self, split):
        return sum(shard["n_galaxies"] for shard in self.shards(split))

    def shards(self, split):
        """Shards of one split: list of dict with ``file``, ``n_galaxies`` and ``sha256``."""
        try:
            return self.content["splits"][split]["shards"]
        except KeyError:
            raise InputError(
                f"{self.folder / 'library.json'}: no split '{split}'; "
                "build the library anew with make-library"
            ) from None

    def shard_paths(self, split):
        return [self.folder / shard["file"] for shard in self.shards(split)]


def open_library(folder: PathLike, instrument: Instrument | None = None) -> Library:
    """Read and check a library's description.

    Parameters
    ----------
    folder : path of the library's folder
    instrument : Instrument, optional; what the library must have been made for

    Returns
    -------
    library : Library

    Raises
    ------
    InputError
        If the folder or its library.json is missing or not readable, has another schema version,
        lists a shard that does not exist, or describes another instrument.

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> library = ps.open_library("tfrecords/sample")
    >>> library.instrument.n_pixels, library.z_sun
    (1761, 0.02)
    """
    folder = Path(folder)
    path = folder / "library.json"
    try:
        content = read_json(path, LibraryFields, REMEDY)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{path}: no such file; give the folder of a library made by make-library"
        ) from None
    made_for, described = understood(content, path)
    library = Library(folder, content["name"], made_for, described, content)
    missing = [p for split in content["splits"] for p in library.shard_paths(split)
               if not p.is_file()]  # fmt: skip
    if missing:
        raise InputError(
            f"{missing[0]}: shard listed in library.json is missing; "
            "copy it back or build the library anew with make-library"
        )
    if instrument is not None and not instrument.same_as(made_for):
        raise InputError(
            f"{path}: instrument '{made_for.name}' has another grid, LSF or bands than the "
            f"model's '{instrument.name}'; use a library made for the model's instrument"
        )
    return library


def verify(library, splits=SPLITS):
    """Compare every shard's SHA-256 with library.json.

    Raises
    ------
    InputError
        Names the first shard that differs.
    """
    for split in splits:
        for shard, path in zip(library.shards(split), library.shard_paths(split), strict=True):
            digest = checksums.sha256(path)
            if digest != shard["sha256"]:
                raise InputError(
                    f"{path}: SHA-256 differs from library.json, truncated or corrupt shard; "
                    "copy it anew or build the library anew with make-library"
                )


def features(library):
    """Specification of one example, for ``tf.io.parse_example``."""
    inputs = {one.record: one.feature(library.instrument) for one in library.described.inputs}
    labels = {
        label.name: tf.io.FixedLenFeature(list(label.shape), tf.float32) for label in library.labels
    }
    if library.described.assumptions:
        inputs[RECORD] = tf.io.FixedLenFeature([], tf.int64)
    return inputs | labels


def parse(serialized, library):
    """Parse a batch of serialised examples.

    Parameters
    ----------
    serialized : (n,) string tensor
    library : Library

    Returns
    -------
    examples : dict of the inputs by their ``record`` (``spectrum`` float16 [n, n_pixels], ``bands``
        float32 [n, n_bands] in the same unit), the labels, float32 [n] or [n, n_bins], and the
        number of the ``assumption`` where there are some, [n]
    """
    examples = tf.io.parse_example(serialized, features(library))
    for one in library.described.inputs:
        examples[one.record] = one.decode(examples[one.record], library.instrument)
    return examples


def dataset(library, split, batch_size=READ_BATCH):
    """Stream one split in its stored order, noiseless.

    Returns
    -------
    dataset : tf.data.Dataset of dicts as from ``parse``. A damaged shard ends the iteration with
        tf.errors.DataLossError or InvalidArgumentError: ``load`` tells which shard it was.
    """
    paths = [str(path) for path in library.shard_paths(split)]
    records = tf.data.TFRecordDataset(paths, compression_type=COMPRESSION)
    return records.batch(batch_size).map(
        lambda s: parse(s, library), num_parallel_calls=tf.data.AUTOTUNE
    )


def load(library, split, limit=None):
    """Read one split into memory: 3.8 kB a galaxy of histories, 0.6 GB for 165 000.

    Training reads every galaxy in every epoch in a new order, and memory makes that order a true
    permutation at no cost. A library that does not fit is streamed (``batches.streamed_batches``).

    Parameters
    ----------
    limit : int, optional; no more shards than hold the first ``limit`` objects, which are returned

    Returns
    -------
    examples : dict of arrays as from ``parse``

    Raises
    ------
    InputError
        If a shard is truncated, corrupt, made by another writer or short of galaxies.
    """
    parts, found = [], 0
    for shard, path in zip(library.shards(split), library.shard_paths(split), strict=True):
        if limit is not None and found >= limit:
            break
        parts.append(_load_shard(path, library, shard["n_galaxies"]))
        found += shard["n_galaxies"]
    if not found:
        raise InputError(
            f"{library.folder}: split '{split}' holds no galaxies; make a larger library"
        )
    return {key: np.concatenate([part[key] for part in parts])[:limit] for key in parts[0]}


def bytes_in_memory(library, split):
    """Memory that ``load`` of a split takes, but for little."""
    instrument, described = library.instrument, library.described
    width = sum(one.bytes * one.size(instrument) for one in described.inputs)
    return (width + 4 * len(library.labels.quantities)) * library.n_galaxies(split)


def _load_shard(path, library, n_galaxies):
    records = tf.data.TFRecordDataset(str(path), compression_type=COMPRESSION)
    batches = records.batch(READ_BATCH).map(
        lambda s: parse(s, library), num_parallel_calls=tf.data.AUTOTUNE
    )
    parts = []
    try:
        for examples in batches.prefetch(2).as_numpy_iterator():
            parts.append(examples)
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError):
        raise InputError(
            f"{path}: truncated or corrupt shard; copy it anew or build the library anew with "
            "make-library"
        ) from None
    first = library.labels.names[0]
    found = sum(len(part[first]) for part in parts)
    if found != n_galaxies:
        raise InputError(
            f"{path}: holds {found} galaxies, library.json says {n_galaxies}; copy it anew or "
            "build the library anew with make-library"
        )
    empty = {key: np.zeros((0,)) for key in features(library)}
    return {key: np.concatenate([p[key] for p in parts]) for key in parts[0]} if parts else empty
