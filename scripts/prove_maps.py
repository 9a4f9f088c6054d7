"""``phangs-sfh map`` against a truth, and on a real cube against pPXF.

    python scripts/prove_maps.py                          # the made-up galaxy
    python scripts/prove_maps.py --real minicube.fits     # and the real cube; needs pPXF

writes docs/map_proof.md and the figures docs/map_truth.png, map_young.png and, with ``--real``,
map_real.png and map_abell478.png. The real cube is mpdaf/data/sdetect/minicube.fits in the wheel:

    pip download --no-deps mpdaf==3.6 && unzip mpdaf-3.6-*.whl mpdaf/data/sdetect/minicube.fits

Without ``--real`` what docs/map_proof.md says of the real cube stays as it is.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from astropy.io import fits

from phangs_sfh import ages, prediction
from phangs_sfh.evaluation import figures, map_ppxf, map_truth, markdown
from phangs_sfh.evaluation.map_truth_figure import Column, columns_figure, row_figure
from phangs_sfh.evaluation.mock_files import Errors, write_observation, write_truth
from phangs_sfh.evaluation.mock_observation import Setup, observe
from phangs_sfh.instrument import load_instrument
from phangs_sfh.network.targets import FRACTION_FLOOR as FLOOR
from phangs_sfh.ssp.engines import load_ssp

PAGE, REAL_HEADING = "map_proof.md", "## A real cube, and pPXF on the same bins"
DRAWN = ("lw_logage", "mw_mh", "av", "logsigma", "logsigsfr100")
SNR_EDGES = (0, 10, 15, 30, np.inf)
SSFR_EDGES = (-14, -11.5, -11, -10, -7)
RUNS = {"both": "cube and images", "cube": "cube alone"}

REAL_REDSHIFT = 0.0857
REAL_SNR, REAL_COVARIANCE = 20.0, 1.0
LINES = (4861.33, 4958.91, 5006.84, 5197.90, 5200.26, 5875.62, 6300.30, 6363.78, 6548.05, 6562.80,
         6583.45, 6678.15, 6716.44, 6730.82, 5889.95, 5895.92)  # fmt: skip
LINE_HALF_WIDTH = 900.0
SKY = ((5571, 5585), (5886, 5900), (6295, 6305), (6860, 6930), (7160, 7340), (7590, 7720))
COMPARED = ("mw_logage", "lw_logage", "mw_mh", "lw_mh", "av")


def run_map(*arguments, model=None):
    """Run the command as a user does; its last line and its wall-clock time [s]."""
    command = [str(Path(sys.executable).with_name("phangs-sfh")), "map", *map(str, arguments)]
    command += ["--overwrite"] + (["--model", str(model)] if model else [])
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise click.ClickException(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    said = done.stdout.strip().splitlines()[-1].split(": ", 1)[-1]
    click.echo(said)
    return said, seconds


def prove_truth(work, docs, model):
    """Make the galaxy, map it three ways, compare; returns the page's text."""
    setup, start = Setup(), time.perf_counter()
    observation = observe(load_ssp(), load_instrument(), setup)
    cube, images = write_observation(observation, work)
    write_truth(observation.cube_truth, work / "truth.fits", setup.spaxel)
    write_truth(observation.image_truth, work / "truth_images.fits", setup.pixel)
    click.echo(f"galaxy made in {time.perf_counter() - start:.0f} s")
    named = [x for name, path in images.items() for x in ("--image", f"{name}={path}")]
    named += ["--image-psf", setup.image_fwhm]
    z = ("--redshift", setup.redshift)
    maps = {name: work / f"maps_{name}.fits" for name in ("both", "cube", "images")}
    said = {
        "both": run_map(cube, "-o", maps["both"], *z, *named, "--psf", setup.cube_fwhm, model=model),
        "cube": run_map(cube, "-o", maps["cube"], *z, model=model),
        "images": run_map("-o", maps["images"], *z, *named, "--psf", setup.image_fwhm, "--grid",
                          "F555W", model=model),
    }  # fmt: skip
    truth, fine = observation.cube_truth, observation.image_truth
    draw_truth(maps["both"], truth, docs / "map_truth.png")
    young = Young(maps, truth, fine, setup)
    young.draw(docs / "map_young.png")
    return truth_page(maps, truth, young, said, setup)


