"""Look into a layer: the spikes and the voltages of every step."""

import numpy as np

import lapilli
from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network

# One neuron, one input of weight 60, a threshold of 100 (times 64): the second of two close spikes makes it spike.
neuron = CubaLif(vth_mant=100, current_decay=4096, voltage_decay=512)
layer = Layer("neuron", (1,), neuron, (DenseSynapse("input", np.array([[60]])),))
network = Network((1,), (layer,))

spikes = np.zeros((1, 1, 20), int)
spikes[0, 0, [2, 10, 12]] = 1
result = lapilli.run(network, spikes, record={"neuron": ["spikes", "voltage"]})
recording = result.recordings["neuron"]
print("voltage", recording.voltage[0, 0].tolist())
print("spikes in steps", recording.spikes.step.tolist())
