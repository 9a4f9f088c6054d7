"""Libraries of synthetic galaxies on disk: TFRecord shards beside a ``library.json``.

The reading half; ``library/writer.py`` is the writing half. Shards are gzipped TFRecords of one
``tf.train.Example`` a galaxy, all of it noiseless: see ``FLOAT_FEATURES``.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from phangs_sfh.errors import InputError
from phangs_sfh.files import checksums
from phangs_sfh.galaxy import ages
from phangs_sfh.instrument.description import Instrument, read_instrument
from phangs_sfh.library.observing import ObservingConditions
from phangs_sfh.library.plan import SCHEMA_VERSION, SPLITS

SCALARS = ("mw_logage", "lw_logage", "mw_mh", "lw_mh", "logml", "av")
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
    content : dict, all of library.json
    """

    folder: Path
    name: str
    instrument: Instrument
    content: dict = field(repr=False)

    @property
    def z_sun(self):
        """Solar metallicity that the [M/H] labels refer to (a mass fraction)."""
        return self.content.get("ssp", {}).get("z_sun")

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


def open_library(folder, instrument=None):
    """Read and check a library's description.

    Parameters
    ----------
    folder : path of the library's folder
    instrument : Instrument, optional; what the library must have been made for

    Raises
    ------
    InputError
        If the folder or its library.json is missing or not readable, has another schema version,
        lists a shard that does not exist, or describes another instrument.
    """
    folder = Path(folder)
    path = folder / "library.json"
    content = _read_json(path)
    version = content.get("schema_version")
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema_version is {version}, this version reads {SCHEMA_VERSION}; "
            "build the library anew with make-library"
        )
    try:
        field, remedy = f"{path}: field 'instrument'", "build the library anew with make-library"
        described = read_instrument(content["instrument"], field, remedy)
        library = Library(folder, str(content["name"]), described, content)
        missing = [p for split in content["splits"] for p in library.shard_paths(split)
                   if not p.is_file()]  # fmt: skip
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path}: field {error} is missing or malformed; "
            "build the library anew with make-library"
        ) from None
    if missing:
        raise InputError(
            f"{missing[0]}: shard listed in library.json is missing; "
            "copy it back or build the library anew with make-library"
        )
    if instrument is not None and not instrument.same_as(described):
        raise InputError(
            f"{path}: instrument '{described.name}' has another grid, LSF or bands than the "
            f"model's '{instrument.name}'; use a library made for the model's instrument"
        )
    return library


def _read_json(path):
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{path}: no such file; give the folder of a library made by make-library"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: not JSON ({error}); build the library anew with make-library"
        ) from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a library; build the library anew with make-library")
    return content


def conditions(library):
    """Observing conditions to train under: the defaults, but for what the library's prior sets.

    Raises
    ------
    InputError
        If the prior's ``observing`` has an unknown field.
    """
    prior = library.content.get("prior") or {}
    return ObservingConditions.from_dict(prior.get("observing", {}))


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


def features(instrument):
    """Specification of one example, for ``tf.io.parse_example``."""
    scalar = tf.io.FixedLenFeature([], tf.float32)
    return {
        "spectrum": tf.io.FixedLenFeature([], tf.string),
        "bands": tf.io.FixedLenFeature([instrument.n_bands], tf.float32),
        "sfh": tf.io.FixedLenFeature([ages.N_BINS], tf.float32),
        "mh": tf.io.FixedLenFeature([ages.N_BINS], tf.float32),
        **{name: scalar for name in SCALARS},
    }


def parse(serialized, instrument):
    """Parse a batch of serialised examples.

    Parameters
    ----------
    serialized : (n,) string tensor
    instrument : Instrument

    Returns
    -------
    examples : dict of ``spectrum`` float16 [n, n_pixels] (mean 1), ``bands`` float32 [n, n_bands]
        in the same unit, ``sfh`` and ``mh`` float32 [n, 16] and the six scalars float32 [n]
    """
    examples = tf.io.parse_example(serialized, features(instrument))
    spectrum = tf.io.decode_raw(examples["spectrum"], tf.float16, little_endian=True)
    examples["spectrum"] = tf.ensure_shape(spectrum, [None, instrument.n_pixels])
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
    return records.batch(batch_size).map(lambda s: parse(s, library.instrument))


def load(library, split):
    """Read one split into memory: 3.8 kB a galaxy, 0.6 GB for 165 000.

    Training reads every galaxy in every epoch in a new order, and memory makes that order a true
    permutation at no cost.

    Returns
    -------
    examples : dict of arrays as from ``parse``

    Raises
    ------
    InputError
        If a shard is truncated, corrupt, made by another writer or short of galaxies.
    """
    shards = []
    for shard, path in zip(library.shards(split), library.shard_paths(split), strict=True):
        shards.append(_load_shard(path, library.instrument, shard["n_galaxies"]))
    if not shards or sum(len(shard["sfh"]) for shard in shards) == 0:
        raise InputError(
            f"{library.folder}: split '{split}' holds no galaxies; make a larger library"
        )
    return {key: np.concatenate([shard[key] for shard in shards]) for key in shards[0]}


def _load_shard(path, instrument, n_galaxies):
    records = tf.data.TFRecordDataset(str(path), compression_type=COMPRESSION)
    batches = records.batch(READ_BATCH).map(lambda s: parse(s, instrument), num_parallel_calls=2)
    parts = []
    try:
        for examples in batches.prefetch(2).as_numpy_iterator():
            parts.append(examples)
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError):
        raise InputError(
            f"{path}: truncated or corrupt shard; copy it anew or build the library anew with "
            "make-library"
        ) from None
    found = sum(len(part["sfh"]) for part in parts)
    if found != n_galaxies:
        raise InputError(
            f"{path}: holds {found} galaxies, library.json says {n_galaxies}; copy it anew or "
            "build the library anew with make-library"
        )
    empty = {key: np.zeros((0,)) for key in features(instrument)}
    return {key: np.concatenate([p[key] for p in parts]) for key in parts[0]} if parts else empty
