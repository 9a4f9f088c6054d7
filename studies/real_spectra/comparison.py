"""Real spectra with public data, through this model and through pPXF.

None is redistributed: the two SDSS spectra are in the ppxf wheel, the MaNGA spectra in the
sdss-mangadap wheel, and the MUSE spectrum is that of the demo (mpdaf's cube).
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy.table import QTable

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.emission_lines import window_mask
from phangs_sfh.observations.demo_spectrum import demo_spectrum
from phangs_sfh.observations.table import observations_from_table
from phangs_sfh.peers.ppxf import SCALARS, PpxfPeer, require_ppxf
from phangs_sfh.plots.rebuilt import rebuild_to_data
from phangs_sfh.prediction import predict

SDSS = ("NGC3073", "NGC3522")
MANGA = Path("mangadap") / "data" / "tests" / "MaNGA_test_spectra.fits.gz"
MANGA_NAMES = ("8131-6102", "8131-3702", "8258-6102", "8329-1901", "8138-12704")
MANGA_NAMES += ("7815-6101 a", "7815-6101 b", "9494-3703")
LOWEST_SN = 10.0
FLUX_UNIT = u.Unit("1e-17 erg / (s cm2 AA)")


@dataclass(frozen=True)
class Comparison:
    """One spectrum through both codes.

    Attributes
    ----------
    name : str
    redshift : float
    sn : float, median S/N per pixel on the grid
    wave : (n_pixels,) array [Å]
    flux, error : (n_pixels,) arrays, in units of the median; error 0 where not used
    rebuilt : (n_pixels,) array, mean spectrum of our posterior, times a cubic
    chi2 : float, reduced, of ``rebuilt``
    sigma : float [km/s], fitted to our spectrum
    table : result-table row, dict of values
    draws : dict of posterior samples
    peer : peers.ppxf.PpxfAnswer
    """

    name: str
    redshift: float
    sn: float
    wave: np.ndarray
    flux: np.ndarray
    error: np.ndarray
    rebuilt: np.ndarray
    chi2: float
    sigma: float
    table: dict
    draws: dict
    peer: object


def sdss_table(name):
    """One of the SDSS spectra in the ppxf wheel as an input table."""
    require_ppxf()
    path = Path(find_spec("ppxf").origin).parent / "spectra" / f"{name}_SDSS_DR18.fits"
    with fits.open(path) as hdus:
        t, z = hdus["COADD"].data, float(hdus["SPECOBJ"].data["z"].item())
        return _table(10.0 ** t["loglam"].astype(float), t["flux"], t["ivar"], z)


def manga_tables(folder):
    """The MaNGA spectra of S/N over 10 in an unpacked sdss-mangadap wheel, by name.

    Raises
    ------
    InputError
        If they are not there.
    """
    path = Path(folder) / MANGA
    if not path.is_file():
        raise InputError(f"{path}: missing; unzip the wheel of sdss-mangadap==4.5.0 there")
    tables = {}
    with fits.open(path) as hdus:
        wave, z = hdus["WAVE"].data, hdus["Z"].data
        for number, name in enumerate(MANGA_NAMES):
            flux, ivar = hdus["FLUX"].data[number], hdus["IVAR"].data[number]
            ivar = np.where(hdus["MASK"].data[number] > 0, 0.0, ivar)
            if np.median(flux * np.sqrt(ivar)) > LOWEST_SN:
                tables[f"MaNGA {name}"] = _table(wave, flux, ivar, float(z[number]))
    return tables


def demo_table():
    """The MUSE spectrum of the demo: centre of the brightest galaxy of Abell 478."""
    return demo_spectrum()


def _table(wave, flux, ivar, redshift):
    with np.errstate(divide="ignore"):
        error = np.where(ivar > 0, 1.0 / np.sqrt(np.maximum(ivar, 1e-30)), 0.0)
    table = QTable()
    table["redshift"] = [redshift]
    table["wave"] = np.asarray(wave, float)[None] * u.AA
    table["flux"] = np.asarray(flux, float)[None] * FLUX_UNIT
    table["flux_err"] = error[None] * FLUX_UNIT
    table.meta["WAVEMED"] = "vacuum"
    return table


def all_tables(mangadap=None):
    """Input tables by name; MaNGA's only if ``mangadap`` names the unpacked wheel."""
    tables = {name.replace("NGC", "NGC "): sdss_table(name) for name in SDSS}
    if mangadap:
        tables |= manga_tables(mangadap)
    return tables | {"Abell 478 (MUSE)": demo_table()}


def compare(tables, model, bootstraps=0, progress=None):
    """Ask both codes about each table's first row.

    Parameters
    ----------
    tables : dict of QTable by name
    model : prediction.model.Model
    bootstraps : int, of pPXF
    progress : callable given the number of spectra done

    Returns
    -------
    comparisons : list of Comparison
    """
    from phangs_sfh.galaxy.forward_model import ForwardModel
    from phangs_sfh.ssp.engines import load_ssp

    forward, peer = ForwardModel(load_ssp(), model.instrument), PpxfPeer()
    found = []
    for name, table in tables.items():
        observed = observations_from_table(
            table, model.instrument, source=name, mask_emission_lines=model.masks_emission_lines
        )
        answer = predict.predict(observed, model)
        draws = {name: values[0].astype(float) for name, values in model.sample(observed).items()}
        flux, error = observed.flux[0].astype(float), observed.flux_err[0].astype(float)
        used = error > 0
        level = np.median(flux[used])
        flux, error = flux / level, error / level
        # Stars alone are rebuilt: lines would pull the polynomial.
        stars = np.where(window_mask(model.instrument.wave), 0.0, error)
        rebuilt = rebuild_to_data(forward, draws, flux, stars)
        clear = stars > 0
        chi2 = float(np.mean(((flux - rebuilt.flux)[clear] / error[clear]) ** 2))
        found.append(
            Comparison(
                name=name,
                redshift=float(table["redshift"][0]),
                sn=float(np.median(flux[used] / error[used])),
                wave=model.instrument.wave,
                flux=flux,
                error=error,
                rebuilt=rebuilt.flux,
                chi2=chi2,
                sigma=rebuilt.sigma_v,
                table={key: np.asarray(getattr(answer[key], "value", answer[key]))[0]
                       for key in answer.colnames},
                draws=draws,
                peer=peer.fit(flux, error, bootstraps=bootstraps),
            )
        )  # fmt: skip
        progress and progress(1)
    return found


