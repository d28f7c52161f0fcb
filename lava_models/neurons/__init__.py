"""The neurons of a layer as Lava Processes, a file for each kind. Import-safe modules only."""
