"""Files that the package writes and reads again, damaged: JSON of all kinds, library shards."""

import json
from pathlib import Path

import damage
from hostile_reader import Reader
from input_tables import INSTRUMENT

from phangs_sfh.files.whole import remove


class Json(Reader):
    harm = staticmethod(damage.of_json)

    def make(self):
        self.content = self.sound_content()
        self.path.write_text(json.dumps(self.content))
        return self.content


class InstrumentFile(Json):
    name = "instrument.json"

    def sound_content(self):
        return INSTRUMENT.to_dict()

    def read(self):
        from phangs_sfh.instrument.description import load_instrument

        found = load_instrument(self.path)
        found.lsf_fwhm(found.wave), found.noise.at(found.wave), [b.pivot for b in found.bands]


class PriorFile(Json):
    name = "prior.json"

    def sound_content(self):
        from phangs_sfh.problems.histories.priors import load_prior

        return load_prior("broad")

    def read(self):
        from phangs_sfh.library.observing import ObservingConditions
        from phangs_sfh.problems.histories.priors import load_prior

        prior = load_prior(self.path)
        ObservingConditions.from_dict(prior.get("observing", {}))


class ModelJson(Json):
    name = "model.json"

    def sound_content(self):
        from phangs_sfh.prediction.model_folder import released_model

        (self.folder / "saved_model.pb").write_bytes(b"x")
        return json.loads((released_model() / "model.json").read_text())

    def read(self):
        from phangs_sfh.prediction.model_folder import read_description
        from phangs_sfh.prediction.results import result_meta
        from phangs_sfh.problems.catalogue import described_by

        _, info, _ = read_description(self.folder)
        described_by(info, self.path)
        result_meta(info)


class OfLibrary(Json):
    """What describes a library, made of a sound one."""

    def __init__(self, folder, library):
        self.library = Path(library)
        super().__init__(folder)


class LibraryJson(OfLibrary):
    name = "library.json"

    def sound_content(self):
        for shard in self.library.glob("*.gz"):
            (self.folder / shard.name).write_bytes(shard.read_bytes())
        return json.loads((self.library / "library.json").read_text())

    def read(self):
        from phangs_sfh.library.records import open_library, verify

        found = open_library(self.folder)
        found.survey(), found.z_sun, found.emission_lines
        verify(found)


class LibraryShard(Reader):
    harm = staticmethod(damage.octets)

    def __init__(self, folder, library):
        self.library = Path(library)
        self.name = min(path.name for path in self.library.glob("valid*.gz"))
        super().__init__(folder)

    def make(self):
        for file in self.library.iterdir():
            (self.folder / file.name).write_bytes(file.read_bytes())
        return self.path.read_bytes()

    def read(self):
        from phangs_sfh.library.records import load, open_library

        load(open_library(self.folder), "valid")


class RunState(Json):
    """``run.json`` or ``state.json`` of a training run."""

    name = "state.json"

    def sound_content(self):
        row = {"epoch": 0, "loss": 1.5, "val_loss": 1.25, "learning_rate": 1e-3, "seconds": 9.5}
        return {"epochs_done": 1, "weights": "epoch-0001.weights.h5", "history": [row]}

    def read(self):
        from phangs_sfh.training import checkpoints

        state = checkpoints.read_state(self.folder)
        checkpoints.EpochCheckpoint(self.folder, state)
        min([row["val_loss"] for row in state["history"]], default=0)


class RunSettings(Json):
    name = "run.json"

    def sound_content(self):
        return {"epochs": 15, "library": {}, "network": {"dim": 64, "kernels": [3]}, "start": None}

    def read(self):
        from phangs_sfh.training import run_folder

        run_folder.check(self.folder, self.content, resume=True, overwrite=False)


class Checksums(Json):
    name = "checksums.json"

    def sound_content(self):
        from phangs_sfh.files import checksums

        (self.folder / "a.bin").write_bytes(b"abc")
        checksums.write(self.folder, ["a.bin"])
        return json.loads(self.path.read_text())

    def read(self):
        from phangs_sfh.files import checksums

        checksums.verify(self.folder)


class LibraryPlan(OfLibrary):
    name = "mine.building/plan.json"

    def sound_content(self):
        self.path.parent.mkdir()
        (self.path.parent / "lock").touch()
        content = json.loads((self.library / "library.json").read_text())
        return {key: value for key, value in content.items() if key != "splits"}

    def attempt(self, random):
        kind = super().attempt(random)
        if (self.folder / "mine").exists():
            remove(self.folder / "mine")
            self.path.parent.mkdir(exist_ok=True)
        return kind

    def read(self):
        from phangs_sfh.library import writer

        writer.gather(self.folder / "mine")


class MapPlan(Json):
    """``plan.json`` and the notes of parts of maps."""

    name = ".maps.fits.parts/plan.json"

    def sound_content(self):
        self.path.parent.mkdir()
        (self.path.parent / "lock").touch()
        return {"request": "0" * 64, "parts": 2}

    def read(self):
        from phangs_sfh.maps import shares

        shares.gather(self.folder / "maps.fits")


class MapProgress(Json):
    """``progress.json`` of maps that were not finished."""

    name = ".maps.fits.work/progress.json"

    def sound_content(self):
        self.prepare()
        return {"rows": 1, "answered": 3, "negative": 0}

    def attempt(self, random):
        self.prepare()
        return super().attempt(random)

    def prepare(self):
        from phangs_sfh.maps.unfinished import Work

        self.path.parent.mkdir(exist_ok=True)
        request = Work(self.folder / "maps.fits", {})
        (self.path.parent / "request.json").write_text(json.dumps({"checksum": request.checksum}))
        (self.path.parent / "maps.fits").touch()
        (self.path.parent / "lock").touch()

    def read(self):
        from phangs_sfh.maps.mapper import Counts
        from phangs_sfh.maps.unfinished import Work

        with Work(self.folder / "maps.fits", {}) as work:
            assert isinstance(work.state["rows"], int) and work.state["rows"] >= 0
            Counts(work.state.get("answered", 0), work.state.get("negative", 0))


KINDS = (
    InstrumentFile, PriorFile, ModelJson, RunState, RunSettings, Checksums, MapPlan, MapProgress,
)  # fmt: skip
"""Made in a folder alone."""

OF_LIBRARIES = (LibraryJson, LibraryShard, LibraryPlan)
"""Made of a library that is there."""
