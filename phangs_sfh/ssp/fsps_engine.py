"""SSPs from FSPS (Conroy, Gunn & White 2009; Conroy & Gunn 2010) with the user's own SPS_HOME.

python-fsps is not a dependency. It is run in a child process (``fsps_child.py``), because FSPS
stops its process, with exit code 0, when a data file is missing.
"""

import os
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from phangs_sfh.errors import InputError
from phangs_sfh.instrument.constants import FWHM_PER_SIGMA, SPEED_OF_LIGHT
from phangs_sfh.instrument.refraction import vacuum_to_air
from phangs_sfh.ssp import fsps_child
from phangs_sfh.ssp.grid import SSPGrid

BUILD = (
    'FFLAGS="-DMILES=1 -DC3K_LR=0" pip install --no-cache-dir --force-reinstall --no-deps '
    "--no-binary fsps fsps==0.5.0"
)
"""How to build python-fsps with MILES and MIST (with Padova: -DMIST=0 -DPADOVA=1 too).

Past pip's cache, which would give back a wheel built with other flags."""

SPECTRAL_RANGE = (4650.0, 7150.0)  # [Å], where spectra and not only bands are needed
COARSEST = 2.0  # [Å], sampling there


@cache
def load():
    """Build the grid with the FSPS of this Python and the data in ``$SPS_HOME``: about 20 s.

    Returns
    -------
    grid : SSPGrid
        All ages and metallicities of the isochrones FSPS was compiled with, in air, Kroupa 2001
        IMF, without gas or dust emission; surviving mass without remnants.

    Raises
    ------
    InputError
        If python-fsps or SPS_HOME is missing, its build too coarse, or FSPS did not finish.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "fsps.npz"
        _run(output)
        with np.load(output) as content:
            return _grid(dict(content))


def _run(output):
    """Run the child, and find out from what it left whether FSPS went through."""
    command = [sys.executable, fsps_child.__file__, str(output)]
    child = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if child.returncode == 0 and output.exists():
        return
    said = [line.strip() for line in (child.stdout + child.stderr).splitlines() if line.strip()]
    raise InputError(_reason(child.returncode, said))


def _reason(code, said):
    """One line on why there is no output, from the exit code and the lines printed."""
    last = next((line for line in said if "ERROR" in line), said[-1] if said else "nothing said")
    last = last.removeprefix(fsps_child.REFUSED)
    home = os.environ.get("SPS_HOME", "")
    if code == fsps_child.NOT_INSTALLED:
        return f"--ssp fsps: python-fsps is not installed ({last}); build it with {BUILD}"
    if code == fsps_child.NO_SPS_HOME:
        return (
            f"--ssp fsps: SPS_HOME is {home!r}, no folder with the data of FSPS ({last}); clone "
            "FSPS and point the environment variable SPS_HOME to it"
        )
    if code == fsps_child.LOW_RESOLUTION:
        return (
            f"--ssp fsps: this python-fsps is built with the {last} library, too coarse for "
            f"the spectra; build it with MILES: {BUILD}"
        )
    if code < 0:
        return (
            f"--ssp fsps: FSPS was ended by signal {signal.Signals(-code).name} (out of memory?); "
            "free some memory and try again"
        )
    return (
        f"--ssp fsps: FSPS stopped without a result ({last}); complete the data in SPS_HOME, "
        f"{home!r}, for the libraries it was built with"
    )


def _grid(content):
    """SSPGrid from what the child wrote, checked: a build may be coarse under any name."""
    wave = vacuum_to_air(content["wave"])
    luminosity = np.maximum(content["luminosity"], 1e-30)
    library = ", ".join(str(name) for name in content["libraries"])
    inside = (wave > SPECTRAL_RANGE[0]) & (wave < SPECTRAL_RANGE[1])
    if np.diff(wave[inside]).max(initial=0.0) > COARSEST or inside.sum() < 100:
        raise InputError(
            f"--ssp fsps: the spectra of this build ({library}) are sampled more coarsely than "
            f"{COARSEST:g} Å; build python-fsps with MILES: {BUILD}"
        )
    if not (np.all(np.isfinite(luminosity)) and luminosity[..., inside].min() > 1e-30):
        raise InputError(
            f"--ssp fsps: FSPS ({library}) gave spectra that are zero or not finite; check the "
            f"files in SPS_HOME, {os.environ.get('SPS_HOME')!r}"
        )
    fwhm = np.abs(content["resolution"][inside]) * FWHM_PER_SIGMA / SPEED_OF_LIGHT * wave[inside]
    wave, luminosity = _uniform(wave, luminosity, inside)
    low, high = content["imf_limits"]
    isochrones, spectra, _ = (str(name) for name in content["libraries"])
    return SSPGrid(
        wave=wave,
        age=content["age"],
        metallicity=content["metallicity"],
        luminosity=luminosity.astype(np.float32),
        surviving_mass=content["surviving_mass"],
        z_sun=round(float(content["z_sun"]), 6),
        resolution_fwhm=round(float(np.median(fwhm)), 3),
        provenance={
            "engine": "fsps",
            "models": "FSPS, Conroy, Gunn & White 2009 ApJ 699 486; Conroy & Gunn 2010 ApJ 712 833",
            "library": spectra,
            "isochrones": isochrones,
            "imf": f"Kroupa 2001, {low:g}-{high:g} M_sun",
            "version": f"python-fsps {content['version']}",
            "source": "computed from the user's SPS_HOME",
        },
    )


def _uniform(wave, luminosity, inside):
    """Resample the spectral range to even steps, at its finest, if it is not even already."""
    steps = np.diff(wave[inside])
    if np.ptp(steps) < 0.01 * steps.mean():
        return wave, luminosity
    even = np.arange(wave[inside][0], wave[inside][-1], steps.min())
    flat = luminosity.reshape(-1, len(wave))
    resampled = np.array([np.interp(even, wave, row) for row in flat])
    resampled = resampled.reshape(*luminosity.shape[:-1], len(even))
    first, last = np.flatnonzero(inside)[[0, -1]]
    parts = [luminosity[..., :first], resampled, luminosity[..., last + 1 :]]
    return np.concatenate([wave[:first], even, wave[last + 1 :]]), np.concatenate(parts, axis=-1)
