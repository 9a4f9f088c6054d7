"""The spectra of the benchmark: test galaxies observed once, given alike to every code."""

import hashlib
from dataclasses import dataclass

import numpy as np

from phangs_sfh.observations.rest_frame import INPUTS

SIGNAL_TO_NOISE = 50
PRIOR = "broad"
BLOCK = 250
VELOCITY = {"distribution": "uniform", "low": -26.0, "high": 26.0}
"""[km/s], of good redshifts: what is further off is no fair test of a code that is given one."""
TEST_SEED = 990_001
"""Reserved: galaxies drawn with it are in no library, unless one is made with this very seed."""


@dataclass(frozen=True)
class Spectra:
    """Observations and truths.

    Attributes
    ----------
    inputs : dict of ``flux``, ``flux_err`` (n, n_pixels), ``band_flux``, ``band_flux_err``
        (n, n_bands) float32 arrays
    truth : dict of ``sfh``, ``mh`` (n, 16) and scalars (n,)
    instrument : instrument.description.Instrument
    source : str, in words
    """

    inputs: dict
    truth: dict
    instrument: object
    source: str

    def __len__(self):
        return len(self.inputs["flux"])

    def row(self, index):
        """The four input arrays of one spectrum, in the order of ``INPUTS``."""
        return tuple(self.inputs[name][index] for name in INPUTS)

    def fingerprint(self, index):
        """Text that changes if anything in the inputs of one spectrum does."""
        parts = b"".join(np.ascontiguousarray(x, dtype="<f4").tobytes() for x in self.row(index))
        return hashlib.sha256(parts).hexdigest()[:16]


def prior():
    """The benchmark's prior, of stars as the library has them: fitting codes know no others."""
    from phangs_sfh.problems.histories.priors import load_prior

    kept = load_prior(PRIOR)
    del kept["assumptions"]
    kept["kinematics"] = kept["kinematics"] | {"velocity": VELOCITY}
    return kept


def conditions(masks_lines=False, sn=SIGNAL_TO_NOISE):
    """S/N per pixel as given, all five bands, nothing missing."""
    from phangs_sfh.library.observing import ObservingConditions

    return ObservingConditions.fixed(sn, masked_lines=float(masks_lines))


def from_library(library, n, seed=0, masks_lines=False):
    """The first ``n`` galaxies of a library's test split.

    Parameters
    ----------
    library : library.records.Library

    Raises
    ------
    InputError
        If the split is empty or damaged.
    """
    from phangs_sfh.library import records

    found = records.load(library, "test", n)
    truth = {name: found[name] for name in library.labels.names}
    source = f"test split of {library.folder}"
    return observed(found, truth, library.instrument, seed, masks_lines, source)


def drawn(instrument, n, seed=0, masks_lines=False, ssp="bc03"):
    """``n`` new galaxies of the released prior, from a seed that no library can have."""
    from phangs_sfh.galaxy.forward_model import ForwardModel
    from phangs_sfh.problems.histories import LABELS, simulator
    from phangs_sfh.ssp.engines import load_ssp

    forward = ForwardModel(load_ssp(ssp), instrument)
    rng = np.random.default_rng(np.random.SeedSequence([TEST_SEED, 0, 0, seed]))
    whole = -(-n // simulator.CHUNK) * simulator.CHUNK  # so that fewer are the first of more
    chunks = list(simulator.galaxies(forward, prior(), rng, whole))
    columns = {name: np.concatenate([chunk[name] for chunk in chunks])[:n] for name in chunks[0]}
    truth = {name: columns[name] for name in LABELS.names}
    source = f"prior '{PRIOR}', {ssp}, seed {TEST_SEED}/{seed}"
    return observed(columns, truth, instrument, seed, masks_lines, source)


def observed(noiseless, truth, instrument, seed, masks_lines, source, sn=SIGNAL_TO_NOISE):
    """Observe galaxies once.

    Parameters
    ----------
    noiseless : dict with ``spectrum`` (n, n_pixels) and ``bands`` (n, n_bands); bands that are not
        finite are missing
    """
    import tensorflow as tf

    from phangs_sfh.library import observing

    spectrum = np.asarray(noiseless["spectrum"], np.float32)
    bands = np.asarray(noiseless["bands"], np.float32)
    known = np.isfinite(bands)
    bands = np.where(known, bands, 1.0)
    parts = []
    for number, start in enumerate(range(0, len(spectrum), BLOCK)):
        count = len(spectrum[start : start + BLOCK])
        # A block's noise depends on its size: filled up, fewer galaxies are the first of more.
        full = {
            kind: np.resize(x[start : start + BLOCK], (BLOCK, x.shape[1]))
            for kind, x in (("spectrum", spectrum), ("bands", bands))
        }
        seeds = tf.constant([seed, TEST_SEED + number])
        block = observing.observe(full, instrument, conditions(masks_lines, sn), seeds)
        parts.append({name: np.asarray(values)[:count] for name, values in block.items()})
    inputs = {name: np.concatenate([part[name] for part in parts]) for name in INPUTS}
    for name in ("band_flux", "band_flux_err"):
        inputs[name] = np.where(known, inputs[name], np.float32(0))
    return Spectra(inputs, truth, instrument, source)
