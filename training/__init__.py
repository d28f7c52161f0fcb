"""Data, SLAYER networks and the recipes that train them. Import the modules: `training.surrogate_gradient` and others."""
