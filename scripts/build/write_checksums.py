"""Write the checksums of the data inside the package: python scripts/build/write_checksums.py

After a change to a FITS file of phangs_sfh/data; the file is refused else.
"""

from pathlib import Path

from phangs_sfh.files import checksums

DATA = Path(__file__).parents[2] / "phangs_sfh" / "data"

if __name__ == "__main__":
    checksums.write(DATA, sorted(path.name for path in DATA.glob("*.fits")))
