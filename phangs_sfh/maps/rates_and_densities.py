"""What maps hold beside the columns of the result table: star formation rates and densities.

Surface densities need no distance: surface brightness falls with
redshift alone, by (1 + z)^5 per Å (Tolman 1930). Nothing is corrected for inclination.
"""

from dataclasses import dataclass

import numpy as np

from phangs_sfh.files.fits_units import SCALE
from phangs_sfh.instrument.constants import ARCSEC_PER_RADIAN, PARSEC, SOLAR_LUMINOSITY
from phangs_sfh.instrument.emission_lines import window_mask
from phangs_sfh.prediction.results import PERCENTILES

WINDOWS_MYR = (10, 100)
"""Times over which star formation rates are averaged, up to now [Myr]."""

PC2_PER_KPC2 = 1e6

DENSITY = "logsigma"
"""Name of the stellar mass surface density."""

MIN_BAND_COVERAGE = 0.5
"""Share of the luminosity band that a spectrum must cover to stand in for it."""

SLOPE_WINDOWS = ((4800.0, 5500.0), (5700.0, 7000.0))
"""Where the slope is measured that continues a spectrum over the rest of the band [Å]."""


@dataclass(frozen=True)
class MapQuantity:
    """A quantity with percentiles, in dex.

    Attributes
    ----------
    name : str, of the columns without percentile
    unit : str
    meaning : str
    source : name of the model's answer that it is made of
    needs : 'light' (surface brightness and spaxel area) or 'distance' too
    offset : float, added to the source besides light and area [dex]
    """

    name: str
    unit: str
    meaning: str
    source: str
    needs: str = "light"
    offset: float = 0.0

    @property
    def columns(self):
        return [f"{self.name}_{p}" for p in PERCENTILES]


def _rates(name, unit, meaning, needs, offset=0.0):
    return [
        MapQuantity(
            f"{name}{t}", unit, f"log10 of star formation rate over the last {t} Myr, {meaning}",
            f"lograte{t}", needs, offset,
        )
        for t in WINDOWS_MYR
    ]  # fmt: skip


QUANTITIES = (
    MapQuantity(
        DENSITY, "dex(solMass / pc2)", "log10 of stellar mass formed per area as projected",
        "logml", "light",
    ),
    *_rates("logsigsfr", "dex(solMass / (yr kpc2))", "per area as projected", "light",
            offset=np.log10(PC2_PER_KPC2)),
    MapQuantity(
        "logmass", "dex(solMass)", "log10 of stellar mass formed, in the spaxel", "logml",
        "distance",
    ),
    *_rates("logsfr", "dex(solMass / yr)", "in the spaxel", "distance"),
)  # fmt: skip
"""In the order of the map file. ``lograteT`` is the rate per luminosity, ``logml`` the mass."""


def quantities(light=False, distance=False):
    """Those that can be given (list of MapQuantity)."""
    known = {"light": light, "distance": light and distance}
    return [q for q in QUANTITIES if known[q.needs]]


def derived(answers, light, light_error, area, wanted):
    """Columns of ``quantities`` from a model's answers.

    Percentiles of a product with the light, whose error is independent of the posterior's: their
    distances from the median grow by it in quadrature.

    Parameters
    ----------
    answers : dict of (n,) arrays, ``NAME_p16`` ...
    light : (n,) array, log10 of the luminosity per area [L_sun / pc2], NaN = unknown
    light_error : (n,) array [dex]
    area : float, of a spaxel [pc2]; or None without distance
    wanted : list of MapQuantity

    Returns
    -------
    columns : dict of (n,) float32 arrays
    """
    columns = {}
    for quantity in wanted:
        low, middle, high = (np.asarray(answers[f"{quantity.source}_{p}"]) for p in PERCENTILES)
        spread = [np.hypot(low - middle, light_error), np.hypot(high - middle, light_error)]
        middle = middle + light + quantity.offset
        if quantity.needs == "distance":
            middle = middle + np.log10(area)
        low, high = middle - spread[0], middle + spread[1]
        for name, values in zip(quantity.columns, (low, middle, high), strict=True):
            columns[name] = values.astype(np.float32)
    return columns


