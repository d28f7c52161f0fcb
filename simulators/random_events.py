"""Random input for benchmarks and for proofs without data of one's own."""

import numpy as np

from lapilli.netx_exports.network import Network
from lapilli.simulators.events import Events


def random_events(network: Network, n_samples: int, n_steps: int, density: float, seed: int) -> Events:
    """Independent spikes of probability `density` for each sample, neuron and step.

    Graded input gets payloads: currents of -256…255 where a `DirectSynapse` reads it, else 1…255.
    """
    generator = np.random.default_rng(seed)
    shape = (n_samples, *network.input_shape, n_steps)
    dense = (generator.random(shape, np.float32) < density).astype(np.int32)
    if network.graded_input:
        direct = any(not synapse.weighted for layer in network.layers for synapse in layer.synapses)
        dense *= generator.integers(-256 if direct else 1, 256, shape, dtype=np.int32)
    return Events.from_dense(dense)
