"""Data, SLAYER networks and the recipes that train them: `recipes.surrogate_gradient` and its neighbours."""