def surface_luminosity(flux, spaxel_area, instrument, redshift=0.0):
    """log10 of the luminosity per area [L_sun / pc2] in the luminosity band, dust included.

    Seen face-on: no correction for inclination. Needs no distance. The band is the rest frame's;
    a band observed at z < 0.02 is taken for it.

    Parameters
    ----------
    flux : array [1e-20 erg / (s cm2 Å)] in spaxels of ``spaxel_area`` [arcsec2]; NaN = missing
    redshift : float or array like ``flux``
    """
    per_area = flux * SCALE / spaxel_area * (4 * np.pi) * (ARCSEC_PER_RADIAN * PARSEC) ** 2
    per_area = per_area * (1 + redshift) ** 5
    with np.errstate(divide="ignore", invalid="ignore"):
        light = np.log10(per_area / SOLAR_LUMINOSITY / instrument.solar_luminosity)
    return np.where(np.isfinite(light), light, np.nan)


class SpectralLight:
    """The luminosity band seen through a rest-frame spectrum that covers most of it.

    The mean over the part of the band that is covered, times what a power law of the spectrum's own
    slope says of the whole band against that part.

    Parameters
    ----------
    instrument : Instrument
    """

    def __init__(self, instrument):
        wave = instrument.wave
        band = instrument.modelled_bands[instrument.luminosity_index]
        self.weight = np.interp(wave, band.wave, band.throughput, 0, 0) * wave
        self.weight /= np.trapezoid(band.throughput * band.wave, band.wave)
        self.weight *= wave[1] - wave[0]
        self.coverage = self.weight.sum()
        lines = window_mask(wave)
        self.windows = [(wave >= a) & (wave < b) & ~lines for a, b in SLOPE_WINDOWS]
        self.columns = np.column_stack([self.weight, *self.windows]).astype(np.float32)
        self.useful = self.coverage >= MIN_BAND_COVERAGE and all(w.any() for w in self.windows)
        if self.useful:
            self._tabulate(band, wave)

    def _tabulate(self, band, wave):
        """Whole band against the covered part, for slopes d ln f / d ln λ from -6 to 6."""
        self.slopes = np.linspace(-6, 6, 49)
        inside = (band.wave >= wave[0]) & (band.wave <= wave[-1])
        weight = band.throughput * band.wave
        whole, part = (
            np.trapezoid(
                (band.wave[keep, None] / 5400.0) ** self.slopes * weight[keep, None],
                band.wave[keep], axis=0,
            ) / np.trapezoid(weight[keep], band.wave[keep])
            for keep in (np.ones(len(inside), bool), inside)
        )  # fmt: skip
        self.whole_to_part = whole / part
        middles = [np.exp(np.log(wave[w]).mean()) for w in self.windows]
        self.lever = np.log(middles[1] / middles[0])

    def __call__(self, flux, error):
        """Mean flux in the band and its error, (n,), NaN where too little of it is covered.

        Parameters
        ----------
        flux, error : (n, n_pixels) arrays, error 0 = missing
        """
        if not self.useful:
            return np.full(len(flux), np.nan), np.full(len(flux), np.nan)
        good = (error > 0).astype(np.float32)
        with np.errstate(all="ignore"):
            totals, covered = np.where(good > 0, flux, 0) @ self.columns, good @ self.columns
            part, blue, red = (totals / covered).T
            slope = np.log(red / blue) / self.lever
            factor = np.interp(slope, self.slopes, self.whole_to_part)
            noise = np.sqrt((error**2) @ self.columns[:, 0] ** 2) / covered[:, 0]
        enough = (covered[:, 0] >= MIN_BAND_COVERAGE) & np.isfinite(factor)
        return np.where(enough, part * factor, np.nan), np.where(enough, noise * factor, np.nan)
