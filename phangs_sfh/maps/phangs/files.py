"""What a file of PHANGS holds, by its name: of the team's folders, of ESO's and of MAST's archive.

============ ==========================================================
cube         ``NGC3627-1.05asec.fits``, ``NGC3627.fits``,
             ``NGC3627-150pc.fits``, ``NGC3627-15asec.fits``,
             ``NGC3627_PHANGS_DATACUBE_copt_1.05asec.fits``
DAP maps     ``NGC3627-1.05asec_MAPS.fits``
star mask    ``NGC3627_starmask.fits``
mosaic       ``ngc3627_uvis_f275w_exp_drc_sci.fits``,
             ``hlsp_phangs-hst_..._exp-drc-sci.fits``
its errors   ``..._err_drc_wht.fits``, ``..._err-drc-wht.fits``
============ ==========================================================
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from phangs_sfh.maps.input.image_header import FILTER

COPT, NATIVE, COARSE, PHYSICAL = "copt", "native", "15asec", "150pc"
RESOLUTIONS = (COPT, NATIVE, PHYSICAL, COARSE)
"""Of cubes, the better choice first: one PSF over the whole mosaic, then the sharpest."""

CUBE, MAPS, STARS, IMAGE, ERROR, OTHER = "cube", "maps", "star mask", "image", "error", "other"


@dataclass(frozen=True)
class PhangsFile:
    """A file and what its name tells."""

    path: Path

    @cached_property
    def words(self):
        """Words of the name in small letters (list of str)."""
        return re.split(r"[^a-z0-9.]+", self.path.stem.lower())

    @property
    def resolution(self):
        """Of a cube or of DAP maps, one of ``RESOLUTIONS``."""
        name = self.path.name.lower()
        if COPT in self.words or re.search(r"-\d+\.\d+asec", name):
            return COPT
        return next((kind for kind in (COARSE, PHYSICAL) if kind in self.words), NATIVE)

    @property
    def kind(self):
        """CUBE, MAPS, STARS, IMAGE, ERROR or OTHER."""
        words, name = set(self.words), self.path.stem.lower()
        if any(re.fullmatch(FILTER, word.upper()) for word in words):
            if {"err", "wht"} <= words:
                return ERROR
            return OTHER if words & {"err", "wht", "ivar", "weight"} else IMAGE
        if "star" in name and "mask" in name:
            return STARS
        if "maps" in words:
            return MAPS
        plain = re.fullmatch(r"(ngc|ic)\d+(-\d+(\.\d+)?asec|-\d+pc)?", name)
        return CUBE if plain or "datacube" in words else OTHER

    def of(self, galaxy):
        """True if the name has the galaxy's in it, with or without its zeros."""
        found = re.fullmatch(r"([A-Z]+)0*(\d+)", galaxy.name)
        pattern = rf"(?<![a-z0-9]){found[1].lower()}[ _-]?0*{found[2]}(?!\d)"
        return re.search(pattern, self.path.name.lower()) is not None

    def goes_with(self, image):
        """True if these are the errors of an image: what differs is what says so."""
        said = {"exp", "err", "sci", "wht"}
        return [w for w in self.words if w not in said] == [w for w in image.words if w not in said]


def files_of(folder, galaxy):
    """All FITS files of a galaxy below a folder, in order (list of PhangsFile)."""
    files = (PhangsFile(path) for path in sorted(Path(folder).rglob("*.fits")))
    return [file for file in files if file.of(galaxy) and not file.path.name.startswith(".")]
