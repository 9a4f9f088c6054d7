"""Galaxies made by bagpipes (Carnall et al. 2018): BC03 stars, but histories, enrichment and dust
that are not drawn from any prior of this package.

A galaxy has one to three components out of bagpipes' own: double power laws (from the Big Bang on),
delayed τ models, constants, log-normals and bursts, each of one metallicity, and one of three kinds
of dust. There is no gas. The line-spread function is the instrument's; all before it is bagpipes'.

The truth is that of the SSPs that bagpipes adds up. It has 42 ages, 0.1 dex apart, and between its
metallicities it mixes stars in proportion to Z: [M/H] is the mean over the stars that are in.
"""

import os
import tempfile
from itertools import product

import numpy as np

from phangs_sfh.galaxy import ages, kinematics

KINDS = {
    ("dblplaw1", "dblplaw2"): 0.2,
    ("delayed1", "delayed2"): 0.2,
    ("delayed", "burst"): 0.15,
    ("lognormal", "constant"): 0.15,
    ("dblplaw", "burst"): 0.1,
    ("constant", "burst"): 0.05,
    ("delayed", "constant", "burst"): 0.1,
    ("burst",): 0.05,
}
"""Components of a galaxy and how many have them; the first holds the most mass, as a rule."""
DUST = ("CF00", "Calzetti", "Cardelli")
Z_SUN = 0.02
MH_LIMITS = (-2.3, 0.4)
FINE = 0.5  # [Å]
R_SPEC = 10000.0  # two points each: a tenth of the resolution of the stars
R_PHOT = 1000.0
LIBRARY_FWHM = 2.5  # [Å]


def draw(rng, kind, dust):
    """``model_components`` of one galaxy.

    Parameters
    ----------
    rng : numpy Generator
    kind : key of ``KINDS``
    dust : one of ``DUST``
    """
    metal_poor = rng.random() < 0.15
    mh = rng.uniform(-2.3, -1.0) if metal_poor else rng.normal(-0.35, 0.35)
    share = np.cumprod(np.append(1.0, 10 ** rng.uniform(-2.0, 0.0, len(kind) - 1)))
    content = {"redshift": 0.0, "t_bc": 0.01, "veldisp": rng.uniform(20.0, 250.0)}
    for number, name in enumerate(kind):
        component = _COMPONENTS[name.rstrip("12")](rng, number > 0, len(kind) == 1)
        z = 10 ** np.clip(mh, *MH_LIMITS)
        content[name] = component | {"metallicity": z, "massformed": 10 + np.log10(share[number])}
        mh += rng.uniform(-0.15, 0.5)
    av = min(rng.exponential(0.5), 3.0)
    content["dust"] = {"type": dust, "Av": av, "eta": rng.uniform(1.0, 3.0)}
    if dust == "CF00":
        content["dust"]["n"] = rng.uniform(0.4, 1.3)
    return content


def _dblplaw(rng, late, alone):
    peak = rng.uniform(5.0, 13.0) if late else rng.uniform(0.5, 12.0)  # [Gyr] since the Big Bang
    alpha, beta = 10 ** rng.uniform(-1.0, 2.0, 2)
    return {"tau": peak, "alpha": alpha, "beta": beta}


def _delayed(rng, late, alone):
    age = 10 ** rng.uniform(-1.0, 0.9) if late else rng.uniform(5.0, 13.5)
    return {"age": age, "tau": 10 ** rng.uniform(-0.7, 1.2)}


def _constant(rng, late, alone):
    begin = 10 ** rng.uniform(-2.0, 0.7) if late else rng.uniform(5.0, 13.5)
    end = begin * rng.uniform(0.0, 0.8) if rng.random() < 0.3 else 0.0
    return {"age_max": begin, "age_min": end}


def _lognormal(rng, late, alone):
    return {"tmax": rng.uniform(1.0, 11.0), "fwhm": rng.uniform(0.5, 12.0)}


def _burst(rng, late, alone):
    return {"age": 10 ** (rng.uniform(-0.5, 1.12) if alone else rng.uniform(-2.3, 0.7))}


_COMPONENTS = {
    "dblplaw": _dblplaw,
    "delayed": _delayed,
    "constant": _constant,
    "lognormal": _lognormal,
    "burst": _burst,
}


