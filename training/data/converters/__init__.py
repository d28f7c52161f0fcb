"""Converters: packed files of a data set from a folder with its public origin; `convert` has them by name."""
