"""What is inferred of a galaxy's history: 44 numbers, 43 targets.

Ages, metallicities, M/L, dust and the six youngest bins come first and count twice in the loss:
the young bins are what users follow up. The rest comes last, behind the bins, so that the mass
fractions hang on no more targets than they must.
"""

from dataclasses import replace

from phangs_sfh.galaxy import ages
from phangs_sfh.problems.labels import Bins, Label, Labels
from phangs_sfh.problems.transforms import Softplus, StickBreaking

FAVOURED_BINS = 6
AGE_BINS = Bins(tuple(ages.EDGES_MYR.tolist()), "Myr", tuple(ages.labels()))

SFH, AV = StickBreaking(floor=1e-5, spread=0.5), Softplus(softness=0.2, smallest=1e-3)
SIGMA = Softplus(softness=30.0, smallest=1.0)

LABELS = Labels(
    (
        Label("mw_logage", "dex(yr)", "mean log10 age, weighted by formed mass", favoured=1,
              symbol=r"log age$_{\rm mass}$ [yr]"),
        Label("lw_logage", "dex(yr)", "mean log10 age, weighted by dust-free F555W light",
              favoured=1, symbol=r"log age$_{\rm light}$ [yr]"),
        Label("mw_mh", "dex", "mean [M/H], weighted by formed mass", favoured=1, edges=True,
              symbol=r"[M/H]$_{\rm mass}$"),
        Label("lw_mh", "dex", "mean [M/H], weighted by dust-free F555W light", favoured=1,
              edges=True, symbol=r"[M/H]$_{\rm light}$"),
        Label("logml", "dex(solMass / solLum)", "log10 of formed mass per F555W luminosity",
              favoured=1, symbol=r"log $M/L_{\rm F555W}$"),
        Label("av", "mag", "V-band attenuation by the diffuse dust", AV, favoured=1,
              symbol=r"$A_V$ [mag]"),
        Label("sfh", "", "fraction of the mass formed in each age bin", SFH, AGE_BINS,
              favoured=FAVOURED_BINS, symbol="mass fraction", format=".5f", older="cmf",
              mean="sfh_mean"),
        Label("mh", "dex", "[M/H] of the stars formed in each age bin", axis=AGE_BINS,
              symbol="[M/H]", mean="mh_mean"),
        Label("logt50", "dex(yr)", "log10 of the lookback time at which 50 % of the mass had "
              "formed", symbol=r"log $t_{50}$ [yr]"),
        Label("logt90", "dex(yr)", "log10 of the lookback time at which 90 % of the mass had "
              "formed", symbol=r"log $t_{90}$ [yr]"),
        Label("logssfr10", "dex(1 / yr)", "log10 of the star formation rate over the last 10 Myr, "
              "per formed mass", symbol=r"log sSFR$_{10}$ [yr$^{-1}$]"),
        Label("logssfr100", "dex(1 / yr)", "log10 of the star formation rate over the last "
              "100 Myr, per formed mass", symbol=r"log sSFR$_{100}$ [yr$^{-1}$]"),
        Label("sigma_v", "km / s", "velocity dispersion of the stars", SIGMA,
              symbol=r"$\sigma_v$ [km s$^{-1}$]", format=".1f"),
        Label("velocity", "km / s", "velocity beyond the given redshift",
              symbol=r"$v$ [km s$^{-1}$]", format=".1f", flag_beyond=100.0),
    )
)  # fmt: skip

_FIRST = ("mw_logage", "lw_logage", "mw_mh", "lw_mh", "logml", "av", "sfh", "mh")
FIRST_LABELS = Labels(
    tuple(
        replace(label, older="", mean="", edges=False) for label in LABELS if label.name in _FIRST
    )
)
"""Of libraries and models from before labels were stored with them."""
