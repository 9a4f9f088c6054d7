"""The cases of an evaluation: under which conditions the mocks are observed, and what they show."""

from dataclasses import replace

MIX = "mix"
REFERENCE = "sn50"
SIGNAL_TO_NOISE = (20, 50, 100)


def kinds_of(described, instrument):
    """Kinds of input that there are: an instrument may have no bands (set of str)."""
    return {one.kind for one in described.inputs if one.size(instrument)}


def descriptions(kinds):
    """What each case is, in words, for a set of kinds of input; dict by name, in their order."""
    both = {"spectrum", "bands"} <= kinds
    found = {}
    if "spectrum" in kinds:
        bands = ", all bands" if both else ""
        found |= {f"sn{sn}": f"S/N {sn} per pixel{bands}" for sn in SIGNAL_TO_NOISE}
    if both:
        found["sn50_spectrum_only"] = "S/N 50 per pixel, no bands"
    if "bands" in kinds:
        found["bands_only"] = "all bands, no spectrum" if both else "all bands"
    mix = ["a range of S/N, masks"] if "spectrum" in kinds else []
    mix += ["missing bands and spectra"] if both else ["missing bands"] if "bands" in kinds else []
    return {**found, MIX: ": ".join(["as in training", *([", ".join(mix)] if mix else [])])}


def conditions(kinds, masks_lines, stored=None):
    """Observing conditions by case.

    Parameters
    ----------
    kinds : set from ``kinds_of``
    masks_lines : bool, True if `predict` hides emission-line windows from the model
    stored : dict, optional; the conditions of training, for the mix

    Returns
    -------
    conditions : dict of library.observing.ObservingConditions, keys of ``descriptions``
    """
    from phangs_sfh.library.observing import ObservingConditions

    lines = float(masks_lines)
    fixed = {f"sn{sn}": ObservingConditions.fixed(sn, masked_lines=lines) for sn in SIGNAL_TO_NOISE}
    known = {
        **fixed,
        "sn50_spectrum_only": replace(fixed["sn50"], no_bands=1.0),
        "bands_only": replace(fixed["sn50"], no_spectrum=1.0),
        MIX: ObservingConditions.from_dict(stored) if stored else ObservingConditions(),
    }
    return {name: known[name] for name in descriptions(kinds)}


def reference(cases):
    """The case that stands for good data: S/N 50, else the first there is."""
    return REFERENCE if REFERENCE in cases else next(iter(cases))
