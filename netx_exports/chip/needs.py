"""What a network would need of a Loihi 2 chip: neurons, memory, delay slots, axons and cores, by stated rules.

Everything but the cores is counted exactly by its rule. The number of cores is an estimate: the smallest that the
published limits allow. Axon tables, microcode, indices and padding take memory too, and Intel's compiler splits a
layer in its own way, so it takes more (docs/how-to/loihi2.md compares them for PilotNet).
"""

from dataclasses import dataclass
from math import prod
from typing import Any

from lapilli.netx_exports.chip.limits import (
    ACCUMULATOR_BITS,
    BIAS_BITS,
    CORES_OF_CHIP,
    DELAY_BITS,
    MEMORY_OF_CORE,
    NEURONS_OF_CORE,
    STATE_BITS,
    WEIGHT_BITS,
)
from lapilli.netx_exports.chip.problems import chip_problems
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.synapses.synapse import Synapse

RULES = {
    "neurons": "neurons of the layer",
    "state_bits": f"neurons x ({STATE_BITS} bits for each state of the model + {BIAS_BITS} for the bias) [lava]",
    "synapse_bits": (
        f"dense: each pair of neurons, zeros too, {WEIGHT_BITS} bits or the fewer that the network asks for [scaling]; "
        f"conv: the kernel once, {WEIGHT_BITS} bits a weight, on every core of the layer again [brief]; "
        f"identity: {WEIGHT_BITS} bits a neuron; {DELAY_BITS} bits more for each weight with delays [lava]"
    ),
    "delay_slots": f"neurons x (largest delay + 1): sums of {ACCUMULATOR_BITS} bits of steps to come [davies, lava]",
    "axons_in": "on each core of the layer: one for each source neuron, dense and identity [netx]; conv: not known",
    "axons_out": "neurons x synapses that read the layer (the host, where none does)",
    "cores_at_least": (
        f"estimate: fewest cores of {NEURONS_OF_CORE} neurons and {MEMORY_OF_CORE // 8 // 1024} KB for state, delay "
        "slots and synapses; a neuron and its synapses lie on one core, layers share none [brief, scaling]"
    ),
    "chips_at_least": f"estimate: cores / {CORES_OF_CHIP} [lava]",
}
"""How each figure comes about; docs/how-to/loihi2.md explains the letters of the sources."""


@dataclass(frozen=True)
class LayerNeeds:
    """One layer. `RULES` says how each figure comes about.

    Arguments:
        name: of the layer.
        neurons: number of neurons.
        state_bits: memory of all neurons' states.
        synapse_bits: memory of all synapses' weights and delays, a convolution's kernels once.
        kernel_bits: the part of it that every core of the layer needs again.
        delay_slots: accumulators of input of steps to come, of all neurons.
        axons_in: entries for spikes that come in, on each core of the layer; None where no rule is known.
        axons_out: entries for spikes that go out, of all neurons.
        cores_at_least: estimate of cores; None: one neuron needs more memory than a core has.
        limit: what the cores run out of first, "neurons" or "memory".
    """

    name: str
    neurons: int
    state_bits: int
    synapse_bits: int
    kernel_bits: int
    delay_slots: int
    axons_in: int | None
    axons_out: int
    cores_at_least: int | None
    limit: str


@dataclass(frozen=True)
class ChipNeeds:
    """What the chip would need for a network.

    Arguments:
        layers: layer by layer.
        neurons, state_bits, synapse_bits, delay_slots, axons_out: sums over the layers.
        cores_at_least, chips_at_least: estimates; None where a layer does not fit.
        problems: what of the network the chip cannot express.
        rules: how each figure comes about.
    """

    layers: tuple[LayerNeeds, ...]
    neurons: int
    state_bits: int
    synapse_bits: int
    delay_slots: int
    axons_out: int
    cores_at_least: int | None
    chips_at_least: int | None
    problems: tuple[str, ...]
    rules: dict[str, str]


def chip_needs(network: Network) -> ChipNeeds:
    """Count what a Loihi 2 chip would need for `network`."""
    layers = tuple(_layer_needs(network, layer) for layer in network.layers)
    cores = [layer.cores_at_least for layer in layers if layer.cores_at_least is not None]
    fits = len(cores) == len(layers)
    too_large = tuple(
        f"layer {layer.name!r}: a neuron and its synapses need more than a core's {MEMORY_OF_CORE // 8 // 1024} KB"
        for layer in layers
        if layer.cores_at_least is None
    )

    def total(name: str) -> Any:
        return sum(getattr(layer, name) for layer in layers)

    return ChipNeeds(
        layers=layers,
        neurons=total("neurons"),
        state_bits=total("state_bits"),
        synapse_bits=total("synapse_bits"),
        delay_slots=total("delay_slots"),
        axons_out=total("axons_out"),
        cores_at_least=sum(cores) if fits else None,
        chips_at_least=_ceil(sum(cores), CORES_OF_CHIP) if fits else None,
        problems=chip_problems(network) + too_large,
        rules=dict(RULES),
    )


def _layer_needs(network: Network, layer: Layer) -> LayerNeeds:
    own_bits = sum(_bits(layer, synapse) for synapse in layer.synapses if not synapse.spatial)
    kernel_bits = sum(_bits(layer, synapse) for synapse in layer.synapses if synapse.spatial)
    state_bits = STATE_BITS * layer.neuron.kept_states + BIAS_BITS
    slots = 1 + max(synapse.delay_range[1] for synapse in layer.synapses)
    cores, limit = _cores(layer.size, state_bits + slots * ACCUMULATOR_BITS + own_bits // layer.size, kernel_bits)
    readers = sum(synapse.source == layer.name for other in network.layers for synapse in other.synapses)
    return LayerNeeds(
        name=layer.name,
        neurons=layer.size,
        state_bits=layer.size * state_bits,
        synapse_bits=own_bits + kernel_bits,
        kernel_bits=kernel_bits,
        delay_slots=layer.size * slots,
        axons_in=_axons_in(network, layer),
        axons_out=layer.size * max(1, readers),
        cores_at_least=cores,
        limit=limit,
    )


def _bits(layer: Layer, synapse: Synapse) -> int:
    """Memory of a synapse's weights and delays."""
    return synapse.chip_bits(prod(layer.fed_shape(synapse)))


def _cores(neurons: int, bits_of_neuron: int, kernel_bits: int) -> tuple[int | None, str]:
    """(fewest cores, or None if a neuron does not fit; what they run out of first)."""
    by_memory = max(0, MEMORY_OF_CORE - kernel_bits) // bits_of_neuron
    limit = "memory" if by_memory < NEURONS_OF_CORE else "neurons"
    return (_ceil(neurons, min(by_memory, NEURONS_OF_CORE)) if by_memory else None), limit


def _axons_in(network: Network, layer: Layer) -> int | None:
    if any(synapse.spatial for synapse in layer.synapses):
        return None
    sources = [synapse.source for synapse in layer.synapses if synapse.weighted and synapse.reads_events]
    return sum(prod(network.shapes[source]) for source in sources)


def _ceil(amount: int, unit: int) -> int:
    return -(-amount // unit)
