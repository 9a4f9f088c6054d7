"""How fast ``phangs-sfh map`` is from disk to maps, and how much memory it takes.

Cubes are full MUSE cubes (3681 channels, float32, DATA and STAT) in which every spaxel has a
spectrum of the forward model with noise. The mosaic is a sparse file of 1400 by 1400 spaxels, 58 GB
to every program that reads it; only ``--rows`` of its image rows hold spectra, the others are holes
that read as zeros, that is as no data. ``--images`` adds an F555W image of 0.04 arcsec.

Times are by the clock and from start to end, TensorFlow's start included; the rate is also given
without that, as the command prints it. Memory is the peak resident size that the kernel reports of
the command's process. Run it on a machine that does nothing else.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from astropy.io import fits

from phangs_sfh.instrument.description import load_instrument
from phangs_sfh.ssp.engines import load_ssp
from studies.map_proof.mock_files import MUSE_UNIT, muse_variance, wcs_header
from studies.map_proof.mock_observation import Setup, observe

N_CHANNELS, START, STEP, SPAXEL = 3681, 4749.9, 1.25, 0.2
SETUP = Setup(n=16, spaxel=0.8, fine=3, cube_fwhm=1.0, image_fwhm=0.5)
N_BANK = 1024
BLOCK = 2880

TELLING_ITS_PEAK = """
import atexit
from phangs_sfh.cli.main import main
from phangs_sfh.peers.one_core import peak_megabytes
atexit.register(lambda: print(peak_megabytes()))
main()
"""
"""The command line, which says its peak memory [MB] last."""


def spectrum_bank():
    """Noisy spectra and variances, (N_CHANNELS, N_BANK) big-endian float32 each."""
    observation = observe(load_ssp(), load_instrument(), SETUP)
    rng = np.random.default_rng(0)
    spectra = observation.cube.reshape(len(observation.wave), -1) * (SPAXEL / SETUP.spaxel) ** 2
    wave = START + STEP * np.arange(N_CHANNELS)
    picked = rng.integers(0, spectra.shape[1], N_BANK)
    # Beyond the model's range the level stays: nothing of it is used.
    flux = np.array([np.interp(wave, observation.wave, spectra[:, i]) for i in picked]).T
    variance = muse_variance(wave, flux, SPAXEL**2)
    flux += np.sqrt(variance) * rng.standard_normal(flux.shape)
    return flux.astype(">f4"), variance.astype(">f4")


def write_cube(path, side, rows, bank):
    """Write a cube of side² spaxels whose image ``rows`` (indices) hold spectra, all else holes."""
    header = wcs_header(side, side, SPAXEL)
    header["CTYPE3"], header["CUNIT3"], header["BUNIT"] = "AWAV", "Angstrom", MUSE_UNIT
    header["CRVAL3"], header["CRPIX3"], header["CD3_3"] = START, 1.0, STEP
    rows = np.asarray(rows)
    which = (577 * rows[:, None] + np.arange(side)) % N_BANK
    runs = np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows) > 1) + 1)
    with open(path, "wb") as file:
        file.write(_bytes(fits.PrimaryHDU().header))
        for name, values in zip(("DATA", "STAT"), bank, strict=True):
            file.write(_bytes(_image_header(name, (N_CHANNELS, side, side), header)))
            start = file.tell()
            for channel in range(N_CHANNELS):
                lines = values[channel][which]
                for run in runs:
                    file.seek(start + 4 * side * (channel * side + rows[run[0]]))
                    file.write(lines[run].tobytes())
            size = 4 * N_CHANNELS * side * side
            file.truncate(start + size + -size % BLOCK)
            file.seek(0, os.SEEK_END)


def write_image(path, side):
    """Write an F555W image of constant flux over the whole mosaic."""
    n = side * 5
    header = wcs_header(n, n, SPAXEL / 5)
    header["BUNIT"], header["PHOTFLAM"] = "ELECTRONS/S", 1.85e-19
    with open(path, "wb") as file:
        file.write(_bytes(fits.PrimaryHDU().header))
        for name, value in (("SCI", 0.05), ("ERR", 0.02)):
            file.write(_bytes(_image_header(name, (n, n), header)))
            line = np.full(n, value, ">f4").tobytes()
            for _ in range(n):
                file.write(line)
            file.write(b"\0" * (-file.tell() % BLOCK))


def _image_header(name, shape, cards):
    header = fits.Header([("XTENSION", "IMAGE"), ("BITPIX", -32), ("NAXIS", len(shape))])
    for axis, size in enumerate(reversed(shape), start=1):
        header[f"NAXIS{axis}"] = size
    header["PCOUNT"], header["GCOUNT"], header["EXTNAME"] = 0, 1, name
    header.extend(cards)
    return header


def _bytes(header):
    return header.tostring(sep="", endcard=True, padding=True).encode("ascii")


def run(cube, maps, model, more=()):
    """Wall-clock seconds and peak resident memory [MB] of ``map``, and what it said."""
    command = [sys.executable, "-c", TELLING_ITS_PEAK, "map", str(cube), "-o", str(maps)]
    command += ["--redshift", str(SETUP.redshift), "--overwrite", *more]
    command += ["--model", str(model)] if model else []
    start = time.perf_counter()
    child = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    seconds = time.perf_counter() - start
    if child.returncode:
        raise click.ClickException(f"phangs-sfh {' '.join(command[3:])}: failed")
    *_, said, peak = child.stdout.splitlines()
    return seconds, float(peak), said.split(": ", 1)[-1]


def report(name, cube, maps, model, filled, more=()):
    size = cube.stat()
    seconds, megabytes, said = run(cube, maps, model, more)
    print(
        f"{name}: {size.st_size / 1e9:.1f} GB ({size.st_blocks * 512 / 1e9:.1f} on disk), {filled} "
        f"spaxels with spectra, {seconds:.1f} s, {filled / seconds:,.0f} of them a second from "
        f"start to end, peak memory {megabytes:,.0f} MB; map says: {said}",
        flush=True,
    )
    return seconds


def measure(sides, mosaic, rows, images, folder, model):
    """Print what maps of these sizes cost.

    Parameters
    ----------
    sides : list of int, of square cubes
    mosaic, rows : side of the sparse cube, 0 for none, and image rows of it with spectra
    images : bool, an image for the mosaic too
    folder : for the cubes, 5 GB; None: a temporary one
    model : exported model's folder, None: the released
    """
    bank = spectrum_bank()
    with tempfile.TemporaryDirectory(dir=folder) as folder:
        cube, maps, image = (Path(folder) / f"{n}.fits" for n in ("cube", "maps", "F555W"))
        seconds = {}
        for side in sides:
            write_cube(cube, side, range(side), bank)
            seconds[side] = report(f"{side} x {side}", cube, maps, model, side * side)
            cube.unlink()
        if len(seconds) > 2:
            (a, one), (b, two), (c, three) = list(seconds.items())[-3:]
            growth = (three - two) / (c**2 - b**2) / ((two - one) / (b**2 - a**2))
            print(f"a spaxel more at {c}² costs {growth:.2f} of one at {b}² (linear is 1)")
        if mosaic:
            filled = np.unique(np.linspace(0, mosaic - 1, rows).astype(int))
            write_cube(cube, mosaic, filled, bank)
            more = []
            if images:
                write_image(image, mosaic)
                more = ["--image", f"F555W={image}", "--psf", "0.8"]
            report(f"mosaic {mosaic} x {mosaic}", cube, maps, model, len(filled) * mosaic, more)
