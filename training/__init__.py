"""Data, SLAYER networks and the recipes that train them: `training.surrogate_gradient` and its neighbours."""
