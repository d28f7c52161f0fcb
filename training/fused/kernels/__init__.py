"""The inner loops of training, compiled by numba: over the events of a batch, over the steps of a layer, and back.

Arrays hold (samples, steps, neurons), so that the neurons of one step lie side by side. Arithmetic is that of SLAYER
(lava-dl 0.6.0, `neuron/dynamics/leaky_integrator.py`, `spike/spike.py`), in 32 bits. As long as no current and no
voltage reaches 2^24 units, nothing that SLAYER does in single precision or in 64 bits rounds differently. The limit
here is 2^23, as on Loihi, so that three bytes hold a state. The forward pass reports the magnitudes that it saw; beyond
the limit its results must be thrown away.

`records.py` has what the kernels take, and the names of what a layer does or does not do. `forward.py` and
`backward.py` are the two passes of a layer, `convolution.py` the synapse of images, `events.py` what is not 0 in a
batch. The other files are parts of these, which numba splices into them.
"""
