"""Errors of the stellar library itself: every draw is another library that might be the true one.

Libraries differ in structure, not in noise: in their scales of age and metallicity, the depth of
their lines, their mass-to-light ratios and their continua, the more so in the ultraviolet. A
network trained on one library alone is sure of answers that the next library would not give. So
each draw moves the SSPs along all of these, smoothly in age, [M/H] and wavelength, and the labels
are those of the moved library.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from scipy import sparse
from scipy.interpolate import CubicSpline
from scipy.ndimage import uniform_filter1d

LINE_SCALE = 0.02  # in ln λ, about 110 Å: what is narrower is called lines
STRENGTH_SCALE = 0.03  # in ln λ: features nearer than this change depth together
CONTINUUM_SCALE = 0.2  # in ln λ
AGE_SCALE = 1.0  # [dex] in age
MH_SCALE = 0.7  # [dex] in [M/H]
NODES_PER_SCALE = 4
ULTRAVIOLET = (2700.0, 4500.0)  # [Å] from full to none of the ultraviolet's extra error
ELEMENTS = {
    "Mg": ((5175.0, 30.0),),
    "Na": ((5893.0, 15.0),),
    "Ca": ((6122.0, 12.0), (6162.0, 12.0)),
    "TiO": ((6000.0, 60.0), (6220.0, 60.0), (6750.0, 80.0)),
}
"""Features that models get wrong on their own, by element: centre and width (σ) [Å]."""
AMPLITUDES = (0.25, 1.75)  # of a whole draw: libraries agree better in some respects than in others


@dataclass(frozen=True)
class SSPErrors:
    """How far libraries differ: standard deviations.

    The defaults are 1.6 times the offsets that full spectral fitting and networks show on mocks of
    libraries they do not know: with the offsets themselves, answers were still too sure of galaxies
    of MIUSCAT stars (docs/robustness.md).

    Attributes
    ----------
    age : of the age scale [dex]
    mh : of the metallicity scale [dex]
    mass_to_light : of the mass-to-light ratio [dex]
    lines : of the depth of lines, relative
    continuum : of the continuum in the optical, relative
    ultraviolet : of the continuum at 2700 Å, relative
    common_age, common_mh : of a shift of the age and metallicity scales that is the same for all
        stars of a library [dex]: it moves all answers alike and leaves gradients
    elements : of the depth of each of ``ELEMENTS``, relative
    """

    age: float = 0.32
    mh: float = 0.48
    mass_to_light: float = 0.08
    lines: float = 0.24
    continuum: float = 0.05
    ultraviolet: float = 0.24
    common_age: float = 0.0
    common_mh: float = 0.0
    elements: float = 0.0


NAMES = tuple(f.name for f in fields(SSPErrors))


class Fields:
    """Draws of smooth Gaussian random functions on fixed points, unit variance.

    Parameters
    ----------
    *axes : pairs of an (n,) array of coordinates and the correlation length in its units. Points
        of several axes are combined as an outer product, the first axis slowest.
    """

    def __init__(self, *axes):
        self.roots = [self._root(np.asarray(x, float), scale) for x, scale in axes]

    @staticmethod
    def _root(x, scale):
        """Square root of the covariance, (n, m): from few nodes, since nothing varies faster."""
        n_nodes = 2 + int(np.ceil(NODES_PER_SCALE * np.ptp(x) / scale))
        nodes = np.linspace(x.min(), x.max(), n_nodes)
        covariance = np.exp(-0.5 * ((nodes[:, None] - nodes[None, :]) / scale) ** 2)
        values, vectors = np.linalg.eigh(covariance)
        kept = values > 1e-4 * values[-1]
        root = CubicSpline(nodes, vectors[:, kept] * np.sqrt(values[kept]))(x)
        return root.astype(np.float32)

    def draw(self, rng):
        """One function, shape (n_first, n_second, ...)."""
        values = rng.standard_normal([root.shape[1] for root in self.roots]).astype(np.float32)
        for axis, root in enumerate(self.roots):
            values = np.moveaxis(np.tensordot(root, values, (1, axis)), 0, axis)
        return values


class ErrorModel:
    """Draws other libraries from prepared SSPs.

    Parameters
    ----------
    templates : templates.Templates
    errors : SSPErrors
    other : templates.Templates of another library with the same ages and wavelengths, optional
    share : of the way to it that a draw goes, lowest and highest (uniform); 1 is the other
        library, below 0 and over 1 lie libraries that differ the same way
    """

    def __init__(self, templates, errors, other=None, share=(0.0, 1.0)):
        self.templates, self.errors, self._share = templates, errors, share
        n_log = len(templates.log_wave)
        self._log_rows = np.log(np.maximum(templates.rows, 1e-30))
        step = np.log(templates.log_wave[1] / templates.log_wave[0])
        self._width = int(LINE_SCALE / step) | 1
        self._lines = self._lines_of(self._log_rows[:, :n_log])
        log_age = np.log10(templates.age)
        self._log_age, self._mh = log_age, np.asarray(templates.mh)
        self._way = None if other is None else self._way_to(other)
        self._of_ssp = Fields((log_age, AGE_SCALE), (self._mh, MH_SCALE))
        self._of_line = Fields((np.log(templates.log_wave), STRENGTH_SCALE))
        self._of_elements = np.array(
            [
                sum(np.exp(-0.5 * ((templates.log_wave - at) / width) ** 2) for at, width in bands)
                for bands in ELEMENTS.values()
            ],
            np.float32,
        )
        wave = np.concatenate([templates.log_wave, templates.slice_wave])
        self._of_wave = Fields((np.log(wave), CONTINUUM_SCALE))
        low, high = ULTRAVIOLET
        share = np.clip((high - wave) / (high - low), 0.0, 1.0)
        self._colour_error = np.hypot(errors.continuum, errors.ultraviolet * share)
        tilt = (log_age - log_age.mean()) / np.ptp(log_age)
        self._tilt = np.repeat(tilt, len(self._mh))[:, None].astype(np.float32)

    def _lines_of(self, spectra):
        return spectra - uniform_filter1d(spectra, self._width, axis=1, mode="nearest")

    def _way_to(self, other):
        """Difference of log rows at the same [M/H], beyond what both have that at the end."""
        n_age = len(self._log_age)
        mh = np.clip(self._mh, other.mh[0], other.mh[-1])
        theirs = np.log(np.maximum(other.rows, 1e-30)).reshape(n_age, len(other.mh), -1)
        own = self._log_rows.reshape(n_age, len(self._mh), -1)
        way = _at_mh(theirs, other.mh, mh) - _at_mh(own, self._mh, mh)
        way = way.reshape(self._log_rows.shape).astype(np.float32)
        self._way_of_lines = self._lines_of(way[:, : len(self.templates.log_wave)])
        return way

    def draw(self, rng):
        """Templates of another library, with the same shapes."""
        t, errors = self.templates, self.errors
        amplitude = rng.uniform(*AMPLITUDES)
        n_log = len(t.log_wave)
        log_rows, lines = self._log_rows, self._lines
        if self._way is not None:
            part = np.float32(rng.uniform(*self._share))
            log_rows, lines = log_rows + part * self._way, lines + part * self._way_of_lines
        common_age, common_mh = rng.standard_normal(2)
        moved = self._moved(
            amplitude * errors.age * self._of_ssp.draw(rng) + errors.common_age * common_age,
            amplitude * errors.mh * self._of_ssp.draw(rng) + errors.common_mh * common_mh,
        )
        rows = moved @ log_rows
        depth = amplitude * errors.lines * self._of_line.draw(rng)
        elements = rng.standard_normal(len(ELEMENTS)).astype(np.float32)
        depth = depth + amplitude * errors.elements * (elements @ self._of_elements)
        rows[:, :n_log] += depth * (moved @ lines)
        rows += amplitude * self._colours(rng)
        light = amplitude * errors.mass_to_light * np.log(10.0) * self._of_ssp.draw(rng)
        rows += light.reshape(-1, 1)
        np.exp(rows, out=rows)
        band = t.luminosity_slices
        luminosity = rows[:, n_log:][:, band].sum(axis=1).reshape(t.luminosity.shape)
        return replace(t, rows=rows, luminosity=luminosity.astype(float))

    def _moved(self, age_shift, mh_shift):
        """Matrix that reads each SSP at another age and [M/H]: (n_ssp, n_ssp), bilinear.

        Beyond the grid [M/H] is extrapolated from its last interval, age is held.
        """
        n_age, n_z = age_shift.shape
        age = np.interp(self._log_age[:, None] + age_shift, self._log_age, np.arange(n_age))
        wanted = self._mh + mh_shift
        z = np.clip(np.searchsorted(self._mh, wanted) - 1, 0, n_z - 2)
        z_part = (wanted - self._mh[z]) / (self._mh[z + 1] - self._mh[z])
        first = np.clip(age.astype(int), 0, n_age - 2)
        part = age - first
        columns, weights = [], []
        for i, in_age in ((0, 1 - part), (1, part)):
            for j, in_z in ((0, 1 - z_part), (1, z_part)):
                columns.append(((first + i) * n_z + z + j).ravel())
                weights.append((in_age * in_z).ravel())
        rows = np.tile(np.arange(n_age * n_z), 4)
        content = np.concatenate(weights).astype(np.float32), (rows, np.concatenate(columns))
        return sparse.csr_array(content, shape=(n_age * n_z, n_age * n_z))

    def _colours(self, rng):
        """Smooth relative errors of the continuum, (n_ssp, n_columns): common and with age."""
        common, with_age = (
            (self._colour_error * self._of_wave.draw(rng)).astype(np.float32) for _ in range(2)
        )
        return common + self._tilt * with_age


def _at_mh(values, mh, wanted):
    """Values (n_age, n_z, n) at other [M/H] (n_new,), linear between nodes."""
    place = np.interp(wanted, mh, np.arange(len(mh)))
    low = np.minimum(place.astype(int), len(mh) - 2)
    part = (place - low).astype(np.float32)[:, None]
    return (1 - part) * values[:, low] + part * values[:, low + 1]