def draw_truth(maps, truth, path):
    columns = []
    for name in DRAWN:
        answer = map_truth.read_answer(maps, name)
        columns.append(
            Column(
                name, (("truth", truth[name]), ("recovered", answer[1])),
                ("(recovered - truth) / error", map_truth.pull(answer, truth[name])),
            )
        )  # fmt: skip
    title = 'Made-up galaxy, 12" across: truth blurred by the PSF, and cube with images mapped'
    figures.save_figure(columns_figure(columns, title), path)


class Young:
    """The star formation rate over 10 Myr: by cube, by both, and by images alone at their scale."""

    NAME = "logsigsfr10"

    def __init__(self, maps, truth, fine, setup):
        self.truth = truth
        self.answers = {n: map_truth.read_answer(path, self.NAME) for n, path in maps.items()}
        shape = np.array(self.answers["images"].shape[1:])
        size = setup.n * setup.fine
        start = (shape - size) // 2
        field = (slice(start[0], start[0] + size), slice(start[1], start[1] + size))
        self.fine = fine[self.NAME][field]
        self.fine_ssfr = fine["logssfr10"][field]
        self.answers["images"] = self.answers["images"][:, field[0], field[1]]
        self.enlarged = {
            name: self.answers[name].repeat(setup.fine, 1).repeat(setup.fine, 2) for name in RUNS
        }

    def draw(self, path):
        panels = [
            ("truth, image pixels", self.fine),
            ("truth, MUSE PSF", self.truth[self.NAME]),
            ("cube alone", self.answers["cube"][1]),
            ("cube and images", self.answers["both"][1]),
            ("images alone, image pixels", self.answers["images"][1]),
        ]
        title = r"log SFR over 10 Myr [M$_\odot$ yr$^{-1}$ kpc$^{-2}$], posterior medians"
        figures.save_figure(row_figure(panels, self.NAME, title), path)

    def fine_rows(self):
        """Against the truth at the images' scale, where stars form."""
        chosen = self.fine_ssfr > SSFR_EDGES[1]
        answers = {"images alone": self.answers["images"]}
        answers |= {f"{RUNS[n]}, enlarged": self.enlarged[n] for n in reversed(RUNS)}
        return [
            [name, *map_truth.row(map_truth.recovery(answer, self.fine, chosen))]
            for name, answer in answers.items()
        ]


def truth_page(maps, truth, young, said, setup):
    head = map_truth.HEADINGS
    answers = {
        run: {name: map_truth.read_answer(maps[run], name) for name in map_truth.NAMES}
        for run in RUNS
    }
    forming = truth["logssfr10"] > SSFR_EDGES[1]
    overall = []
    for name, title in map_truth.NAMES.items():
        chosen = forming if "sfr" in name else None
        for run, words in RUNS.items():
            found = map_truth.recovery(answers[run][name], truth[name], chosen)
            overall.append([title, words, *map_truth.row(found)])
    with fits.open(maps["both"]) as hdus:
        snr = np.array(hdus["SNR"].data)
    by_snr = class_rows(answers["both"], truth, DRAWN, map_truth.classes(snr, SNR_EDGES))
    ssfr = map_truth.classes(truth["logssfr10"], SSFR_EDGES)
    by_ssfr = []
    for run, words in RUNS.items():
        rows = class_rows(answers[run], truth, ["logssfr10", "logssfr100"], ssfr)
        by_ssfr += [[words, *row] for row in rows]
    errors = Errors()
    speed = "".join(
        f"- {words}: {said[name][0]}; {said[name][1]:.0f} s from start to end.\n"
        for name, words in {**RUNS, "images": 'images alone, 0.04"'}.items()
    )
    return f"""## A galaxy with a known truth

A spiral of {setup.n} x {setup.n} spaxels is made with the forward model
(`phangs_sfh/evaluation/mock_galaxy.py`): old metal-rich bulge, disc with gradients of age and
metallicity, arms whose stars are the older the further downstream, star-forming knots, dust lanes,
gas. Escape of ionising light, dust of birth clouds and gas and the slope of the dust law wander
over it. It is seen by MUSE (PSF {setup.cube_fwhm}", {2600} s, photon and read noise, S/N
{np.percentile(snr, 1):.0f} to {np.percentile(snr, 99.9):.0f} per pixel of a spaxel) and by HST
(five bands, {setup.pixel}" pixels, PSF {setup.image_fwhm}", exposures of PHANGS-HST), with flux
calibration wrong by {100 * errors.calibration:g} % rms over the spectrum and {
        100 * errors.zero_point:g} %
in each band. The truth of a spaxel is that of the mixture its PSF collects; its A_V is the one that
dims the mixture's light as the diffuse dust did.

![Truth, recovered, and their difference over the error](map_truth.png)

Bias: median of posterior median minus truth. Scatter: 1.4826 MAD. Error: half the 68 % interval. In
68 %: truths inside it [%]. In 95 %: inside twice its half-widths, which is 95 % where the posterior
is Gaussian. Star formation is compared where the true rate over 10 Myr is above 10^{
        SSFR_EDGES[1]
    } per
year of the mass formed: below, an answer means "none found".

{markdown.table(["quantity", "data", *head], overall)}
By S/N of the spaxel, cube and images:

{markdown.table(["quantity", "S/N", *head], by_snr)}
By bin of age, cube and images: log10 of the mass fraction (with the floor of {FLOOR:g}), and [M/H]:

{
        markdown.table(
            [
                "bin",
                "true fraction",
                *(f"log fraction: {h}" for h in head[1:5]),
                *(f"[M/H]: {h}" for h in head[1:5]),
            ],
            bin_rows(maps["both"], truth),
        )
    }
### Do bands sharpen the map of young stars?

![Star formation over 10 Myr: truth, cube, cube and images, images](map_young.png)

By the true log SFR over 10 Myr per mass formed [1/yr]:

{markdown.table(["data", "quantity", "true", *head], by_ssfr)}
Against the truth at the scale of the images, log SFR over 10 Myr [M_sun / yr / kpc2], where it is
above the same limit (the cube's maps enlarged to image pixels):

{markdown.table(["data", *head], young.fine_rows())}
Time, on the machine that made this page:

{speed}
"""


