"""A learning part with all numbers settled, as the twin and the Lava graph both take it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.readout import READOUTS, from_metadata
from lapilli.netx_exports.synapses.kinds import WEIGHT_RANGE, SignMode
from lapilli.simulators.learning.config import HiddenRule, LearningConfig, LearningError, Term
from lapilli.simulators.learning.parts import LearningPart, learning_neuron, learning_synapses

Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]

FROM_INPUT = -1

WEIGHT_BITS = 9
"""Learned weights use every bit: Lava's engine keeps the lowest one, which 8 bits with a sign would drop."""

_FEEDBACK_MAX = 63

_SEEDS_OF_SYNAPSE = 4
"""Traces of x draw from the first two, those of y from the others (`streams.py`)."""


@dataclass(frozen=True, eq=False)
class LayerBlueprint:
    """Neurons of a learning layer.

    Arguments:
        name, size: of the layer.
        vth_mant, current_decay, voltage_decay, bias_mant: int32, of each neuron, as of `CubaLif`; bias_exp: of all.
        rule: how it learns, `psi_shift` settled; None for the readout.
        feedback: int16, (neurons, classes), even; None for the readout.
    """

    name: str
    size: int
    vth_mant: Int32
    current_decay: Int32
    voltage_decay: Int32
    bias_mant: Int32
    bias_exp: int
    rule: HiddenRule | None
    feedback: Int16 | None


@dataclass(frozen=True, eq=False)
class SynapseBlueprint:
    """A synapse that learns.

    Arguments:
        target: number of its layer among the learning ones.
        source: number of a learning layer, or `FROM_INPUT`.
        weights: int16, (neurons, source neurons).
        weight_exp, sign_mode: as of `DenseSynapse`.
        causal, non_causal, pre_tau, pre_impulse: of its rule.
        seed: of the rounding of its traces.
    """

    target: int
    source: int
    weights: Int16
    weight_exp: int
    sign_mode: SignMode
    causal: Term
    non_causal: Term
    pre_tau: float
    pre_impulse: float
    seed: int


@dataclass(frozen=True, eq=False)
class LearningBlueprint:
    """Everything that a learning run needs but events, labels and the number of steps learnt before.

    Arguments:
        n_inputs: neurons of the layer, or input, that feeds the learning layers.
        layers, synapses: those that learn; the last layer is the readout.
        period: steps of a sample.
        window: last steps of a sample in which the error counts.
        voltage_exp, feedback_shift: as of `LearningConfig`.
        readout: how a class is decided, of `lapilli.netx_exports.readout.READOUTS`.
    """

    n_inputs: int
    layers: tuple[LayerBlueprint, ...]
    synapses: tuple[SynapseBlueprint, ...]
    period: int
    window: int
    voltage_exp: int
    feedback_shift: int
    readout: str

    @property
    def n_classes(self) -> int:
        """Neurons of the readout."""
        return self.layers[-1].size

    def with_weights(self, weights: Sequence[Int16]) -> "LearningBlueprint":
        """The same with other weights, one array for each synapse."""
        synapses = tuple(replace(synapse, weights=array) for synapse, array in zip(self.synapses, weights, strict=True))
        return replace(self, synapses=synapses)


def learning_blueprint(part: LearningPart, config: LearningConfig, period: int) -> LearningBlueprint:
    """Settle the numbers.

    Raises:
        LearningError: when the network says that it decides by spikes, or a window is longer than a sample.
    """
    readout = _readout(part.network)
    if config.window is not None and config.window > period:
        raise LearningError(
            "learning", [f"window: must be at most the {period} steps of a sample, got {config.window}"]
        )
    feedback = np.random.default_rng(config.feedback_seed)
    n_classes = part.layers[-1].size
    layers = [_hidden_layer(layer, config.hidden, n_classes, feedback) for layer in part.layers[:-1]]
    return LearningBlueprint(
        n_inputs=int(np.prod(part.network.shapes[part.source])),
        layers=(*layers, _layer(part.layers[-1], rule=None, feedback=None)),
        synapses=tuple(_synapses(part, config)),
        period=period,
        window=period if config.window is None else config.window,
        voltage_exp=config.voltage_exp,
        feedback_shift=config.feedback_shift,
        readout=readout,
    )