def markdown(comparisons):
    """Both codes' numbers side by side."""
    from phangs_sfh.evaluation.report.markdown import table

    header = ["spectrum", "z", "S/N", "code", "log age, mass", "log age, light", "[M/H], mass"]
    header += ["[M/H], light", "σ [km/s]", "χ²", "surprise", "flag"]
    rows = []
    for one in comparisons:
        cells = []
        for name in SCALARS:
            low, middle, high = (float(one.table[f"{name}_{q}"]) for q in ("p16", "p50", "p84"))
            cells.append(f"{middle:.2f} +{high - middle:.2f} −{middle - low:.2f}")
        last = [f"{one.sigma:.0f}", f"{one.chi2:.2f}", f"{float(one.table['surprise']):.2f}"]
        last.append(str(int(one.table["flag"])))
        rows.append([one.name, f"{one.redshift:.4f}", f"{one.sn:.0f}", "ours", *cells, *last])
        rows.append(["", "", "", "pPXF", *(_peer_cell(one.peer, name) for name in SCALARS)])
        rows[-1] += [f"{one.peer.sigma:.0f}", f"{one.peer.chi2:.2f}", "", ""]
    return table(header, rows)


def differences(comparisons):
    """Mean and rms of ours minus pPXF's, in words."""
    parts = []
    for name in SCALARS:
        gap = [float(one.table[f"{name}_p50"]) - getattr(one.peer, name) for one in comparisons]
        rms = float(np.sqrt(np.mean(np.square(gap))))
        parts.append(f"{np.mean(gap):+.2f} ({rms:.2f}) in {name}")
    return f"Ours minus pPXF, mean (rms) of {len(comparisons)}: " + ", ".join(parts) + " [dex]."


def _peer_cell(peer, name):
    value = f"{getattr(peer, name):.2f}"
    if not peer.bootstraps:
        return value
    limits = peer.percentiles(name)
    return f"{value} ({limits['p16']:.2f} to {limits['p84']:.2f})"


def draw(comparisons):
    """Spectra with both models, residuals, and both histories; a matplotlib Figure."""
    from matplotlib.figure import Figure

    from phangs_sfh.galaxy import ages

    figure = Figure(figsize=(15, 2.1 * len(comparisons) + 0.6), layout="constrained")
    axes = figure.subplots(len(comparisons), 2, width_ratios=[3.2, 1], squeeze=False)
    places = np.arange(ages.N_BINS)
    for one, (left, right) in zip(comparisons, axes, strict=True):
        used = one.error > 0
        left.plot(one.wave, np.where(used, one.flux, np.nan), color="0.35", lw=0.6, label="data")
        left.plot(one.wave, one.rebuilt, color="#0072B2", lw=0.9, label="ours, rebuilt")
        left.plot(one.peer.wave, one.peer.bestfit, color="#D55E00", lw=0.7, label="pPXF")
        low, high = np.percentile(one.flux[used], [0.3, 99.3])
        gap = high - low
        theirs = np.interp(one.wave, one.peer.wave, one.peer.bestfit)
        for model, colour, shift in ((one.rebuilt, "#0072B2", 0.15), (theirs, "#D55E00", 0.4)):
            residual = np.where(used, one.flux - model, np.nan)
            residual = np.clip(residual, -0.12 * gap, 0.12 * gap)
            left.plot(one.wave, low - shift * gap + residual, ".", ms=1.2, color=colour)
        left.set(ylim=(low - 0.6 * gap, high + 0.25 * gap), xlim=(one.wave[0], one.wave[-1]))
        left.set_title(
            f"{one.name}, z = {one.redshift:.4f}, S/N {one.sn:.0f}", loc="left", fontsize=9
        )
        left.tick_params(labelsize=8)
        left.set_ylabel("flux / median", fontsize=8)
        share = one.draws["sfh"]
        low, middle, high = np.percentile(share, [16, 50, 84], axis=0)
        right.fill_between(places, low, high, step="mid", color="#0072B2", alpha=0.3)
        right.step(places, middle, where="mid", color="#0072B2", label="ours, 68 %")
        right.step(places, one.peer.sfh, where="mid", color="#D55E00", label="pPXF")
        right.set_yscale("log")
        right.set_ylim(1e-5, 1.5)
        right.tick_params(labelsize=7)
        right.set_ylabel("mass fraction", fontsize=8)
        right.set_xticks(places[::2], [""] * len(places[::2]))
    axes[0, 0].legend(fontsize=8, frameon=False, ncols=3, loc="upper right")
    axes[0, 1].legend(fontsize=7, frameon=False)
    axes[-1, 0].set_xlabel("rest wavelength, air [Å]; below: residuals on the same scale")
    axes[-1, 1].set_xticks(places[::2], [f"{x:g}" for x in ages.EDGES_MYR[:-1:2]], fontsize=7)
    axes[-1, 1].set_xlabel("lookback time, start of bin [Myr]")
    return figure
