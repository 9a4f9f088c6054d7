"""Data files: SSP grid, instruments, demo spectrum."""
