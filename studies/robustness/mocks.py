"""Mock galaxies made of another stellar library, of nothing but what that library holds."""

import numpy as np

from phangs_sfh.galaxy.forward_model import ForwardModel, Stars
from phangs_sfh.peers.benchmark import sample
from studies.robustness import foreign_ssps

SMALLEST_SHARE = 0.2
"""Mass that a galaxy of the prior must have in ages that the library holds."""


def restricted(stars, cell_edges, age_limits):
    """Stars of the covered ages alone.

    Parameters
    ----------
    stars : galaxy.forward_model.Stars
    cell_edges : (n_cells + 1,) array [yr]
    age_limits : youngest and oldest age of the library [yr]

    Returns
    -------
    stars : Stars with masses summing to 1 again; as they were where too little was left
    kept : (n,) bool array, False there
    """
    middle = np.sqrt(np.maximum(cell_edges[1:] * cell_edges[:-1], 1.0))
    inside = (middle >= age_limits[0]) & (middle <= max(age_limits[1], cell_edges[-1]))
    mass = stars.mass * inside
    share = mass.sum(axis=1)
    kept = share >= SMALLEST_SHARE
    mass = np.where(kept[:, None], mass / np.maximum(share, SMALLEST_SHARE)[:, None], stars.mass)
    return Stars(mass, stars.mh), kept


def mocks(grid, instrument, n, seed=0, sn=sample.SIGNAL_TO_NOISE, masks_lines=False):
    """Observed galaxies of the released prior, with the stars of ``grid``.

    Galaxies have no stars younger than the library, and no bands beyond its wavelengths.

    Parameters
    ----------
    grid : ssp.grid.SSPGrid
    instrument : instrument.description.Instrument
    n : int
    seed : int; two grids with the same age limits get much the same galaxies

    Returns
    -------
    spectra : sample.Spectra
    """
    from phangs_sfh.problems.histories import LABELS
    from phangs_sfh.problems.histories.population import draw_galaxies
    from phangs_sfh.problems.histories.simulator import CHUNK, recent_rates

    forward = ForwardModel(grid, instrument)
    prior = sample.prior()
    rng = np.random.default_rng([sample.TEST_SEED, 1, 0, seed])
    limits = grid.provenance.get("covered_age", [0.0, np.inf])
    parts, count = [], 0
    while count < n:
        stars, screen, gas, nuisance = draw_galaxies(prior, rng, CHUNK, forward)
        stars, kept = restricted(stars, forward.cell_edges, limits)
        spectrum, bands = forward.noiseless(stars, screen, gas)
        level = np.median(spectrum, axis=1, keepdims=True)
        labels = forward.labels(stars, bands)
        labels |= recent_rates(stars.mass, forward.cell_edges, rng)
        columns = {"spectrum": spectrum / level, "bands": bands / level, **nuisance, **labels}
        parts.append({name: values[kept] for name, values in columns.items()})
        count += int(kept.sum())
    columns = {name: np.concatenate([part[name] for part in parts])[:n] for name in parts[0]}
    covered = foreign_ssps.covered_bands(grid, instrument)
    columns["bands"] = np.where(covered, columns["bands"], np.nan)
    truth = {name: columns[name] for name in LABELS.names}
    source = f"stars of {grid.provenance.get('engine', 'bc03')}, prior '{sample.PRIOR}'"
    return sample.observed(columns, truth, instrument, seed, masks_lines, source, sn)
