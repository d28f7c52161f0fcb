"""Reading HDF5 files of strangers: names, sizes and kinds are checked before contents."""
