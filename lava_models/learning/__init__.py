"""Lava Processes that learn: S-TLLR in fixed point. Import-safe modules only."""
