"""Random small networks of SpikeSCR's kinds: gated LIF, spike attention, sums, taps in time and rotary positions.

Part of them is wired as SpikeSCR is, with a line "valid" and a look-ahead; the others are wired as it comes.
"""

from collections.abc import Callable, Sequence

import numpy as np
from random_networks import Case
from random_neurons import DECAYS, pick, random_attention, random_neuron
from random_synapses import random_delay, random_exponent, random_rotary, random_table, random_taps, random_weights

from lapilli.netx_exports import (
    INPUT,
    CubaLif,
    DenseSynapse,
    GatedLif,
    IdentitySynapse,
    Layer,
    Network,
    RotarySynapse,
    SpikeAttention,
    Sum,
)
from lapilli.netx_exports.neurons.kinds import NEVER_SPIKES, Neuron
from lapilli.netx_exports.synapses.kinds import Synapse
from lapilli.simulators import Events, Reset, run

LOOK_AHEADS = ("none", "window", "sample")
MODELS = (SpikeAttention.model, SpikeAttention.model, GatedLif.model, Sum.model, CubaLif.model)


def random_spikescr(seed: int) -> Case:
    """A case: every third as SpikeSCR is wired, the others anyhow."""
    rng = np.random.default_rng(seed)
    if seed % 3 == 0:
        return _wired(rng, LOOK_AHEADS[seed // 3 % len(LOOK_AHEADS)])
    return _anyhow(rng)


def _wired(rng: np.random.Generator, look_ahead: str) -> Case:
    """Queries, keys and values, turned by their positions, meet in the attention; a gated layer reads them."""
    head = int(pick(rng, 2, 4, 6))
    size, length = head * int(rng.integers(1, 4)), int(rng.integers(5, 15))
    ahead = {"none": 0, "window": int(rng.integers(1, length)), "sample": length}[look_ahead]
    channels = int(rng.integers(2, 7))
    ones = np.ones((size, 1), np.int64)
    table = random_table(rng, length + int(rng.integers(-3, 3)), head // 2)
    lif, exact = CubaLif(int(pick(rng, 20, 60, 120)), 4096, 2048), CubaLif(0, 4096, 4096)
    only_last = np.eye(1, channels + 1, channels, dtype=np.int64)
    layers = [Layer("valid", (1,), exact, (DenseSynapse(INPUT, only_last, weight_bits=9),))]
    for name in ("q", "k", "v"):
        weights = 2 * rng.integers(-50, 90, (size, channels + 1))
        layers.append(Layer(name, (size,), lif, (DenseSynapse(INPUT, weights),)))
    for name in ("q", "k"):
        turned = RotarySynapse(name, table, start=1)
        layers.append(Layer(f"{name}r", (size,), CubaLif(int(pick(rng, 40, 128)), 4096, 2048), (turned,)))
    attention = SpikeAttention(
        head, int(pick(rng, 1, 2, 4)), int(pick(rng, *DECAYS)), memory_decay=int(pick(rng, 0, 0, 0, 100, 2048))
    )
    feeds = (
        IdentitySynapse("qr", 1, delay=ahead, port="query"),
        IdentitySynapse("kr", 1, port="key"),
        IdentitySynapse("v", 1, delay=1, port="value"),
        DenseSynapse("valid", ones, weight_bits=9, delays=np.full((1, 1), 1), port="write"),
    )
    layers.append(Layer("attention", (size,), attention, feeds))
    layers.append(Layer("sum", (size,), Sum(), (IdentitySynapse("attention", 40), random_taps(rng, "q", size))))
    drive = DenseSynapse("sum", rng.integers(-100, 100, (3, size)), weight_exp=int(pick(rng, -6, -3, 0)), port="drive")
    gate = DenseSynapse("valid", np.ones((3, 1), np.int64), weight_bits=9, port="gate")
    layers.append(Layer("head", (3,), GatedLif(int(pick(rng, 50, 500, NEVER_SPIKES)), 4096, 4096), (drive, gate)))
    dense = rng.random((1, channels + 1, length)) < pick(rng, 0.2, 0.5, 0.8)
    dense[:, -1] = True
    network = Network((channels + 1,), tuple(layers))
    return Case(network, Events.from_dense(dense), length + min(ahead + 6, length + 4), None)


def _anyhow(rng: np.random.Generator) -> Case:
    """Two to four layers of one size, whose ports are fed by any synapses from any sources."""
    head = int(pick(rng, 1, 2, 3, 4, 20, 6, 8))
    size = head * int(rng.integers(1, 4 if head > 1 else 7))
    graded = rng.random() < 0.5
    models = [str(pick(rng, *MODELS)) for _ in range(rng.integers(2, 5))]
    if rng.random() < 0.15:
        models = [CubaLif.model] * len(models)
    length = int(rng.integers(4, 15))
    n_steps = max(1, length + int(rng.integers(-2, 6)))
    events = _events(rng, size, graded, length)
    layers: tuple[Layer, ...] = ()
    for model in models:
        busy = 8 if rng.random() < 0.85 else 1
        for _ in range(busy):
            network = Network((size,), (*layers, _layer(rng, model, layers, size, head, graded)), graded_input=graded)
            if _is_busy(network, events, n_steps):
                break
        layers = network.layers
    resets = all(layer.neuron.lava_resets for layer in layers) and rng.random() < 0.5
    return Case(network, events, n_steps, Reset(int(rng.integers(1, n_steps + 2)), 1) if resets else None)


def _layer(
    rng: np.random.Generator, model: str, before: tuple[Layer, ...], size: int, head: int, graded: bool
) -> Layer:
    name, sources = f"layer{len(before)}", [INPUT, *(layer.name for layer in before)]
    values = {layer.name for layer in before if layer.neuron.graded} | ({INPUT} if graded else set())
    neuron = _neuron(rng, size, model, head)
    if neuron.graded:
        values.add(name)
    synapses = tuple(
        _synapse(rng, sources if rng.random() < 0.9 else [name], size, values, port, name)
        for port in neuron.ports
        for _ in range(1 + (rng.random() < 0.25))
        if port == neuron.ports[0] or rng.random() < 0.95
    )
    return Layer(name, (size,), neuron, synapses)


def _is_busy(network: Network, events: Events, n_steps: int) -> bool:
    """Whether the last layer does something: most that is drawn by chance stays silent, and compares nothing."""
    counts = run(network, events, "reference", n_steps=n_steps).counts
    named = [counts.named[name][:, -1].any() for name in network.output.neuron.counters]
    return bool(all(named) and (network.output.neuron.never_spikes or counts.sent[:, -1].any()))


def _events(rng: np.random.Generator, size: int, graded: bool, length: int) -> Events:
    shape = (1 + (rng.random() < 0.25), size, length)
    dense = (rng.random(shape) < pick(rng, 0.2, 0.5, 0.8, 1.0)).astype(np.int64)
    if graded:
        largest = int(pick(rng, 3, 255, 1 << 14, 1 << 23, 1 << 30))
        dense *= rng.integers(-largest if rng.random() < 0.6 else 1, largest + 1, dense.shape)
    return Events.from_dense(dense)


def _neuron(rng: np.random.Generator, size: int, model: str, head: int) -> Neuron:
    return random_attention(rng, (size,), head) if model == SpikeAttention.model else random_neuron(rng, (size,), model)


def _synapse(
    rng: np.random.Generator, sources: Sequence[str], size: int, values: set[str], port: str, target: str
) -> Synapse:
    source = sources[-1] if rng.random() < 0.5 else str(pick(rng, *sources))
    makers: list[Callable[[], Synapse]] = [
        lambda: random_taps(rng, source, size, port),
        lambda: _identity(rng, source, port),
        # Delays of dense synapses only from spikes: Lava's could overflow, and is refused.
        lambda: _dense(rng, source, size, port, delayed=source not in values and rng.random() < 0.4),
    ]
    if size % 2 == 0 and source != target:
        makers += [lambda: random_rotary(rng, source, size, port)] * 2
    return pick(rng, *makers)()


def _identity(rng: np.random.Generator, source: str, port: str) -> IdentitySynapse:
    return IdentitySynapse(
        source, int(pick(rng, 1, 1, 1, 255, 255, -256)), random_exponent(rng), random_delay(rng, 9), port=port
    )


def _dense(rng: np.random.Generator, source: str, size: int, port: str, *, delayed: bool) -> DenseSynapse:
    sign_mode = pick(rng, "mixed", "excitatory")
    weights = random_weights(rng, (size, size), sign_mode)
    delays = rng.integers(0, 5, pick(rng, (1, 1), (size, 1), (size, size))) if delayed else None
    return DenseSynapse(source, weights, random_exponent(rng), delays, sign_mode=sign_mode, port=port)
