"""Files: tables, FITS blocks and units, checksums, writing whole or not at all."""
