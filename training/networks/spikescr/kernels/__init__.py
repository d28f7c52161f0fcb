"""The inner loops of SpikeSCR's training, compiled by numba.

Arrays hold (samples, steps, channels), float32, so that the channels of one step lie side by side. Where a kernel says
"integers", its float32 numbers are whole and below 2^24, so that nothing is rounded.
"""
