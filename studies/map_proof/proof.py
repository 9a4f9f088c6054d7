"""Make the galaxy, map it and the real cube by the command, compare; the text of the page."""

import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
from astropy.io import fits

from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.instrument.emission_lines import FAINT_LINES, LINES
from phangs_sfh.ssp.engines import load_ssp
from studies.map_proof import against_ppxf, comparisons, page
from studies.map_proof.mock_files import write_observation, write_truth
from studies.map_proof.mock_observation import Setup, observe

SETUP = Setup()
PART = (slice(26, 50), slice(28, 52))
"""Spaxels whose part of the images is mapped without the cube."""

REDSHIFT, TARGET_SNR, COVARIANCE = 0.0857, 10.0, 0.25
MASKED_LINES = LINES | {"He I 6678": FAINT_LINES["He I 6678"]}
LINE_HALF_WIDTH = 900.0  # [km/s]
SKY = ((5571, 5585), (5886, 5900), (6295, 6305), (6860, 6930), (7160, 7340), (7590, 7720))
"""Sky and telluric bands [Å]; lines and limits are those of scripts/build/demo_spectrum.py."""


def run_map(*arguments, model=None):
    """Run the command as a user does; its last words and its wall-clock time [s]."""
    command = [str(Path(sys.executable).with_name("phangs-sfh")), "map", *map(str, arguments)]
    command += ["--overwrite"] + (["--model", str(model)] if model else [])
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise click.ClickException(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    said = done.stdout.strip().splitlines()[-1].split(": ", 1)[-1]
    click.echo(f"map: {said}, {seconds:.0f} s in all")
    return said, seconds


def made_galaxy(work):
    """Cube, images and true maps in ``work``, made if they are not there yet.

    Returns
    -------
    truths : comparisons.Truths
    """
    last = work / "truth_pixels.fits"
    if not last.exists():
        start = time.perf_counter()
        observation = observe(load_ssp(), load_instrument(), SETUP)
        _, images = write_observation(observation, work)
        margin = (observation.images.shape[1] - SETUP.n * SETUP.fine) // 2
        part = tuple(
            slice(margin + s.start * SETUP.fine, margin + s.stop * SETUP.fine) for s in PART
        )
        for path in images.values():
            cut_out(path, part)
        write_truth(observation.cube_truth, work / "truth.fits", SETUP.spaxel)
        pixels = {name: v[(..., *part)] for name, v in observation.image_truth.items()}
        write_truth(pixels, last, SETUP.pixel)
        click.echo(f"galaxy made in {time.perf_counter() - start:.0f} s")
    return comparisons.Truths(read_truth(work / "truth.fits"), read_truth(last), SETUP.fine, PART)


def cut_out(path, part):
    """Write part of an image to part_NAME beside it."""
    with fits.open(path) as hdus:
        for hdu in hdus[1:]:
            hdu.data = hdu.data[part]
            for axis, pixels in enumerate(reversed(part), start=1):
                hdu.header[f"CRPIX{axis}"] -= pixels.start
        hdus.writeto(path.with_name(f"part_{path.name}"), overwrite=True)


def read_truth(path):
    with fits.open(path) as hdus:
        return {hdu.name.lower(): np.array(hdu.data, float) for hdu in hdus[1:]}


def prove_truth(work, docs, model, words):
    """Map the galaxy three ways and compare; the page's text."""
    truths = made_galaxy(work)

    def images(prefix=""):
        named = [f"{name}={work / (prefix + name)}.fits" for name in load_instrument().band_names]
        return [x for name in named for x in ("--image", name)]

    maps = {run: work / f"maps_{run}.fits" for run in comparisons.WORDS}
    arguments = {
        "both": (work / "cube.fits", *images(), "--psf", SETUP.cube_fwhm),
        "cube": (work / "cube.fits",),
        "images": (*images("part_"), "--psf", SETUP.matched_fwhm),
    }
    times = {}
    for run, these in arguments.items():
        more = ("--redshift", SETUP.redshift, "-o", maps[run])
        more += () if run == "cube" else ("--image-psf", SETUP.image_fwhm)
        times[run] = run_map(*these, *more, model=model)
    comparisons.draw_truth(maps["both"], truths.spaxels, docs / "map_truth.png")
    comparisons.Young(maps, truths).draw(docs / "map_young.png")
    return page.truth_page(maps, truths, SETUP, words, times)


def prove_real(source, work, docs, model, bootstraps):
    """Map the real cube in bins, fit the bins with pPXF, compare; the page's text."""
    cube, maps = work / "real.fits", work / "maps_real.fits"
    against_ppxf.mask_lines(source, cube, REDSHIFT, MASKED_LINES, LINE_HALF_WIDTH, SKY)
    said, seconds = run_map(
        cube, "-o", maps, "--redshift", REDSHIFT, "--snr", TARGET_SNR, "--bin-covariance",
        COVARIANCE, "--plot", docs / "map_abell478.png", model=model,
    )  # fmt: skip
    bins, instrument = against_ppxf.read_bin_map(maps), load_instrument()
    flux, error = against_ppxf.bin_spectra(cube, bins, REDSHIFT, instrument, COVARIANCE)
    with click.progressbar(length=len(flux), label="pPXF") as bar:
        peer = against_ppxf.fit_bins(flux, error, instrument, bootstraps, progress=bar.update)
    rows = comparisons.compare_real(maps, peer, docs / "map_real.png")
    return page.real_page(peer, rows, REDSHIFT, TARGET_SNR, COVARIANCE, bootstraps, said, seconds)
