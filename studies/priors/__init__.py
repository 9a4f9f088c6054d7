"""What a prior says, and a dozen of its galaxies: docs/choices.md."""
