"""Random modules of one time step, and images."""

import random
from typing import Any, get_args

import numpy as np
import torch

from lapilli.simulators import Events
from lapilli.training.networks.one_step.config import Fusion, OneStepConfig
from lapilli.training.networks.one_step.network import OneStepNetwork

SMALL: dict[str, Any] = {"widths": (4, 6), "depths": (2, 1)}


def random_module(config: OneStepConfig, seed: int = 0, side: int = 16, channels: int = 3) -> OneStepNetwork:
    """A module with random weights, statistics and units, whose layers spike neither never nor always."""
    module = OneStepNetwork(config, (channels, side, side), 5)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            normal = torch.randn(parameter.shape, generator=generator)
            if name.endswith("weight"):
                parameter.copy_(normal * 2 * parameter[0].numel() ** -0.5)
            elif name.endswith("scale"):
                parameter.copy_(normal.abs() + 0.3)
            else:
                parameter.copy_(normal * 0.3)
        for name, buffer in module.named_buffers():
            uniform = torch.rand(buffer.shape, generator=generator)
            buffer.copy_(uniform - 0.5 if name.endswith("mean") else 2 * uniform + 0.3)
    return module.eval()


def random_images(module: OneStepNetwork, n_samples: int = 2, seed: int = 0) -> Events:
    """Images of values 0…255 in step 0."""
    generator = np.random.default_rng(seed)
    dense = generator.integers(0, 256, (n_samples, *module.input_shape, 1)).astype(np.int32)
    return Events.from_dense(dense, np.arange(n_samples) % module.n_classes)


def random_options(seed: int) -> dict[str, Any]:
    """Options of a small network, all of them drawn."""
    draw = random.Random(seed)
    return {
        "form": draw.choice(["mixed", "mixed", "strict"]),
        "groups": draw.choice([1, 2, 4, 4]),
        "dilated": draw.random() < 0.7,
        "fusion": draw.choice(get_args(Fusion)),
        "theta": draw.choice([0.25, 0.5, 1.0]),
        "join": draw.choice(["or", "median"]),
        "activation": draw.choice(["gelu", "relu"]),
        "norm": draw.choice(["none", "batch"]),
        "mlp_ratio": draw.choice([1, 3]),
        "largest_sigma": draw.choice([1.0, 5.0]),
    }
