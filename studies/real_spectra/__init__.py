"""Real spectra through the model and pPXF: docs/real_spectra.md."""
