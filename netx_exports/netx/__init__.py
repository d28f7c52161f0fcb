"""NetX files: the plain form that stock Lava reads, and the extended form that holds everything."""
