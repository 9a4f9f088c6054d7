"""The same galaxies through this package, bagpipes and FSPS."""
