"""Which band an image is of: camera and filter, from its header or else its name.

The cameras of HST share names of filters but not their throughputs: F435W, F555W and F814W of
ACS are not those of WFC3/UVIS. A band's name has the camera in front, but for UVIS, whose bands
came first: F555W is UVIS, ACS_F555W is ACS.
"""

import re

from phangs_sfh.errors import InputError

PREFIXES = {"UVIS": "", "ACS": "ACS_", "IR": "WFC3IR_", "WFPC2": "WFPC2_"}
"""What stands before the filter in the name of a band, by camera; others (JWST's) have nothing."""

FILTER = r"F\d{3,4}(W2?|M|N|LP|X)"
BAND = re.compile(f"({'|'.join(filter(None, PREFIXES.values()))})?{FILTER}")
CAMERAS = ("UVIS", "ACS", "WFPC2", "NIRCAM", "MIRI")
"""Words of file names."""


def stated_band(path, headers):
    """Name of the band that an image says it is of.

    Parameters
    ----------
    path : Path; what its name says counts where the headers are silent
    headers : astropy Headers, of the image first

    Returns
    -------
    band : str, for instance ACS_F555W; '' if nothing tells the filter
    """
    words = re.split(r"[^A-Z0-9]+", path.name.upper())
    name = _value(headers, "FILTER", "FILTER1", "FILTER2")
    if not name and len(named := {word for word in words if re.fullmatch(FILTER, word)}) == 1:
        (name,) = named
    camera = _camera(headers) or next((word for word in words if word in CAMERAS), "UVIS")
    return PREFIXES.get(camera, "") + name if name else ""


def check_band(path, headers, band, known):
    """Raise InputError if an image says that it is of another band.

    Bands whose names are not a filter's (``g``, ``B1``) are taken as they are given.

    Parameters
    ----------
    path, headers : see ``stated_band``
    band : str, that it was given for
    known : names of the model's bands
    """
    stated = stated_band(path, headers)
    if not stated or stated == band or not BAND.fullmatch(band):
        return
    if stated in known:
        remedy = f"give it as {stated}"
    else:
        remedy = f"the model has no band {stated}, so leave it out (a missing band is no harm)"
    raise InputError(f"{path}: is an image of {stated}, not of {band}; {remedy}")


def _camera(headers):
    """Camera by INSTRUME and DETECTOR, '' if they are silent."""
    instrument, detector = (_value(headers, key) for key in ("INSTRUME", "DETECTOR"))
    return detector if instrument == "WFC3" and detector else instrument.replace("WFC3", "UVIS")


def _value(headers, *keywords):
    """First word of these keywords that says something; CLEAR is the empty place in a wheel."""
    for header in headers:
        for keyword in keywords:
            word = str(header.get(keyword, "")).strip().upper()
            if word and not word.startswith(("CLEAR", "N/A")):
                return word
    return ""
