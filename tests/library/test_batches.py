"""Libraries streamed from disk: every object once an epoch, in a new order, repeatable."""

import numpy as np
import pytest
import toy_library
from small_training import settings

from phangs_sfh.library import batches, records
from phangs_sfh.training import fit


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return records.open_library(toy_library.write_library(tmp_path_factory.mktemp("toy") / "toy"))


def streamed(library, first_epoch=0, epochs=2, seed=5):
    dataset, steps = batches.streamed_batches(
        library, library.survey(), 64, seed, epochs, first_epoch
    )
    return [(inputs["flux"], y) for inputs, y in dataset.as_numpy_iterator()], steps


def test_epochs_hold_every_object_once_and_can_be_repeated(library):
    both, steps = streamed(library)
    second, _ = streamed(library, first_epoch=1)
    assert len(both) == 2 * steps and len(second) == steps
    for (flux, y), (again, y_again) in zip(both[steps:], second, strict=True):
        np.testing.assert_array_equal(y, y_again)
        np.testing.assert_array_equal(flux, again)
    truth = np.sort(records.load(library, "train")["mw_logage"])
    orders = [np.concatenate([y[:, 0] for _, y in part]) for part in (both[:steps], second)]
    assert not np.array_equal(*orders)
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), truth)


def test_streamed_training_resumes_to_the_same_end(tmp_path):
    counts = ("train", 128), ("valid", 32), ("test", 8)
    library = records.open_library(toy_library.write_library(tmp_path / "toy", counts))
    chosen = settings(2, stream=True)
    whole = fit.fit(library, tmp_path / "whole", chosen, jit=False)

    class Kill(Exception):
        pass

    class AfterOne(fit.keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise Kill

    with pytest.raises(Kill):
        fit.fit(library, tmp_path / "cut", chosen, jit=False, callbacks=[AfterOne()])
    resumed = fit.fit(library, tmp_path / "cut", chosen, jit=False, resume=True)
    assert resumed[-1]["val_loss"] == pytest.approx(whole[-1]["val_loss"], abs=2e-4)


def test_only_what_does_not_fit_memory_is_streamed(library, monkeypatch):
    assert batches.fits_memory(library)
    assert not settings().settled(library).stream
    size = records.bytes_in_memory(library, "train")
    loaded = records.load(library, "train")
    assert size == sum(loaded[name].nbytes for name in loaded)
    monkeypatch.setattr(batches, "SHARE_OF_MEMORY", 0.0)
    assert settings().settled(library).stream


def test_the_head_of_a_split_is_read_alone(library):
    whole, head = records.load(library, "train"), records.load(library, "train", 100)
    assert {len(values) for values in head.values()} == {100}
    np.testing.assert_array_equal(head["spectrum"], whole["spectrum"][:100])
