"""Data of users, damaged and given to their readers: tables, cubes, images, maps, SSP grids."""

import damage
import numpy as np
from hostile_reader import Reader
from input_tables import INSTRUMENT, make_table
from promise import keeps
from small_cube import REDSHIFT, write_cube, write_image, write_map

from phangs_sfh.files.whole import remove

NY, NX = 2, 3


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
                remove(left)
        return kind

    def read(self):
        from phangs_sfh.maps.map_cube import map_cube

        map_cube(
            self.path, self.folder / "maps.fits", model=self.model, redshift=REDSHIFT,
            images={"F275W": self.folder / "image.fits"}, psf=0.6,
        )  # fmt: skip


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


KINDS = (FitsTable, EcsvTable, Cube, Image, BinMap, VelocityMap, SspGrid)
"""Made in a folder alone."""
