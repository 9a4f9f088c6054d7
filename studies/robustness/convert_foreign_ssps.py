"""Write template sets of an unpacked sdss-mangadap wheel as SSP grids, for ``make-library --ssp``.

    pip download --no-deps sdss-mangadap==4.5.0
    unzip -q sdss_mangadap-4.5.0-py3-none-any.whl -d dap
    python -m studies.robustness.convert_foreign_ssps dap grids

writes grids/miuscat.fits, grids/bpass.fits, grids/mastar.fits and grids/mastar_noism.fits. The
templates' own terms hold for them too: they are for your use and not to be passed on.
"""

import sys
from pathlib import Path

from phangs_sfh.ssp.grid import write_grid
from studies.robustness.foreign_ssps import SETS, load_foreign


def main(folder, output):
    Path(output).mkdir(parents=True, exist_ok=True)
    for name in SETS:
        path = Path(output) / f"{name}.fits"
        write_grid(load_foreign(name, folder), path)
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
