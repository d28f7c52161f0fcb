"""SLAYER's time and the network's, and state that must not leak from batch to batch."""

import numpy as np
import torch

from lapilli.simulators import Events
from lapilli.training.networks.slayer import slayer
from lapilli.training.networks.time import clear_state, reads_input_directly, slayer_input

NEURON = {"threshold": 0.5, "current_decay": 0.3, "voltage_decay": 0.1}


def some_events(n_samples: int = 2, n_steps: int = 6) -> Events:
    return Events.from_dense(np.random.default_rng(0).random((n_samples, 5, n_steps)) < 0.4)


def test_input_is_one_step_late_and_padded() -> None:
    events = some_events()
    values = slayer_input(events, 9)
    assert values.shape == (2, 5, 9)
    assert values.dtype == torch.float32
    assert not values[..., 0].any()
    assert np.array_equal(values[..., 1:7].numpy(), events.to_dense())
    assert not values[..., 7:].any()


def test_input_without_the_frame_in_front() -> None:
    events = some_events()
    assert np.array_equal(slayer_input(events, 6, frame_in_front=False).numpy(), events.to_dense())


def test_input_later_than_the_steps_is_dropped() -> None:
    events = some_events()
    assert np.array_equal(slayer_input(events, 4)[..., 1:].numpy(), events.to_dense()[..., :3])
    assert slayer_input(events, 1).shape == (2, 5, 1)
    assert not slayer_input(events, 1).any()


def test_input_keeps_payloads_and_shape() -> None:
    dense = np.random.default_rng(0).integers(-3, 4, (2, 1, 2, 3, 5))
    values = slayer_input(Events.from_dense(dense), 6)
    assert np.array_equal(values[..., 1:].numpy(), dense)


def test_only_an_input_block_with_a_neuron_reads_directly() -> None:
    def module(first: torch.nn.Module) -> torch.nn.Module:
        holder = torch.nn.Module()
        holder.blocks = torch.nn.ModuleList([first, slayer.block.cuba.Dense(dict(NEURON), 5, 3)])
        return holder

    assert reads_input_directly(module(slayer.block.cuba.Input(dict(NEURON))))
    assert not reads_input_directly(module(slayer.block.cuba.Input(None, delay_shift=False)))
    assert not reads_input_directly(module(slayer.block.cuba.Flatten()))


def test_clear_state_stops_the_leak_of_recurrent_blocks() -> None:
    torch.manual_seed(0)
    block = slayer.block.cuba.Recurrent(dict(NEURON), 5, 8, weight_scale=4)
    values = slayer_input(some_events(3, 20), 21)
    first = block(values)
    assert not torch.equal(block(values), first), "SLAYER no longer leaks: clear_state may be superfluous"
    clear_state(block)
    assert torch.equal(block(values), first)


@torch.no_grad()
def test_clear_state_stops_the_leak_of_persistent_neurons() -> None:
    torch.manual_seed(0)
    block = slayer.block.cuba.Dense(NEURON | {"persistent_state": True}, 5, 8, weight_scale=4)
    values = slayer_input(some_events(3, 20), 21)
    first = block(values)
    assert not torch.equal(block(values), first)
    clear_state(block)
    assert torch.equal(block(values), first)
