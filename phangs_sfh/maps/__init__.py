"""Maps: cubes and images in, FITS out."""
