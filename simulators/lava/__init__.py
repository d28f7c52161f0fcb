"""The `lava` backend: Lava 0.10.0 on the CPU, in a process of its own."""