class Maker:
    """bagpipes for one instrument; leaves files with the bands' throughputs where it is made.

    Parameters
    ----------
    instrument : instrument.description.Instrument
    """

    def __init__(self, instrument):
        import bagpipes

        bagpipes.config.max_redshift = 0.01
        bagpipes.config.R_spec, bagpipes.config.R_phot = R_SPEC, R_PHOT
        self._bagpipes, self._instrument = bagpipes, instrument
        self._log_wave, step = kinematics.log_grid(instrument.wave)
        self._resample = kinematics.resampling_matrix(self._log_wave, instrument.wave)
        self._wave = np.arange(self._log_wave[0] - 25, self._log_wave[-1] + 25, FINE)
        self._filters = [f"{band.name}.txt" for band in instrument.bands]
        for name, band in zip(self._filters, instrument.bands, strict=True):
            np.savetxt(name, np.transpose([band.wave, band.throughput]))
        self._light = None
        config = bagpipes.config
        self._middle = 0.5 * (config.age_bins[1:] + config.age_bins[:-1])
        self._mh = np.log10(config.metallicities)

    def make(self, rng, kind, dust, n):
        """``n`` galaxies of one kind.

        Returns
        -------
        columns : dict of arrays: noiseless ``spectrum`` and ``bands`` in units of the spectrum's
            median; ``mw_logage``, ``lw_logage``, ``mw_mh``, ``lw_mh``, ``logml``, ``av``, ``sfh``,
            ``mh`` and ``cmf``, the share of the mass older than the younger edge of each bin
        """
        rows, model = [], None
        for _ in range(n):
            content = draw(rng, kind, dust)
            if model is None:
                model = self._bagpipes.model_galaxy(
                    content, self._filters, self._wave, phot_units="ergscma"
                )
                if self._light is None:
                    self._light = self._dust_free_light(model)
            else:
                model.update(content)
            if not model.sfh.unphysical:
                rows.append(self._truth(model, content) | self._observables(model))
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def _dust_free_light(self, model):
        """F555W luminosity of each SSP, (n_z, n_age)."""
        band = self._instrument.bands[self._instrument.band_names.index("F555W")]
        wave = model.wavelengths
        weight = np.interp(wave, band.wave, band.throughput, 0, 0) * wave * np.gradient(wave)
        return np.einsum("w,wza->za", weight / weight.sum(), model.stellar.grid)

    def _observables(self, model):
        flux = model.spectrum[:, 1][None]
        matched = kinematics.match_lsf(
            flux, self._wave, self._instrument, LIBRARY_FWHM, self._log_wave
        )
        spectrum = (self._resample.T @ matched.T).T[0]
        level = np.median(spectrum)
        return {"spectrum": spectrum / level, "bands": model.photometry / level}

    def _truth(self, model, content):
        mass = model.sfh.ceh.grid / model.sfh.ceh.grid.sum()
        light = mass * self._light
        total = light.sum()
        light = light / total
        log_age = np.log10(self._middle)
        edges = self._bagpipes.config.age_bins
        younger = np.append(0.0, np.cumsum(mass.sum(axis=0)))
        at_edges = np.interp(ages.EDGES_YR, edges, younger)
        at_edges[-1] = 1.0
        metals = np.append(0.0, np.cumsum(mass.T @ self._mh))
        sfh = np.diff(at_edges)
        with np.errstate(invalid="ignore", divide="ignore"):
            mh = np.diff(np.interp(ages.EDGES_YR, edges, metals)) / sfh
        return {
            "mw_logage": mass.sum(axis=0) @ log_age,
            "lw_logage": light.sum(axis=0) @ log_age,
            "mw_mh": mass.sum(axis=1) @ self._mh,
            "lw_mh": light.sum(axis=1) @ self._mh,
            "av": content["dust"]["Av"],
            "sigma_v": content["veldisp"],
            "sfh": sfh,
            "mh": mh,
            "cmf": 1.0 - at_edges[:-1],
        }


def galaxies(instrument, n, seed):
    """About ``n`` galaxies of all kinds, shuffled: dict as from ``Maker.make`` and ``kind`` (n,).

    Parameters
    ----------
    instrument : instrument.description.Instrument
    n : int
    seed : int
    """
    rng = np.random.default_rng([seed, 77])
    home, parts = os.getcwd(), []
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # bagpipes writes into the folder it is imported in
        try:
            maker = Maker(instrument)
            for (number, kind), dust in product(enumerate(KINDS), DUST):
                count = round(n * KINDS[kind] / len(DUST))
                columns = maker.make(rng, kind, dust, count)
                parts.append(columns | {"kind": np.full(len(columns["av"]), number)})
        finally:
            os.chdir(home)
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = rng.permutation(len(whole["av"]))
    return {name: values[order] for name, values in whole.items()}
