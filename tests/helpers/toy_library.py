"""A library of smooth toy galaxies on a small instrument: same schema, learnt in seconds."""

import hashlib
import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from phangs_sfh.instrument.description import Band, Instrument

N_PIXELS = 320
SCALARS = ("mw_logage", "lw_logage", "mw_mh", "lw_mh", "logml", "av")


def instrument(n_pixels=N_PIXELS):
    wave = 4800.0 + 6.875 * np.arange(n_pixels)
    bands = tuple(
        Band(f"B{i}", np.array([-200.0, 0.0, 200.0]) + 2700 + 1300 * i, np.array([0.0, 1.0, 0.0]))
        for i in range(5)
    )
    return Instrument("toy", wave, (0.0, 0.0, 2.5), bands, "B2", 1.0)


def galaxies(n, seed=0):
    """Arrays of ``n`` toy galaxies, all made of an age t and a metallicity m with scatter."""
    rng = np.random.default_rng(seed)
    t, m = rng.uniform(-1, 1, (2, n, 1))
    x = np.linspace(-1, 1, N_PIXELS)
    spectrum = 1 + 0.3 * t * x + 0.15 * m * np.sin(25 * x) + 0.1 * t * np.sin(40 * x)
    bands = 1 + 0.4 * t * np.linspace(-1, 1, 5)
    logits = 2 * t * np.linspace(-1, 1, 16) + 0.3 * rng.normal(size=(n, 16))
    sfh = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    mh = m + 0.1 * rng.normal(size=(n, 16))
    drawn = {
        "spectrum": (spectrum / spectrum.mean(axis=1, keepdims=True)).astype("<f2"),
        "bands": bands.astype(np.float32),
        "sfh": sfh.astype(np.float32),
        "mh": mh.astype(np.float32),
    }
    parents = (t, t, m, m, t, t * m)
    for name, parent in zip(SCALARS, parents, strict=True):
        drawn[name] = (parent[:, 0] + 0.1 * rng.normal(size=n)).astype(np.float32)
    return drawn


def write_library(folder, counts=(("train", 512), ("valid", 128), ("test", 64)), name="toy"):
    """Write a toy library with one shard a split, two for train; returns its folder."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    splits = {}
    for number, (split, n) in enumerate(counts):
        drawn = galaxies(n, number)
        n_shards = 2 if split == "train" else 1
        shards = []
        for i, rows in enumerate(np.array_split(np.arange(n), n_shards)):
            file = f"{split}-{i:05d}-of-{n_shards:05d}.tfrecord.gz"
            _write_shard(folder / file, drawn, rows)
            digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
            shards.append({"file": file, "n_galaxies": len(rows), "sha256": digest})
        splits[split] = {"n_galaxies": n, "shards": shards}
    content = {
        "schema_version": 1, "name": name, "seed": 0, "n_galaxies": sum(n for _, n in counts),
        "splits": splits, "prior": {}, "ssp": {"z_sun": 0.02}, "instrument": instrument().to_dict(),
    }  # fmt: skip
    (folder / "library.json").write_text(json.dumps(content))
    return folder


def _write_shard(path, drawn, rows):
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for row in rows:
            feature = {}
            for key, values in drawn.items():
                if key == "spectrum":
                    value = tf.train.BytesList(value=[values[row].tobytes()])
                    feature[key] = tf.train.Feature(bytes_list=value)
                else:
                    value = tf.train.FloatList(value=np.atleast_1d(values[row]))
                    feature[key] = tf.train.Feature(float_list=value)
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())
