"""Star formation histories with calibrated error bars from PHANGS-MUSE and PHANGS-HST."""

from phangs_sfh.version import __version__

__all__ = ["__version__"]
