"""A made-up galaxy seen by MUSE and HST without noise, and the truth of each pixel.

The galaxy is sampled at the scale of the HST images. Light and mass go through the same PSF, so
the truth of a pixel is that of the mixture whose light it holds: masses add up, ages and
metallicities are means weighted by the mass (or light) of all that is mixed.

PSFs are Gaussian, as those of the PHANGS-MUSE mosaics are made to be.
"""

from dataclasses import dataclass, replace

import numpy as np

from phangs_sfh.galaxy import ages
from phangs_sfh.galaxy.forward_model import ForwardModel
from phangs_sfh.instrument.constants import (
    ARCSEC_PER_RADIAN,
    FWHM_PER_SIGMA,
    PARSEC,
    SOLAR_LUMINOSITY,
)
from phangs_sfh.instrument.refraction import rest_air
from phangs_sfh.maps.input.image_matching import TRUNCATE, spaxel_kernel
from studies.map_proof.mock_galaxy import MockGalaxy

PC2_PER_KPC2 = 1e6
UNIT = 1e-20  # erg / (s cm2 Å)
CHANNEL = 1.25  # [Å]
RECENT_MYR = (10, 100)


@dataclass(frozen=True)
class Setup:
    """How the galaxy is observed.

    Attributes
    ----------
    n : spaxels along a side
    spaxel : their size [arcsec]
    fine : image pixels along a spaxel's side, odd
    cube_fwhm, image_fwhm : PSFs [arcsec]
    matched_fwhm : PSF that images are brought to where they are mapped alone [arcsec]
    redshift : float
    seed : int, of the galaxy's knots
    """

    n: int = 60
    spaxel: float = 0.2
    fine: int = 5
    cube_fwhm: float = 0.8
    image_fwhm: float = 0.08
    matched_fwhm: float = 0.2
    redshift: float = 0.0024
    seed: int = 1

    @property
    def pixel(self):
        """Size of an image pixel [arcsec]."""
        return self.spaxel / self.fine

    @property
    def margin(self):
        """Image pixels around the cube's field whose light reaches it."""
        sigma = self.cube_fwhm / FWHM_PER_SIGMA / self.pixel
        return int(np.ceil(TRUNCATE * sigma + self.fine / 2))

    @property
    def n_fine(self):
        return self.n * self.fine + 2 * self.margin


@dataclass(frozen=True)
class MockObservation:
    """The galaxy without noise.

    Attributes
    ----------
    setup : Setup
    wave : (n_channels,) array [Å], observed, air
    cube : (n_channels, n, n) float32 array [1e-20 erg / (s cm2 Å)] per spaxel
    band_names : list of str
    images : (n_bands, m, m) array [erg / (s cm2 Å arcsec2)], larger than the cube's field
    cube_truth : dict of (n, n) or (16, n, n) arrays, see ``truth``
    image_truth : the same of image pixels, at the PSF that images are brought to
    """

    setup: Setup
    wave: np.ndarray
    cube: np.ndarray
    band_names: list
    images: np.ndarray
    cube_truth: dict
    image_truth: dict


def observed_instrument(instrument, redshift):
    """Grid, LSF and bands of an instrument in the rest frame of a galaxy that it looks at.

    Returns
    -------
    wave : (n,) array [Å], a MUSE cube's channels, observed, air
    instrument : Instrument, the same channels at rest; its LSF is that of the observed wavelength,
        and its bands are those that fall onto the telescope's
    """
    z1 = 1 + redshift
    low, high = instrument.wave[[0, -1]] * z1
    first = 4750.0 + CHANNEL * np.ceil((low - 4750.0) / CHANNEL)
    wave = np.arange(first, high, CHANNEL)
    order = np.arange(len(instrument.lsf_fwhm_coefficients))[::-1]
    return wave, replace(
        instrument,
        wave=rest_air(wave, redshift, vacuum=False),
        lsf_fwhm_coefficients=tuple(instrument.lsf_fwhm_coefficients * z1 ** (order - 1.0)),
        bands=tuple(replace(band, wave=band.wave / z1) for band in instrument.bands),
    )


def observe(ssp, instrument, setup=None):
    """Look at a mock galaxy.

    Parameters
    ----------
    ssp : ssp.grid.SSPGrid
    instrument : Instrument
    setup : Setup

    Returns
    -------
    observation : MockObservation
    """
    setup = setup or Setup()
    wave, shifted = observed_instrument(instrument, setup.redshift)
    forward = ForwardModel(ssp, shifted)
    galaxy = MockGalaxy(forward, setup.seed)
    to_cube, to_image, to_matched = kernels(setup)
    axis = (np.arange(setup.n_fine) - (setup.n_fine - 1) / 2) * setup.pixel
    cube = np.zeros((setup.n, setup.n, len(wave)), np.float32)
    planes = None
    for row in range(setup.n_fine):
        place = galaxy.at(axis, np.full_like(axis, axis[row]))
        spectra, bands = forward.noiseless(place.stars, place.screen, place.gas)
        blurred = to_cube @ (place.density[:, None] * spectra).astype(np.float32)
        for spaxel_row in np.flatnonzero(to_cube[:, row]):
            cube[spaxel_row] += to_cube[spaxel_row, row] * blurred
        sums = _sums(forward, place, bands)
        if planes is None:
            planes = np.empty((sums.shape[1], setup.n_fine, setup.n_fine))
        planes[:, row] = sums.T
    brightness = surface_brightness(1.0, setup.redshift)
    cube *= np.float32(brightness * setup.spaxel**2 / UNIT)
    images = brightness * (to_image @ planes[: shifted.n_bands] @ to_image.T)
    return MockObservation(
        setup=setup, wave=wave, cube=np.ascontiguousarray(np.moveaxis(cube, -1, 0)),
        band_names=shifted.band_names, images=images,
        cube_truth=truth(to_cube @ planes @ to_cube.T, shifted),
        image_truth=truth(to_matched @ planes @ to_matched.T, shifted),
    )  # fmt: skip


