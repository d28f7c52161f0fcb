"""Feed a network step by step, as events come: the same spikes as a run over the whole recording."""

import numpy as np

import lapilli
from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network
from lapilli.simulators.stream import Simulator

rng = np.random.default_rng(0)
neuron = CubaLif(vth_mant=100, current_decay=1024, voltage_decay=256)
network = Network((30,), (Layer("output", (5,), neuron, (DenseSynapse("input", 2 * rng.integers(-20, 40, (5, 30))),)),))
recording = rng.random((1, 30, 200)) < 0.05

stream, heard = Simulator(network), []
for step in range(200):
    arriving = np.flatnonzero(recording[0, :, step])
    heard += [(step, int(neuron)) for neuron in stream.step(arriving)]

whole = lapilli.run(network, recording).spikes
print(len(heard), "spikes in the stream,", whole.n_events, "in the run")
print("equal:", heard == list(zip(whole.step.tolist(), whole.neuron.tolist())))