def class_rows(answers, truth, names, chosen):
    return [
        [map_truth.NAMES[n], c, *map_truth.row(map_truth.recovery(answers[n], truth[n], pixels))]
        for n in names
        for c, pixels in chosen.items()
    ]


def bin_rows(maps, truth):
    sfh, mh = (map_truth.read_answer(maps, name) for name in ("sfh", "mh"))
    rows = []
    for k, label in enumerate(ages.labels()):
        fraction = np.log10(np.maximum(sfh[:, k], FLOOR / 10))
        found = map_truth.recovery(fraction, np.log10(truth["sfh"][k] + FLOOR))
        metals = map_truth.recovery(mh[:, k], truth["mh"][k])
        cells = [f"{np.median(truth['sfh'][k]):.1e}"]
        rows.append([label, *cells, *map_truth.row(found)[1:5], *map_truth.row(metals)[1:5]])
    return rows


def prove_real(source, work, docs, model, bootstraps):
    """Map the cube in bins, fit the bins with pPXF, compare; returns the page's text."""
    cube, maps = work / "real.fits", work / "maps_real.fits"
    map_ppxf.mask_lines(source, cube, REAL_REDSHIFT, LINES, LINE_HALF_WIDTH, SKY)
    said, seconds = run_map(
        cube, "-o", maps, "--redshift", REAL_REDSHIFT, "--snr", REAL_SNR, "--bin-covariance",
        REAL_COVARIANCE, "--plot", docs / "map_abell478.png", model=model,
    )  # fmt: skip
    instrument = prediction.load_model(model).instrument
    bins = map_ppxf.read_bin_map(maps)
    spectra = map_ppxf.bin_spectra(cube, bins, REAL_REDSHIFT, instrument, REAL_COVARIANCE)
    with click.progressbar(length=len(spectra[0]), label="pPXF") as bar:
        peer = map_ppxf.fit_bins(*spectra, instrument, bootstraps, progress=bar.update)
    columns, rows = [], []
    for name in COMPARED:
        ours = map_ppxf.by_bin(maps, name, bins)
        half = (ours[2] - ours[0]) / 2
        difference = ours[1] - peer.values[name]
        sigma = difference / np.hypot(half, np.nan_to_num(peer.errors[name]))
        theirs = map_ppxf.painted(peer.values[name], bins)
        columns.append(
            Column(
                name, (("phangs-sfh", map_ppxf.painted(ours[1], bins)), ("pPXF", theirs)),
                ("difference / σ", map_ppxf.painted(sigma, bins)),
            )
        )  # fmt: skip
        rows.append(
            [
                map_truth.NAMES[name], f"{np.median(ours[1]):.3f}",
                f"{np.median(peer.values[name]):.3f}", f"{np.median(difference):+.3f}",
                f"{1.4826 * np.median(np.abs(difference - np.median(difference))):.3f}",
                f"{np.median(half):.3f}",
                markdown.number(np.median(peer.errors[name]) if name != "av" else None),
                f"{np.median(sigma):+.2f}", f"{100 * np.mean(np.abs(sigma) < 1):.0f}",
                f"{100 * np.mean(np.abs(sigma) < 2):.0f}",
            ]
        )  # fmt: skip
    title = "Abell 478's brightest galaxy, MUSE: two methods, the same bins and templates"
    figures.save_figure(columns_figure(columns, title), docs / "map_real.png")
    headings = ["quantity", "phangs-sfh", "pPXF", "difference", "its scatter", "our error",
                "pPXF's error", "difference / σ", "within 1 σ [%]", "within 2 σ [%]"]  # fmt: skip
    n = len(peer.chi2)
    return f"""{REAL_HEADING}

The cube in mpdaf's wheel: the brightest galaxy of Abell 478 (z = {REAL_REDSHIFT}), 8 by 8 arcsec, 900 s
with MUSE. Lines of its cooling gas and of the sky are masked in DQ; binned by `map --snr
{REAL_SNR:g}` into {n} bins (S/N {peer.snr.min():.0f} to {peer.snr.max():.0f}), errors with
`--bin-covariance {REAL_COVARIANCE:g}`. Dust of the Milky Way is not removed: A_V is the sum. No bands.

![Abell 478 mapped](map_abell478.png)

pPXF 9.5 fits the mean spectra of the same bins with templates of the same BC03 grid
(`phangs_sfh/evaluation/ppxf_peer.py`); its errors are those of {bootstraps} bootstraps of each bin. Reduced χ²
of its fits: {np.median(peer.chi2):.2f} in the median, {peer.chi2.min():.2f} to {peer.chi2.max():.2f}. σ: both errors in
quadrature (for A_V, ours). Medians over the bins:

{markdown.table(headings, rows)}
![Both maps, and their difference](map_real.png)

Time, on the machine that made this page: `map`, {said}, {seconds:.0f} s from start to end with the
figure; pPXF {peer.seconds:.1f} s for the fits ({1e3 * peer.seconds / n:.0f} ms a bin) and {peer.seconds_bootstraps:.0f} s for the
bootstraps.
"""


