"""Width of a cube's PSF, as far as its header or its name tells.

In order: ``PSF_FWHM`` and mpdaf's FSF model, which were measured on the cube; the file name of the
homogenised PHANGS-MUSE mosaics (``..._copt_0.92asec.fits``, ``NGC3627-1.05asec.fits``);
``SKY_RES``, which ESO's archive demands; what the pipeline measured while combining; and what the
telescope saw, which is of one exposure and of the seeing, not of the cube. Zero stands for 'not
filled in' in MUSE headers.
"""

import re

import numpy as np

MIN_FWHM, MAX_FWHM = 0.02, 10.0  # arcsec

COMBINED = ("ESO QC EXPCOMB FWHM MEDIAN",)
SEEING = ("ESO OCS SGS FWHM MED", "ESO OCS SGS AG FWHMX MED", "ESO TEL IA FWHM")
PHANGS_NAME = re.compile(r"(?:_copt_|-)(\d+(?:\.\d+)?)asec")


def header_psf(name, headers, wave):
    """FWHM of the PSF at a wavelength.

    Parameters
    ----------
    name : str, of the file
    headers : astropy Headers, primary first
    wave : float [Å]

    Returns
    -------
    fwhm : float [arcsec], None if nothing tells
    source : str, where it comes from
    exact : bool, False if it is the seeing during an exposure rather than the cube's PSF
    """
    found = _first(headers, ("PSF_FWHM",))
    if found is None:
        found = _fsf(headers, wave)
    if found is None and (match := PHANGS_NAME.search(name)):
        found = float(match[1]), "file name"
    if found is None:
        found = _first(headers, ("SKY_RES", *COMBINED))
    if found is not None:
        return *found, True
    found = _first(headers, SEEING)
    return (None, "", False) if found is None else (*found, False)


def _first(headers, keywords):
    for keyword in keywords:
        for header in headers:
            if _valid(header.get(keyword)):
                return float(header[keyword]), keyword
    return None


def _fsf(headers, wave):
    """mpdaf's model of field 0: linear in wavelength (MOFFAT1) or a polynomial (MOFFAT2).

    Of a mosaic with several fields the mean model is field 99 in the older kind.
    """
    for header in headers:
        for field in ("00", "99", "01"):
            a, b = header.get(f"FSF{field}FWA"), header.get(f"FSF{field}FWB")
            if a is not None and b is not None and _valid(a + b * wave):
                return float(a + b * wave), f"FSF{field}FWA"
            count, low, high = (header.get(k) for k in (f"FSF{field}FNC", "FSFLB1", "FSFLB2"))
            if count is None or low is None or high is None or high <= low:
                continue
            # the wavelength runs from -0.5 to 0.5 between the two references
            coefficients = [header.get(f"FSF{field}F{k:02d}") for k in range(int(count))]
            if None not in coefficients:
                fwhm = np.polyval(coefficients, (wave - low) / (high - low) - 0.5)
                if _valid(fwhm):
                    return float(fwhm), f"FSF{field}F00"
    return None


def _valid(value):
    """True for a width that makes sense; NaN and text do not."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and bool(MIN_FWHM < value < MAX_FWHM)
