"""SpikeSCR's kernels as functions with gradients; each has a plain counterpart in `tests/plain_spikescr.py`.

Values are (samples, steps, channels), float32; `devices.py` chooses the kernels.
"""
