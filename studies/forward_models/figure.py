"""docs/peers.png: spectra of both codes with residuals, and differences in the bands."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from phangs_sfh.instrument.description import load_instrument


def draw(bagpipes_file, fsps_file, output):
    """Spectra of both codes with residuals, and differences in the bands."""
    with np.load(bagpipes_file) as first, np.load(fsps_file) as second:
        peers = [("bagpipes 1.3.6", dict(first)), ("FSPS, surrogate MILES", dict(second))]
    rows = [(peer, c, n) for peer, c in peers for n in range(len(c["names"]))]
    figure, axes = plt.subplots(
        len(rows), 3, figsize=(13, 1.75 * len(rows)), width_ratios=[3, 3, 1.3], squeeze=False
    )
    names = load_instrument().band_names
    for (peer, c, n), (top, rest, bands) in zip(rows, axes, strict=True):
        level = np.median(c["spectra"][n])
        used = c["continuum"] | ("gas" not in str(c["names"][n]))
        top.plot(c["wave"], c["spectra"][n] / level, color="0.6", lw=2.2, label=peer)
        top.set_ylim(*np.quantile(c["spectra"][n][used] / level, [0, 1]) + [-0.15, 0.15])
        top.plot(c["wave"], c["our_spectra"][n] / level, color="C3", lw=0.7, label="phangs-sfh")
        top.set_title(f"{c['names'][n]}", fontsize=9, loc="left")
        top.legend(fontsize=7, frameon=False, loc="lower center", ncols=2)
        percent = 100 * (c["our_spectra"][n] / c["spectra"][n] - 1)
        rest.axhspan(-1, 1, color="0.92")
        percent[~used] = np.nan
        rest.plot(c["wave"], percent, color="C3", lw=0.6)
        rest.set_ylim(-3, 3)
        rest.set_title(f"difference [%], rms {np.sqrt(np.nanmean(percent**2)):.2f}", fontsize=9)
        magnitudes = -2.5 * np.log10(np.asarray(c["our_bands"][n]) / c["bands"][n])
        bands.axhspan(-0.02, 0.02, color="0.92")
        bands.plot(range(len(names)), magnitudes, "o", color="C3", ms=4)
        bands.set_xticks(range(len(names)), [name[1:4] for name in names], fontsize=8)
        bands.set_ylim(-0.05, 0.05)
        bands.set_title("bands [mag]", fontsize=9)
    for axis in axes[-1, :2]:
        axis.set_xlabel("rest wavelength, air [Å]")
    figure.tight_layout()
    Path(output).parent.mkdir(exist_ok=True)
    figure.savefig(output, dpi=110)
