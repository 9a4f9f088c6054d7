"""What an error image holds: standard deviations, variances or inverse variances, and is it true.

Its extension, its BUNIT and its name are asked in this order; then the image itself, whose sky
must scatter as the errors say. PHANGS-HST's error maps (``..._err_drc_wht.fits``) hold inverse
variances and say so nowhere but in their name; ``..._exp..._wht.fits`` are exposure times.
"""

import re
from dataclasses import dataclass

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.files import fits_units
from phangs_sfh.instrument.constants import SIGMA_PER_MAD
from phangs_sfh.maps.input.cube import DEVIATION, ERROR_NAMES, INVERSE, VARIANCE

KINDS = (DEVIATION, VARIANCE, INVERSE)
EXTENSIONS = {**ERROR_NAMES, "WHT": INVERSE}
EXPOSURES = ("EXP", "EXPTIME", "TIME")
"""Extensions with exposure times, which are no errors."""

SECONDS = ("S", "SEC", "SECOND", "SECONDS")

PHANGS_WORDS = {"err", "wht"}
WORDS = (
    (INVERSE, PHANGS_WORDS), (INVERSE, {"ivar"}), (INVERSE, {"ivm"}), (VARIANCE, {"var"}),
    (VARIANCE, {"variance"}), (DEVIATION, {"err"}), (DEVIATION, {"error"}), (DEVIATION, {"rms"}),
    (DEVIATION, {"sigma"}), (INVERSE, {"wht"}), (INVERSE, {"weight"}),
)  # fmt: skip
"""What the words of a file's name mean; the first line of which all are there counts."""

MAX_FACTOR = 3.0
"""The sky may scatter so many times more or less than the errors say."""

STRIPS, STRIP_ROWS, TILE, STEP = 16, 16, 64, 2
"""The sky is looked for in this many strips of so many rows, in tiles of this width; noise is taken
from second differences over this step [pixels], beyond the reach of most of drizzle's correlation
but too short for a galaxy's light to matter."""

SKY_SHARE = 0.1
"""Stars and arms only add scatter, so the quietest tenth of the tiles is taken for sky."""

MIN_PIXELS = 200
"""Good differences that a tile must have to count."""


@dataclass(frozen=True)
class ErrorKind:
    """What an error image holds, and what that was taken from."""

    kind: str
    source: str

    def __str__(self):
        return f"{self.kind} ({self.source})"


def kind_of(path, name, headers, unit, option=None):
    """What an error image holds.

    Parameters
    ----------
    path : Path
    name : str, of the extension, '' if it has none
    headers : astropy Headers, of the error image first
    unit : astropy unit of the image itself, or None
    option : one of ``KINDS``, the user's word

    Returns
    -------
    found : ErrorKind

    Raises
    ------
    InputError
        If it holds exposure times.
    """
    if option is not None:
        return ErrorKind(option, "--image-error-is")
    text = str(next((h["BUNIT"] for h in headers if h.get("BUNIT")), ""))
    words = set(re.split(r"[^a-z0-9]+", path.name.lower()))
    exposures = {"exp", "wht"} <= words and "err" not in words
    if name in EXPOSURES or text.upper() in SECONDS or (exposures and name not in EXTENSIONS):
        raise InputError(
            f"{path}: holds exposure times, not errors; give the error map (..._err_drc_wht.fits)"
        )
    if name in EXTENSIONS:
        return ErrorKind(EXTENSIONS[name], f"extension {name}")
    named = next((kind for kind, needed in WORDS if needed <= words), None)
    if not PHANGS_WORDS <= words and unit is not None:
        stated = fits_units.parse_unit(text)
        for kind, power in ((DEVIATION, 1), (VARIANCE, 2), (INVERSE, -2)):
            if stated is not None and stated == unit**power:
                return ErrorKind(kind, "BUNIT")
    return ErrorKind(named, "file name") if named else ErrorKind(DEVIATION, "assumed")


def deviation(values, kind):
    """Standard deviations of what an error image of some ``kind`` holds."""
    if kind == INVERSE:
        return values**-0.5
    return values if kind == DEVIATION else np.sqrt(values)


def check_noise(flux, error, found, band):
    """Compare the scatter of an image's sky with its errors.

    Parameters
    ----------
    flux, error : FitsBlocks
    found : ErrorKind
    band : str

    Returns
    -------
    warning : str, '' for none

    Raises
    ------
    InputError
        If they differ by more than ``MAX_FACTOR`` and the errors are too small, or what ``error``
        holds would fit if it were something else. Not if the user has said what it is.
    """
    scatter, value = _quiet_tiles(flux, error)
    if not len(scatter):
        return ""  # an image without noise, or without enough of it
    ratios = {k: float(np.quantile(scatter / deviation(value, k), SKY_SHARE)) for k in KINDS}
    off = ratios[found.kind]
    fits = [kind for kind in KINDS if 1 / MAX_FACTOR <= ratios[kind] <= MAX_FACTOR]
    if found.kind in fits:
        return ""
    text = (
        f"{error.path}: the sky of {band} scatters {off:.2g} times what the errors say if they are "
        f"{found.kind}s ({found.source})"
    )
    if found.source == "--image-error-is" or (not fits and off < 1):
        return f"{text}: errors are taken as they are"
    if fits:
        raise InputError(f"{text}; {fits[0]}s would fit: use --image-error-is '{fits[0]}'")
    raise InputError(
        f"{text}, nor would anything else fit; scale the errors, or say with --image-error-is what "
        "they are if the image has no sky"
    )


def _quiet_tiles(flux, error):
    """Scatter of the image and median of ``error`` in tiles all over it, two (n,) arrays."""
    _, ny, nx = flux.shape
    found = []
    for start in np.unique(np.linspace(0, max(ny - STRIP_ROWS, 0), STRIPS).astype(int)):
        rows = slice(start, min(start + STRIP_ROWS, ny))
        values, spread = (b.read(slice(0, 1), rows).reshape(-1, nx) for b in (flux, error))
        values[~(np.isfinite(spread) & (spread > 0))] = np.nan
        with np.errstate(all="ignore"):
            second = values[:, : -2 * STEP] - 2 * values[:, STEP:-STEP] + values[:, 2 * STEP :]
        for left in range(0, second.shape[1], TILE):
            part = second[:, left : left + TILE]
            good = np.isfinite(part)
            if np.count_nonzero(good) >= min(MIN_PIXELS, part.size):
                # the variance of second differences of independent pixels is six times theirs
                scatter = SIGMA_PER_MAD * np.median(np.abs(part[good])) / np.sqrt(6)
                middle = spread[:, left + STEP : left + STEP + part.shape[1]]
                found.append((scatter, np.median(middle[good])))
    tiles = np.array(found).reshape(-1, 2)
    return tiles[tiles[:, 0] > 0].T
