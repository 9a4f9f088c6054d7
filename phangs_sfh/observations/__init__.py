"""The door for users' spectra and tables."""