def learned_network(part: LearningPart, weights: Sequence[Int16]) -> Network:
    """The network with new weights in its learning synapses, in the order of `LearningBlueprint.synapses`."""
    new = iter(weights)
    changed = {layer.name: _with_weights(layer, [next(new) for _ in layer.synapses]) for layer in part.layers}
    layers = tuple(changed.get(layer.name, layer) for layer in part.network.layers)
    return replace(part.network, layers=layers, metadata=dict(part.network.metadata))


def weight_limits(synapse: SynapseBlueprint) -> tuple[int, int]:
    """Smallest and largest weight."""
    return WEIGHT_RANGE[synapse.sign_mode]


def _with_weights(layer: Layer, weights: Sequence[Int16]) -> Layer:
    synapses = []
    for synapse, array in zip(learning_synapses(layer), weights, strict=True):
        # Even weights need no ninth bit, so that what did not change stays the same file.
        even = not np.any(array & 1) or synapse.sign_mode != "mixed"
        bits = synapse.weight_bits if np.array_equal(array, synapse.effective_weights) else 8 if even else WEIGHT_BITS
        synapses.append(replace(synapse, weights=array, weight_bits=bits))
    return replace(layer, synapses=tuple(synapses))


def _hidden_layer(layer: Layer, rule: HiddenRule, n_classes: int, generator: np.random.Generator) -> LayerBlueprint:
    thresholds = learning_neuron(layer).per_neuron("vth_mant", layer.shape)
    return _layer(layer, _settled(rule, int(thresholds.max())), _feedback(generator, layer.size, n_classes))


def _layer(layer: Layer, rule: HiddenRule | None, feedback: Int16 | None) -> LayerBlueprint:
    neuron = learning_neuron(layer)
    return LayerBlueprint(
        name=layer.name,
        size=layer.size,
        vth_mant=neuron.per_neuron("vth_mant", layer.shape),
        current_decay=neuron.per_neuron("current_decay", layer.shape),
        voltage_decay=neuron.per_neuron("voltage_decay", layer.shape),
        bias_mant=neuron.per_neuron("bias_mant", layer.shape),
        bias_exp=neuron.bias_exp,
        rule=rule,
        feedback=feedback,
    )


def _synapses(part: LearningPart, config: LearningConfig) -> Iterator[SynapseBlueprint]:
    seeds = count(config.seed, _SEEDS_OF_SYNAPSE)
    for target, layer in enumerate(part.layers):
        rule = config.readout if layer is part.layers[-1] else config.hidden
        for synapse in learning_synapses(layer):
            yield SynapseBlueprint(
                target=target,
                source=part.names.index(synapse.source) if synapse.source in part.names else FROM_INPUT,
                weights=synapse.effective_weights.astype(np.int16),
                weight_exp=synapse.weight_exp,
                sign_mode=synapse.sign_mode,
                causal=rule.causal,
                non_causal=rule.non_causal if isinstance(rule, HiddenRule) else Term(0),
                pre_tau=float(rule.pre_tau),
                pre_impulse=float(rule.pre_impulse),
                seed=next(seeds),
            )


def _feedback(generator: np.random.Generator, size: int, n_classes: int) -> Int16:
    # Even, because the stock Dense that carries the feedback drops the lowest bit of signed weights.
    return (2 * generator.integers(-_FEEDBACK_MAX, _FEEDBACK_MAX + 1, (size, n_classes))).astype(np.int16)


def _settled(rule: HiddenRule, vth_mant: int) -> HiddenRule:
    """With a `psi_shift` that makes Ψ as wide as the threshold is high, to a factor of 2 at most."""
    if rule.psi_shift is not None:
        return rule
    return replace(rule, psi_shift=int(np.clip(round(np.log2(max(1, (vth_mant << 6) / rule.psi_peak))), 0, 23)))


def _readout(network: Network) -> str:
    readout = network.readout or from_metadata(network.metadata)
    kind = "voltage_sum" if readout is None else readout.kind
    if "voltage" not in READOUTS.get(kind, ()):
        learnt = " or ".join(name for name, states in READOUTS.items() if "voltage" in states)
        raise LearningError("network", [f"readout: must be {learnt} to learn, got {kind!r}"])
    return kind
