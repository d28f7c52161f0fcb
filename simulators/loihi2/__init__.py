"""The `loihi2` backend: the chip, where there is one."""
