"""A training run's folder: settings, state after each epoch, best weights; all written whole.

``run.json`` holds the settings, ``state.json`` names the last epoch's weights and the history,
``metrics.csv`` repeats the history for reading. A kill at any moment leaves the last full epoch.
"""

import csv
import io
import json
import time
from pathlib import Path

import keras
import numpy as np
from pydantic import ConfigDict

from phangs_sfh.files.json_files import Count, Fields, Name, read_json
from phangs_sfh.files.whole import whole_file, write_text

BEST = "best.weights.h5"


class Epoch(Fields):
    """A line of the history; further numbers are the metrics'."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float]

    epoch: Count
    val_loss: float


class State(Fields):
    """``state.json``."""

    epochs_done: Count
    weights: Name | None
    history: list[Epoch]


def save_weights(model, path):
    """Weights of model and optimizer, whole or not at all."""
    with whole_file(path) as temporary:
        model.save_weights(temporary)


def read_state(folder):
    """State after the last full epoch: dict with ``epochs_done``, ``weights``, ``history``."""
    path = Path(folder) / "state.json"
    if not path.is_file():
        return {"epochs_done": 0, "weights": None, "history": []}
    return read_json(path, State, "start anew with --overwrite")


class EpochCheckpoint(keras.callbacks.Callback):
    """Saves everything needed to go on after each epoch, and the best weights on ``val_loss``."""

    def __init__(self, folder, state):
        super().__init__()
        self.folder = Path(folder)
        self.history = list(state["history"])

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if not all(np.isfinite(value) for value in (logs or {}).values()):
            self.model.stop_training = True  # keep the last sound state
            return
        row = {"epoch": epoch, **{key: float(value) for key, value in (logs or {}).items()}}
        row["learning_rate"] = float(self.model.optimizer.learning_rate)
        row["seconds"] = time.monotonic() - self.started
        earlier = [r["val_loss"] for r in self.history]
        if not earlier or row["val_loss"] < min(earlier):
            save_weights(self.model, self.folder / BEST)
        self.history.append(row)
        name = f"epoch-{epoch + 1:04d}.weights.h5"
        save_weights(self.model, self.folder / name)
        state = {"epochs_done": epoch + 1, "weights": name, "history": self.history}
        write_text(self.folder / "state.json", json.dumps(state))
        write_text(self.folder / "metrics.csv", _csv(self.history))
        for old in self.folder.glob("epoch-*.weights.h5"):
            if old.name != name:
                old.unlink()


def _csv(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[-1]), extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
