"""This model, pPXF and bagpipes on the same spectra: accuracy, coverage, time and memory."""