def write_page(path, parts):
    """Put parts ('truth', 'real') into the page; what is not given stays."""
    old = path.read_text() if path.exists() else ""
    if "real" not in parts and REAL_HEADING in old:
        parts["real"] = old[old.index(REAL_HEADING) :]
    text = "# Maps: proof\n\nWritten by `python scripts/prove_maps.py --real minicube.fits`.\n\n"
    text += parts["model"] + parts["truth"] + "\n" + parts.get("real", "")
    path.write_text(text.rstrip() + "\n")


@click.command()
@click.option("--model", type=click.Path(), help="Exported model's folder [default: released].")
@click.option("--real", type=click.Path(exists=True), help="minicube.fits of mpdaf.")
@click.option("--bootstraps", default=10, show_default=True, help="Of each pPXF fit.")
@click.option("-o", "--docs", default="docs", show_default=True, type=click.Path(exists=True))
@click.option("--work", type=click.Path(), help="Folder to keep cube, images and maps in.")
def prove(model, real, bootstraps, docs, work):
    """Prove the maps; a few minutes on two cores."""
    docs = Path(docs)
    info = prediction._read_info(prediction.released_model() if model is None else Path(model))
    parts = {"model": f"Model: {info['name']}, version {info['version']}.\n\n"}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(work or folder)
        folder.mkdir(parents=True, exist_ok=True)
        parts["truth"] = prove_truth(folder, docs, model)
        if real:
            parts["real"] = prove_real(real, folder, docs, model, bootstraps)
    write_page(docs / PAGE, parts)


if __name__ == "__main__":
    prove()
