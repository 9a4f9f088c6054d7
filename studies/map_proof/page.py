"""The words of docs/map_proof.md, around the tables."""

import numpy as np

from phangs_sfh.evaluation.report import markdown
from phangs_sfh.problems.histories.labels import SFH
from studies.map_proof import against_truth, comparisons
from studies.map_proof.mock_files import MUSE_SECONDS, Errors

REAL_HEADING = "## A real cube, and pPXF on the same bins"

TITLE = """# Maps: proof

Written by `python -m studies.map_proof --real minicube.fits`.
"""

TRUTH = """## A galaxy with a known truth

A spiral of {n} x {n} spaxels is made with the forward model
(`studies/map_proof/mock_galaxy.py`): old metal-rich bulge, disc with gradients of age and
metallicity, arms whose stars are the older the further downstream, star-forming knots, dust lanes,
gas. How much ionising light escapes, the dust of birth clouds and gas and the slope of the dust law
wander over it. MUSE sees it with a PSF of {cube_fwhm} arcsec, {seconds:.0f} s, photon and read
noise (S/N {low:.0f} to {high:.0f} per pixel of a spaxel), HST in five bands with pixels of
{pixel:.2f} arcsec, a PSF of {image_fwhm} and the exposures of PHANGS-HST. Flux calibration is wrong
by {calibration:g} % rms over the spectrum and by {zero_point:g} % in each band, which no error
array tells. The truth of a spaxel is that of the mixture which its PSF collects: means weighted by
all mass, or light, in it. Its A_V is the one that dims the mixture's light as the diffuse dust did.
Model: {model}.

![Truth, recovered, and their difference over the error](map_truth.png)

Bias: median of posterior median minus truth. Scatter: 1.4826 MAD. Error: half the 68 % interval. In
68 %: truths inside it [%]. In 95 %: truths inside twice its half-widths, 95 % if the posterior were
Gaussian. Star formation is compared where the true rate over 10 Myr per mass formed is above
10^{forming} / yr: below that, an answer means "none found". Intervals are calibrated over the
prior. This is one galaxy, whose spaxels are alike, so that biases here need not average out; and
where the data say little, answers are drawn to the prior: sorted by the truth, low rates come out
high.

{overall}
By S/N of the spaxel, cube and images:

{by_snr}
By bin of age, cube and images: log10 of the mass fraction (truth with the floor of {floor:g}), and
[M/H]. The second column is the median of the true fractions.

{by_bin}
### Do bands sharpen the map of young stars?

![Star formation over 10 Myr: truth, images, cube and images, cube](map_young.png)

By the true log SFR over 10 Myr per mass formed [1 / yr]:

{young}
In pixels of {pixel:.2f} arcsec, log SFR over 10 Myr [M_sun / yr / kpc2] against the truth at a PSF
of {matched} arcsec, to which the images are brought where they are mapped alone, and where that
truth is above the same limit. Maps of the cube are enlarged to these pixels.

{fine}
{times}"""

REAL = (
    REAL_HEADING
    + """

The cube in mpdaf's wheel: the brightest galaxy of Abell 478 (z = {redshift}), 8 by 8 arcsec, 900 s
with MUSE. Lines of its cooling gas, sodium and the sky are masked in DQ. `map --snr {target:g}
--bin-covariance {covariance:g}` makes {n} bins of it (S/N {low:.0f} to {high:.0f}). Dust of the
Milky Way is not removed, so that A_V is the sum. There are no bands.

![Abell 478 mapped](map_abell478.png)

pPXF 9.5 fits the mean spectra of the same bins with templates of the same BC03 grid
(`phangs_sfh/peers/ppxf.py`); a polynomial takes up dust and flux calibration, so there is
no A_V. It is regularised by its documentation's recipe (regul = {regul:.3g}). Its errors are from
{bootstraps} bootstraps of each bin; reduced χ² is {chi2:.2f} in the median, {chi2_low:.2f} to
{chi2_high:.2f}. σ: both errors in quadrature. Both codes see the same noise: if nothing else
parted them, differences would be well below σ. Medians over the bins:

{table}
![Maps of both, and their difference](map_real.png)

Time, on the machine that made this page: `map` {said}, {seconds:.0f} s from start to end with the
figure; pPXF {fits:.0f} s for its fits, {each:.0f} ms a bin, and {boot:.0f} s for the bootstraps.
"""
)


def truth_page(maps, truths, setup, model, times):
    """Text on the made-up galaxy.

    Parameters
    ----------
    maps : dict of path by run
    truths : comparisons.Truths
    setup : mock_observation.Setup
    model : str
    times : dict of (what ``map`` said, seconds from start to end) by run
    """
    truth, head, errors = truths.spaxels, against_truth.HEADINGS, Errors()
    snr = comparisons.snr_map(maps["both"])
    by_snr = comparisons.class_rows(
        maps["both"], truth, comparisons.DRAWN, against_truth.classes(snr, comparisons.SNR_EDGES),
        forming=True,
    )  # fmt: skip
    bin_head = [f"{what}: {h}" for what in ("log fraction", "[M/H]") for h in head[1:5]]
    said = [
        f"{comparisons.WORDS[run]} {text}, {seconds:.0f} s from start to end"
        for run, (text, seconds) in times.items()
    ]
    return TRUTH.format(
        n=setup.n, cube_fwhm=setup.cube_fwhm, image_fwhm=setup.image_fwhm, pixel=setup.pixel,
        matched=setup.matched_fwhm, seconds=MUSE_SECONDS, low=np.nanmin(snr),
        high=np.nanmax(snr), model=model,
        calibration=100 * errors.calibration, zero_point=100 * errors.zero_point,
        forming=comparisons.FORMING, floor=SFH.floor,
        times=f"Time, on the machine that made this page: {'; '.join(said)}.\n" if said else "",
        overall=markdown.table(["quantity", "data", *head], comparisons.overall_rows(maps, truth)),
        by_snr=markdown.table(["quantity", "S/N", *head], by_snr),
        by_bin=markdown.table(
            ["bin", "fraction", *bin_head], comparisons.bin_rows(maps["both"], truth)
        ),
        young=markdown.table(
            ["quantity", "true", "data", *head], comparisons.young_rows(maps, truth)
        ),
        fine=markdown.table(["data", *head], comparisons.Young(maps, truths).rows()),
    )  # fmt: skip


def real_page(peer, rows, redshift, target, covariance, bootstraps, said, seconds):
    """Text on the real cube: pPXF's fits, rows of the table, and how ``map`` was run."""
    n = len(peer.chi2)
    return REAL.format(
        redshift=redshift, target=target, covariance=covariance, n=n, low=peer.snr.min(),
        high=peer.snr.max(), bootstraps=bootstraps, regul=peer.regul, chi2=np.median(peer.chi2),
        chi2_low=peer.chi2.min(), chi2_high=peer.chi2.max(),
        table=markdown.table(comparisons.REAL_HEADINGS, rows), said=said, seconds=seconds,
        fits=peer.seconds, each=1e3 * peer.seconds / n, boot=peer.seconds_bootstraps,
    )  # fmt: skip


def write_page(path, truth, real=None):
    """Write the page; without ``real`` what an earlier page says of the real cube stays."""
    old = path.read_text() if path.exists() else ""
    if real is None:
        real = old[old.index(REAL_HEADING) :] if REAL_HEADING in old else ""
    path.write_text(f"{TITLE}\n{truth}\n{real}".rstrip() + "\n")
