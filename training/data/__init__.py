"""Data sets as spikes: recordings are framed once, cached, and mapped into memory; `catalogue` has them by name."""
