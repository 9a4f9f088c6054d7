"""Everything that comes in from outside, damaged and given to its reader: one class a group.

Each has ``attempt(random)``, which damages what was sound and says how the promise was kept.
"""

import json
from contextlib import suppress
from functools import partial
from pathlib import Path

import damage
import numpy as np
from input_tables import INSTRUMENT, make_table
from promise import keeps
from small_cube import REDSHIFT, write_cube, write_image, write_map

from phangs_sfh.errors import InputError

NY, NX = 2, 3


class Reader:
    """A sound file, how it is damaged, and who reads it.

    Attributes
    ----------
    name : of the file; harm : function of ``damage``
    """

    name, harm = "", staticmethod(damage.fits)

    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.mkdir()
        self.path = self.folder / self.name
        self.sound = self.make()
        with suppress(InputError):
            self.read()  # imports are not timed

    def make(self):
        """Write the sound file; its content."""
        self.write()
        return self.path.read_bytes()

    def attempt(self, random):
        content = self.harm(self.sound, random)
        if isinstance(content, str):
            self.path.write_text(content, errors="surrogatepass")
        else:
            self.path.write_bytes(content)
        return keeps(self.read, self.folder)


class FitsTable(Reader):
    name = "spectra.fits"

    def write(self):
        make_table(3).write(self.path)

    def read(self):
        from phangs_sfh.observations.table import read_observations

        found = read_observations(self.path, INSTRUMENT)
        assert all(np.isfinite(values).all() for values in found.inputs().values())


class EcsvTable(FitsTable):
    name, harm = "spectra.ecsv", staticmethod(damage.text)

    def make(self):
        table = make_table(2)
        few = {name: table[name][:, ::40] for name in ("wave", "flux", "flux_err")}
        table.remove_columns(list(few))
        for name, values in few.items():
            table[name] = values
        table.write(self.path)
        return self.path.read_text()


class Cube(Reader):
    name = "cube.fits"

    def write(self):
        write_cube(self.path, NY, NX)

    def read(self):
        from phangs_sfh.maps.input.cube import open_cube

        cube = open_cube(self.path)
        cube.read(slice(0, len(cube.wave)), slice(0, cube.shape[0]))


class Image(Reader):
    name = "image.fits"

    def write(self):
        write_image(self.path, np.full((12, 12), 3.0), 0.1)

    def read(self):
        from phangs_sfh.maps.input.image import open_image

        image = open_image(self.path, INSTRUMENT.bands[0])
        image.read(slice(0, image.shape[0]), slice(0, image.shape[1]))


class BinMap(Reader):
    name = "bins.fits"

    def write(self):
        write_map(self.path, np.arange(6, dtype="i4").reshape(NY, NX))

    def read(self):
        from phangs_sfh.maps.input.sky_maps import read_bins

        read_bins(self.path, (NY, NX))


class VelocityMap(Reader):
    name = "velocity.fits"

    def write(self):
        write_map(self.path, np.linspace(-50, 50, 6).reshape(NY, NX), "km/s")

    def read(self):
        from phangs_sfh.maps.input.sky_maps import read_velocities

        read_velocities(self.path, (NY, NX))


class WholeMap(Reader):
    """``map`` from cube and image to the output, by a model that is loaded once."""

    name = "cube.fits"

    def __init__(self, folder, model):
        self.model = model
        super().__init__(folder)

    def write(self):
        write_cube(self.path, NY, NX)
        write_image(self.folder / "image.fits", np.full((40, 40), 3.0), 0.1)

    def attempt(self, random):
        other = self.folder / "image.fits"
        kept = other.read_bytes()
        if random.random() < 0.4:
            other.write_bytes(damage.fits(kept, random))
            self.path.write_bytes(self.sound)
            kind = keeps(self.read, self.folder)
        else:
            kind = super().attempt(random)
        other.write_bytes(kept)
        for left in self.folder.iterdir():
            if left not in (self.path, other):
                _remove(left)
        return kind

    def read(self):
        from phangs_sfh.maps.map_cube import map_cube

        map_cube(
            self.path, self.folder / "maps.fits", model=self.model, redshift=REDSHIFT,
            images={"F275W": self.folder / "image.fits"}, psf=0.6,
        )  # fmt: skip


def _remove(path):
    from phangs_sfh.files.whole import remove

    remove(path)


class SspGrid(Reader):
    name = "grid.fits"

    def write(self):
        from phangs_sfh.ssp.grid import SSPGrid, write_grid

        wave, age = np.linspace(2000, 9000, 40), np.array([1e6, 1e8, 1e10])
        light = np.random.default_rng(0).uniform(1e-6, 1e-3, (2, 3, 40))
        metals = np.array([0.004, 0.02])
        write_grid(SSPGrid(wave, age, metals, light, np.ones((2, 3)), 0.02, 2.5), self.path)

    def read(self):
        from phangs_sfh.ssp.grid import read_grid

        read_grid(self.path)


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


class LibraryJson(Json):
    name = "library.json"

    def __init__(self, folder, library):
        self.library = Path(library)
        super().__init__(folder)

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


class LibraryPlan(Json):
    name = "mine.building/plan.json"

    def __init__(self, folder, library):
        self.library = Path(library)
        super().__init__(folder)

    def sound_content(self):
        self.path.parent.mkdir()
        (self.path.parent / "lock").touch()
        content = json.loads((self.library / "library.json").read_text())
        return {key: value for key, value in content.items() if key != "splits"}

    def attempt(self, random):
        kind = super().attempt(random)
        if (self.folder / "mine").exists():
            _remove(self.folder / "mine")
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


def groups(folder):
    """Makers of all groups by name, in a folder of their own each; dear ones are made when used."""
    plain = [
        *(FitsTable, EcsvTable, Cube, Image, BinMap, VelocityMap, SspGrid, InstrumentFile),
        *(PriorFile, ModelJson, RunState, RunSettings, Checksums, MapPlan, MapProgress),
    ]
    found = {kind.__name__: partial(kind, folder / kind.__name__) for kind in plain}
    for kind in (LibraryJson, LibraryShard, LibraryPlan):
        found[kind.__name__] = partial(_with_library, kind, folder)
    return {**found, "WholeMap": partial(_with_model, folder)}


def _with_library(kind, folder):
    from phangs_sfh.library import writer

    if not (folder / "library").exists():
        writer.write_library(folder / "library", 12, workers=1)
    return kind(folder / kind.__name__, folder / "library")


def _with_model(folder):
    from fake_model import write_fake_model

    from phangs_sfh.prediction.model import load_model

    return WholeMap(folder / "WholeMap", load_model(write_fake_model(folder / "model")))
