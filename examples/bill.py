"""From exact counts to an estimate of energy: what is counted is exact, what it costs is a table's word."""

import numpy as np

import lapilli
from lapilli.netx_exports import CubaLif, DenseSynapse, Layer, Network
from lapilli.simulators.bill import bill_of, load_table

rng = np.random.default_rng(0)
neuron = CubaLif(vth_mant=200, current_decay=1024, voltage_decay=256)
hidden = Layer("hidden", (40,), neuron, (DenseSynapse("input", 2 * rng.integers(-20, 30, (40, 70))),))
output = Layer("output", (3,), neuron, (DenseSynapse("hidden", 2 * rng.integers(-30, 40, (3, 40))),))
network = Network((70,), (hidden, output))
events = lapilli.Events.from_dense(rng.random((8, 70, 100)) < 0.05)

counts = lapilli.run(network, events, n_steps=events.n_steps + network.depth).counts
print(counts.syn_ops.sum(axis=0).tolist(), "synaptic operations of the layers")
bill = bill_of(network, counts, events.n_steps, [load_table("horowitz-45nm-int8"), load_table("loihi1")])
for found in bill.tables:
    cost = f"{1e9 * found.spiking.total:,.1f} nJ a sample" if found.spiking else "not billed"
    print(f"{found.table.name}: {cost} (estimate)")
