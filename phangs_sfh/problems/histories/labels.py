"""What is inferred of a galaxy's history: 38 numbers, 37 targets.

Single numbers and the six youngest bins come first and count twice in the loss: the young bins are
what users follow up.
"""

from phangs_sfh.galaxy import ages
from phangs_sfh.problems.labels import Bins, Label, Labels
from phangs_sfh.problems.transforms import Softplus, StickBreaking

FAVOURED_BINS = 6
AGE_BINS = Bins(tuple(ages.EDGES_MYR.tolist()), "Myr", tuple(ages.labels()))

SFH, AV = StickBreaking(floor=1e-5, spread=0.5), Softplus(softness=0.2, smallest=1e-3)

LABELS = Labels(
    (
        Label("mw_logage", "dex(yr)", "mean log10 age, weighted by formed mass", favoured=1,
              symbol=r"log age$_{\rm mass}$ [yr]"),
        Label("lw_logage", "dex(yr)", "mean log10 age, weighted by dust-free F555W light",
              favoured=1, symbol=r"log age$_{\rm light}$ [yr]"),
        Label("mw_mh", "dex", "mean [M/H], weighted by formed mass", favoured=1,
              symbol=r"[M/H]$_{\rm mass}$"),
        Label("lw_mh", "dex", "mean [M/H], weighted by dust-free F555W light", favoured=1,
              symbol=r"[M/H]$_{\rm light}$"),
        Label("logml", "dex(solMass / solLum)", "log10 of formed mass per F555W luminosity",
              favoured=1, symbol=r"log $M/L_{\rm F555W}$"),
        Label("av", "mag", "V-band attenuation by the diffuse dust", AV, favoured=1,
              symbol=r"$A_V$ [mag]"),
        Label("sfh", "", "fraction of the mass formed in each age bin", SFH, AGE_BINS,
              favoured=FAVOURED_BINS, symbol="mass fraction", format=".5f"),
        Label("mh", "dex", "[M/H] of the stars formed in each age bin", axis=AGE_BINS,
              symbol="[M/H]"),
    )
)  # fmt: skip
