"""A learning part with all numbers settled, as the twin and the Lava graph both take it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.kinds import CubaLif
from lapilli.netx_exports.readout import READOUTS, from_metadata
from lapilli.netx_exports.synapses.kinds import WEIGHT_RANGE, DenseSynapse, SignMode
from lapilli.simulators.learning.config import HiddenRule, LearningConfig, LearningError, Term
from lapilli.simulators.learning.parts import LearningPart

Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]

FROM_INPUT = -1

WEIGHT_BITS = 9
"""Learned weights use every bit: Lava's engine keeps the lowest one, which 8 bits with a sign would drop."""

_FEEDBACK_MAX = 63


@dataclass(frozen=True, eq=False)
class LayerPlan:
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
class SynapsePlan:
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
class LearningPlan:
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
    layers: tuple[LayerPlan, ...]
    synapses: tuple[SynapsePlan, ...]
    period: int
    window: int
    voltage_exp: int
    feedback_shift: int
    readout: str

    @property
    def n_classes(self) -> int:
        """Neurons of the readout."""
        return self.layers[-1].size

    def with_weights(self, weights: Sequence[Int16]) -> "LearningPlan":
        """The same with other weights, one array for each synapse."""
        synapses = tuple(replace(synapse, weights=array) for synapse, array in zip(self.synapses, weights, strict=True))
        return replace(self, synapses=synapses)


def learning_plan(part: LearningPart, config: LearningConfig, period: int) -> LearningPlan:
    """Settle the numbers.

    Raises:
        LearningError: when the network says that it decides by spikes, or a window is longer than a sample.
    """
    readout = _readout(part.network)
    if config.window is not None and config.window > period:
        raise LearningError(
            "learning", [f"window: must be at most the {period} steps of a sample, got {config.window}"]
        )
    sizes = part.network.shapes[part.source]
    names = part.names
    feedback = np.random.default_rng(config.feedback_seed)
    layers = tuple(_layer(layer, config, part.layers[-1].size, feedback) for layer in part.layers[:-1])
    layers += (_layer(part.layers[-1], config, None, feedback),)
    synapses: list[SynapsePlan] = []
    for number, layer in enumerate(part.layers):
        rule = config.readout if layer is part.layers[-1] else config.hidden
        for synapse in layer.synapses:
            assert isinstance(synapse, DenseSynapse)
            synapses.append(
                SynapsePlan(
                    number,
                    names.index(synapse.source) if synapse.source in names else FROM_INPUT,
                    synapse.effective_weights.astype(np.int16),
                    synapse.weight_exp,
                    synapse.sign_mode,
                    rule.causal,
                    getattr(rule, "non_causal", Term(0)),
                    float(rule.pre_tau),
                    float(rule.pre_impulse),
                    config.seed + 4 * len(synapses),
                )
            )
    return LearningPlan(
        int(np.prod(sizes)),
        layers,
        tuple(synapses),
        period,
        period if config.window is None else config.window,
        config.voltage_exp,
        config.feedback_shift,
        readout,
    )


def learned_network(part: LearningPart, weights: Sequence[Int16]) -> Network:
    """The network with new weights in its learning synapses, in the order of `LearningPlan.synapses`."""
    new = iter(weights)
    changed = {layer.name: _with_weights(layer, [next(new) for _ in layer.synapses]) for layer in part.layers}
    layers = tuple(changed.get(layer.name, layer) for layer in part.network.layers)
    return replace(part.network, layers=layers, metadata=dict(part.network.metadata))


def weight_limits(synapse: SynapsePlan) -> tuple[int, int]:
    """Smallest and largest weight."""
    return WEIGHT_RANGE[synapse.sign_mode]


def _with_weights(layer: Layer, weights: Sequence[Int16]) -> Layer:
    synapses = []
    for synapse, array in zip(layer.synapses, weights):
        assert isinstance(synapse, DenseSynapse)
        # Even weights need no ninth bit, so that what did not change stays the same file.
        even = not np.any(array & 1) or synapse.sign_mode != "mixed"
        bits = synapse.weight_bits if np.array_equal(array, synapse.effective_weights) else 8 if even else WEIGHT_BITS
        synapses.append(replace(synapse, weights=array, weight_bits=bits))
    return replace(layer, synapses=tuple(synapses))


def _layer(layer: Layer, config: LearningConfig, n_classes: int | None, feedback: np.random.Generator) -> LayerPlan:
    neuron = layer.neuron
    assert isinstance(neuron, CubaLif)
    thresholds = neuron.per_neuron("vth_mant", layer.shape)
    return LayerPlan(
        layer.name,
        layer.size,
        thresholds,
        neuron.per_neuron("current_decay", layer.shape),
        neuron.per_neuron("voltage_decay", layer.shape),
        neuron.per_neuron("bias_mant", layer.shape),
        neuron.bias_exp,
        None if n_classes is None else _settled(config.hidden, int(thresholds.max())),
        None if n_classes is None else _feedback(feedback, layer.size, n_classes),
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
