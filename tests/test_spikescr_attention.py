"""Spike attention against what it stands for: whole sequences at once, every query with every key, in floats.

The memory of the reference grows step by step; here nothing has an order of steps but a mask of positions.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lapilli.netx_exports import INPUT, DenseSynapse, Layer, Network, SpikeAttention
from lapilli.netx_exports.neurons.kinds import LARGEST_THRESHOLD
from lapilli.simulators import Events, run
from lapilli.simulators.results import Recording

Floats = npt.NDArray[np.float64]

PORTS = ("query", "key", "value", "write")


@dataclass(frozen=True)
class Sequences:
    """Spikes, (samples, positions, heads, neurons of a head), as floats, and which keys are written."""

    query: Floats
    key: Floats
    value: Floats
    valid: Floats

    @property
    def shape(self) -> tuple[int, ...]:
        """(samples, positions, heads, neurons of a head)."""
        return self.query.shape


def random_sequences(seed: int, head: int) -> Sequences:
    rng = np.random.default_rng(seed)
    shape = (2, int(rng.integers(1, 25)), int(rng.integers(1, 4)), head)
    query, key, value = ((rng.random(shape) < rng.uniform(0.2, 0.7)).astype(float) for _ in range(3))
    # Shorter samples: their last positions are padding. And single keys that are masked.
    ends = rng.integers(1, shape[1] + 1, shape[0])
    valid = (np.arange(shape[1]) < ends[:, None]) & (rng.random(shape[:2]) < 0.9)
    return Sequences(query, key, value, valid.astype(float))


def attended(sequences: Sequences, seen: npt.NDArray[np.bool_], scale: float) -> Floats:
    """(Q Kᵀ scale, masked) V: `seen`, (queries, keys), says which positions a query sees."""
    scores = np.einsum("bthi,bphi->bhtp", sequences.query, sequences.key) * scale
    scores = np.where(seen & (sequences.valid[:, None, None, :] > 0), scores, 0.0)
    return np.einsum("bhtp,bphj->bthj", scores, sequences.value)


def positions_seen(n_positions: int, look_ahead: int, memory_decay: int = 0) -> npt.NDArray[np.bool_]:
    """Each query sees the keys up to W positions ahead; without memory the one that is W ahead only."""
    ahead = np.arange(n_positions)[None, :] - np.arange(n_positions)[:, None]
    return ahead == look_ahead if memory_decay == 4096 else ahead <= look_ahead


def stepwise(sequences: Sequences, look_ahead: int, neuron: SpikeAttention) -> Recording:
    """The reference's run: queries wait for W steps, and each arrival takes one."""
    samples, positions, heads, head = sequences.shape
    size = heads * head
    valid = np.broadcast_to(sequences.valid[..., None], (samples, positions, size))
    lines = [
        *(spikes.reshape(samples, positions, size) for spikes in (sequences.query, sequences.key)),
        sequences.value,
    ]
    lines = [line.reshape(samples, positions, size) for line in (*lines, valid)]
    dense = np.concatenate(lines, axis=-1).transpose(0, 2, 1).astype(int)
    synapses = tuple(
        DenseSynapse(
            INPUT,
            np.eye(size, 4 * size, number * size, dtype=int),
            weight_bits=9,
            delays=[[look_ahead if port == "query" else 0]],
            port=port,
        )
        for number, port in enumerate(PORTS)
    )
    network = Network((4 * size,), (Layer("attention", (size,), neuron, synapses),))
    n_steps = positions + look_ahead + 1
    record = {"attention": ("spikes", *neuron.states)}
    return run(network, Events.from_dense(dense), "reference", n_steps=n_steps, record=record).recordings["attention"]


def of_positions(values: Any, sequences: Sequences, look_ahead: int) -> Any:
    """(samples, neurons, steps) as (samples, positions, heads, neurons of a head): position t answers in t + 1 + W."""
    return np.asarray(values)[..., 1 + look_ahead :].transpose(0, 2, 1).reshape(sequences.shape)


@pytest.mark.parametrize("look_ahead", ["causal", "window", "all"])
@pytest.mark.parametrize("seed", range(12))
def test_current_is_that_of_whole_sequences(seed: int, look_ahead: str) -> None:
    head = (1, 2, 3, 4, 8, 16)[seed % 6]
    sequences = random_sequences(seed, head)
    positions = sequences.shape[1]
    ahead = {"causal": 0, "window": min(3, positions - 1), "all": positions}[look_ahead]
    memory_decay = 4096 if seed >= 9 else 0
    # Without memory of its own, and with a threshold out of reach, the voltage is the current.
    neuron = SpikeAttention(head, LARGEST_THRESHOLD, 4096, memory_decay=memory_decay)
    found = of_positions(stepwise(sequences, ahead, neuron).voltage, sequences, ahead)
    expected = 64 * attended(sequences, positions_seen(positions, ahead, memory_decay), scale=1.0)
    assert np.array_equal(found, expected)


def test_random_sequences_have_something_to_attend_to() -> None:
    found = [random_sequences(seed, 4) for seed in range(40)]
    busy = [attended(one, positions_seen(one.shape[1], 0), scale=1.0).any() for one in found]
    assert sum(busy) >= 35


@pytest.mark.parametrize("head", [1, 4, 16, 64])
@pytest.mark.parametrize("seed", range(3))
def test_scale_of_scores_is_a_higher_threshold(seed: int, head: int) -> None:
    """Spikes where (Q Kᵀ / √d) V reaches 1: the threshold is √d coincidences."""
    sequences = random_sequences(100 + seed, head)
    positions = sequences.shape[1]
    neuron = SpikeAttention(head, int(np.sqrt(head)), 4096)
    found = of_positions(stepwise(sequences, positions, neuron).spikes.to_dense(), sequences, positions)
    expected = attended(sequences, positions_seen(positions, positions), scale=1 / np.sqrt(head)) >= 1
    assert np.array_equal(found > 0, expected)


@pytest.mark.parametrize("seed", range(6))
def test_leaky_neurons_integrate_it(seed: int) -> None:
    """Voltage in floats, halved in each step and cut off at 1/64; to reach the threshold is enough."""
    head, ahead = 4, seed % 3
    sequences = random_sequences(200 + seed, head)
    neuron = SpikeAttention(head, 3, 2048)
    recording = stepwise(sequences, ahead, neuron)
    current = attended(sequences, positions_seen(sequences.shape[1], ahead), scale=1.0)
    voltage = np.zeros_like(current[:, 0])
    spikes = np.zeros(current.shape, bool)
    # Queries that wait for the keys ahead bring nothing before.
    for position in range(current.shape[1]):
        voltage = np.trunc(voltage / 2 * 64) / 64 + current[:, position]
        spikes[:, position] = voltage >= 3.0
        voltage[spikes[:, position]] = 0.0
    assert np.array_equal(of_positions(recording.spikes.to_dense(), sequences, ahead) > 0, spikes)


def test_memory_is_the_product_of_keys_and_values() -> None:
    head = 5
    sequences = random_sequences(7, head)
    recording = stepwise(sequences, 0, SpikeAttention(head, LARGEST_THRESHOLD, 0))
    written = sequences.value * sequences.valid[..., None, None]
    expected = 64 * np.einsum("bphi,bphj->bhij", sequences.key, written)
    found = np.stack([np.asarray(getattr(recording, f"memory_{key}"))[..., -1] for key in range(head)], axis=1)
    assert np.array_equal(found.reshape(len(found), head, -1, head).swapaxes(1, 2), expected)
