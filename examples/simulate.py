"""Run a network on events, count what happens, and decide the class of each sample."""

import numpy as np

import lapilli
from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network, Readout

rng = np.random.default_rng(0)
neuron = CubaLif(vth_mant=100, current_decay=1024, voltage_decay=256)  # decays are shares of 4,096
hidden = Layer("hidden", (40,), neuron, (DenseSynapse("input", 2 * rng.integers(-20, 30, (40, 70))),))
output = Layer("output", (3,), neuron, (DenseSynapse("hidden", 2 * rng.integers(-30, 40, (3, 40))),))
network = Network((70,), (hidden, output), readout=Readout("spike_count"))
print(network.summary())

events = lapilli.Events.from_dense(rng.random((8, 70, 100)) < 0.05, labels=rng.integers(0, 3, 8))
result = lapilli.run(network, events, n_steps=events.n_steps + network.depth)
print(result.spikes.n_events, "output spikes")
print(dict(zip(result.counts.layers, result.counts.syn_ops.sum(axis=0).tolist())), "synaptic operations")

decided = lapilli.decide(network, events)
print("classes", decided.classes.tolist(), "of labels", events.labels.tolist())
print(decided.confusion.matrix())
