"""Prove that a SLAYER module of your own is the network that was exported from it."""

import torch  # noqa: I001

import lapilli  # before Lava, which Python 3.11 and later cannot import without it
from lava.lib.dl.slayer.block import cuba


class Net(torch.nn.Module):
    """A module as SLAYER's users write it: blocks, one after the other."""

    def __init__(self):
        super().__init__()
        neuron = {"threshold": 1.0, "current_decay": 0.25, "voltage_decay": 0.1}
        hidden = cuba.Recurrent({**neuron}, 70, 40, weight_scale=2)
        self.blocks = torch.nn.ModuleList([hidden, cuba.Dense({**neuron}, 40, 10, weight_scale=3)])

    def forward(self, spikes):
        """The last block's spikes."""
        for block in self.blocks:
            spikes = block(spikes)
        return spikes


torch.manual_seed(0)
module = Net()  # train it here
network = lapilli.from_slayer(module)
spikes = torch.rand(4, 70, 50) < 0.05
proof = lapilli.prove_module(module, network, lapilli.Events.from_dense(spikes), backends=("reference", "fast"))
print(proof)
print(proof.n_differences, "differences in", f"{proof.spikes_compared:,} spikes and {proof.states_compared:,} states")
