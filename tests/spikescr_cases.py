"""Random SpikeSCR modules and samples."""

import numpy as np
import torch

from lapilli.simulators import Events
from lapilli.training.networks.spikescr.config import SpikeScrConfig
from lapilli.training.networks.spikescr.network import SpikeScrNetwork


def random_module(config: SpikeScrConfig, seed=0, n_channels=7, n_classes=5, n_steps=17) -> SpikeScrNetwork:
    """A module with random statistics, scales and shifts, whose layers spike neither never nor always."""
    torch.manual_seed(seed)
    module = SpikeScrNetwork(config, n_channels + 1 + config.key_mask, n_classes, n_steps)
    with torch.no_grad():
        for layer in module.layers.values():
            norm = layer.norm
            norm.scale.uniform_(-0.5, 2)
            norm.shift.uniform_(-0.3, 1)
            norm.running_mean.uniform_(-0.3, 0.3)
            norm.running_var.uniform_(0.02, 0.5)
        module.head.uniform_(-2, 2)
    return module.eval()


def random_samples(module: SpikeScrNetwork, n_samples=3, seed=0) -> Events:
    """Counts in the channels, the line "valid", and keys that end early where they are masked."""
    generator = np.random.default_rng(seed)
    dense = generator.poisson(0.5, (n_samples, module.n_inputs, module.n_steps)).astype(np.int32)
    dense[:, module.n_channels] = 1
    if module.config.key_mask:
        ends = generator.integers(module.n_steps // 2, module.n_steps + 1, n_samples)
        dense[:, -1] = np.arange(module.n_steps) < ends[:, None]
    return Events.from_dense(dense, np.arange(n_samples) % module.n_classes)
