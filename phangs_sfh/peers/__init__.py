"""Other codes on the same spectra: pPXF, bagpipes, the benchmark."""