def surface_brightness(luminosity, redshift):
    """[erg / (s cm2 Å arcsec2)] of a luminosity per area [L_sun / Å / pc2] (Tolman 1930)."""
    per_area = luminosity * SOLAR_LUMINOSITY / PARSEC**2 / (1 + redshift) ** 5
    return per_area / (4 * np.pi * ARCSEC_PER_RADIAN**2)


def kernels(setup):
    """One-dimensional operators, PSF and pixel together, rows summing to 1: from the fine grid to
    spaxels (n, n_fine), to image pixels (m, n_fine), and to these at the matched PSF."""
    centres = setup.margin + setup.fine * np.arange(setup.n) + setup.fine // 2
    sigma = setup.cube_fwhm / FWHM_PER_SIGMA / setup.pixel
    to_cube = _operator(spaxel_kernel(sigma, setup.fine), centres, setup.n_fine)
    images = [
        spaxel_kernel(fwhm / FWHM_PER_SIGMA / setup.pixel, 1.0)
        for fwhm in (setup.image_fwhm, setup.matched_fwhm)
    ]
    reach = max(len(kernel) for kernel in images) // 2
    centres = np.arange(reach, setup.n_fine - reach)
    operators = [_operator(kernel, centres, setup.n_fine) for kernel in images]
    return to_cube.astype(np.float32), *operators


def _operator(kernel, centres, n_fine):
    reach = len(kernel) // 2
    operator = np.zeros((len(centres), n_fine))
    for row, centre in zip(operator, centres, strict=True):
        row[centre - reach : centre + reach + 1] = kernel
    return operator


def _sums(forward, place, bands):
    """What adds up when places are mixed, per pc2, (n, n_sums): see ``truth``."""
    stars, light0 = place.stars, forward.templates.luminosity.ravel()
    labels = forward.labels(stars, bands)
    mass = place.density
    light = mass * (forward.ssp_weights(stars) @ light0)
    dimmed = light * 10 ** (-0.4 * place.screen.av)
    by_bin = mass[:, None] * labels["sfh"]
    width = np.diff(forward.cell_edges)
    recent = [
        mass * (stars.mass @ np.clip((1e6 * t - forward.cell_edges[:-1]) / width, 0, 1))
        for t in RECENT_MYR
    ]
    columns = [
        mass, light, dimmed, mass * labels["mw_logage"], light * labels["lw_logage"],
        mass * labels["mw_mh"], light * labels["lw_mh"], *recent,
    ]  # fmt: skip
    return np.concatenate(
        [mass[:, None] * bands, np.transpose(columns), by_bin, by_bin * labels["mh"]], axis=1
    )


def truth(sums, instrument):
    """True maps of mixtures.

    Parameters
    ----------
    sums : (n_sums, ny, nx) array from ``_sums``, blurred
    instrument : Instrument

    Returns
    -------
    truth : dict of (ny, nx) arrays, (16, ny, nx) for ``sfh`` and ``mh``
        All the columns of the result table, and what maps add: ``logsigma``, log10 of the mass
        formed [M_sun / pc2]; ``logssfr10``, ``logssfr100`` and ``logsigsfr10``, ``logsigsfr100``,
        log10 of the star formation rate over the last 10 and 100 Myr, per mass formed [1 / yr] and
        per area [M_sun / yr / kpc2].
        ``av`` is the one A_V by which the diffuse dust dims the mixture's light in F555W: less
        than the mean, since dust hides most of the light that it lies on
    """
    n_bands, n_scalars = instrument.n_bands, 7 + len(RECENT_MYR)
    bands, scalars = sums[:n_bands], sums[n_bands : n_bands + n_scalars]
    by_bin, mh_by_bin = np.split(sums[n_bands + n_scalars :], [ages.N_BINS])
    mass, light, dimmed, mass_age, light_age, mass_mh, light_mh = scalars[:7]
    observed = bands[instrument.band_names.index(instrument.luminosity_band)]
    recent = {}
    for t, part in zip(RECENT_MYR, scalars[7:], strict=True):
        rate = np.log10(part / (t * 1e6))  # [M_sun / yr / pc2]
        recent[f"logssfr{t}"] = rate - np.log10(mass)
        recent[f"logsigsfr{t}"] = rate + np.log10(PC2_PER_KPC2)
    return {
        "sfh": by_bin / mass,
        "mh": mh_by_bin / by_bin,
        "mw_logage": mass_age / mass,
        "lw_logage": light_age / light,
        "mw_mh": mass_mh / mass,
        "lw_mh": light_mh / light,
        "logml": np.log10(mass * instrument.solar_luminosity / observed),
        "av": -2.5 * np.log10(dimmed / light),
        "logsigma": np.log10(mass),
        **recent,
    }
