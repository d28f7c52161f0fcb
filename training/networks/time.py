"""How SLAYER's time maps to the network's: the frame in front of the input, and the state between batches.

In a `Network` a layer's synapse takes one step. In SLAYER the first block answers at once and every block shifts its
own output by one step. Fed with one empty frame in front, every SLAYER block has in each step the current, voltage and
spikes that the exported layer has in the same step, biases included.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from lapilli.simulators.events import Events
from lapilli.training.networks.slayer import slayer


def slayer_input(events: Events, n_steps: int, frame_in_front: bool = True) -> torch.Tensor:
    """Events as SLAYER takes them, aligned with the exported network.

    Arguments:
        events: any number of samples.
        n_steps: steps to run. What is later than that is dropped, what is missing is silence.
        frame_in_front: False for modules whose first block is a neuron without a synapse (`reads_input_directly`).

    Returns:
        (samples, *events.shape, n_steps), float32; events of step t are in frame t + 1, or t without the frame.
    """
    frame = events.step.astype(np.int64) + int(frame_in_front)
    kept = frame < n_steps
    places = (events.sample_of_event * n_steps + frame) * events.n_neurons + events.neuron
    by_step = np.zeros((len(events), n_steps, events.n_neurons), np.float32)
    by_step.reshape(-1)[places[kept]] = 1 if events.value is None else events.value[kept]
    # Rows of neurons lie by steps, as the fused blocks read them; images as convolutions do.
    values = torch.from_numpy(by_step).transpose(1, 2)
    return values if len(events.shape) == 1 else values.reshape(len(events), *events.shape, n_steps).contiguous()


def reads_input_directly(module: torch.nn.Module) -> bool:
    """Whether the first of `module.blocks` is an input block with a neuron."""
    first = module.blocks[0]
    return isinstance(first, slayer.block.base.AbstractInput) and first.neuron is not None


def clear_state(module: torch.nn.Module) -> None:
    """Forget what neurons remember from the last batch.

    SLAYER's recurrent blocks carry current and voltage over to the next batch when it has the same number of samples.
    """
    parts: Iterator[Any] = module.modules()
    for part in parts:
        for name in ("current_state", "voltage_state", "spike_state"):
            state = getattr(part, name, None)
            if state is not None:
                setattr(part, name, torch.zeros(1, dtype=state.dtype, device=state.device))
        if getattr(part, "delay_buffer", None) is not None:
            part.delay_buffer = None
