"""A blueprint as the arrays that the kernels take, and the arrays that change.

All are records of records, by name, which numba takes as they are.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lapilli.simulators.decisions.softmax import exponentials
from lapilli.simulators.learning.blueprint import (
    FROM_INPUT,
    LayerBlueprint,
    LearningBlueprint,
    SynapseBlueprint,
    weight_limits,
)

Int8 = npt.NDArray[np.int8]
Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

_CAUSAL_SHIFT = _NON_CAUSAL_SHIFT = 7
"""Exponents of the engine's products count from 2^-7."""


class LayerArrays(NamedTuple):
    """Of each layer.

    Arguments:
        at, n: where its neurons are among all, and how many.
        psi_peak, psi_shift, post_decay, post_shift: of its rule, 0 of the readout.
    """

    at: Int64
    n: Int64
    psi_peak: Int64
    psi_shift: Int64
    post_decay: Int64
    post_shift: Int64


class NeuronArrays(NamedTuple):
    """Of each neuron.

    Arguments:
        keep_current, keep_voltage: what a step leaves of current and voltage, in units of 1/4096.
        threshold, bias: in units of the voltage.
        feedback: weights of the errors, (neurons but those of the readout, classes).
    """

    keep_current: Int64
    keep_voltage: Int64
    threshold: Int64
    bias: Int64
    feedback: Int64


class SynapseArrays(NamedTuple):
    """Of each synapse.

    Arguments:
        target: its layer.
        source_at, n_pre: where its sources are among all that send, and how many.
        weight_at, pre_at: where its weights are among all weights, and its traces among all traces.
        weight_exp, low, high: of its weights.
        causal, causal_shift, non_causal, non_causal_shift: mantissas and shifts of its products.
    """

    target: Int64
    source_at: Int64
    n_pre: Int64
    weight_at: Int64
    pre_at: Int64
    weight_exp: Int64
    low: Int32
    high: Int32
    causal: Int64
    causal_shift: Int64
    non_causal: Int64
    non_causal_shift: Int64


class Fixed(NamedTuple):
    """What does not change while a network learns.

    Arguments:
        n_inputs, n_classes, period, window, voltage_exp, feedback_shift: as of `LearningBlueprint`.
        softmax: whether a class is decided by the sum of softmax shares; else of voltages.
        layers, neurons, synapses: of each one.
        coarse, fine: exponentials.
    """

    n_inputs: int
    n_classes: int
    period: int
    window: int
    voltage_exp: int
    feedback_shift: int
    softmax: bool
    layers: LayerArrays
    neurons: NeuronArrays
    synapses: SynapseArrays
    coarse: Int64
    fine: Int64


class NeuronState(NamedTuple):
    """Of each neuron.

    Arguments:
        current, voltage: in units of the voltage.
        post: trace of Ψ with 6 bits below the point.
        arriving: what reaches it in the next step.
        y1, y2, y3: what it tells its synapses.
    """

    current: Int64
    voltage: Int64
    post: Int64
    arriving: Int64
    y1: Int64
    y2: Int64
    y3: Int64


class Scratch(NamedTuple):
    """Room for what is used up at once.

    Arguments:
        sums: what one synapse brings to each neuron.
        listed, kept: sources of a synapse whose spike has arrived, and the weights that it met.
        powers: exponential of each class.
    """

    sums: Int64
    listed: Int64
    kept: Int16
    powers: Int64


class StepRecord(NamedTuple):
    """What happened in each step.

    Arguments:
        wanted: whether it is filled; else there is room for no step.
        sent: of each who sends, (steps, inputs and neurons).
        voltage: before the reset, (steps, neurons).
        y: y1, y2 and y3, (steps, 3, neurons).
        pre: (steps, traces).
        voltage_now: of the step that is being run.
    """

    wanted: bool
    sent: Int8
    voltage: Int32
    y: Int8
    pre: Int8
    voltage_now: Int64


class TwinState(NamedTuple):
    """What changes while a network learns; all but the weights starts from 0 with each sample.

    Arguments:
        weights: of all synapses, one after the other.
        neurons: of each one.
        sent, arrived: who sent a spike in this step and in the one before: inputs, then neurons.
        pre: traces of all synapses.
        signal: learning signals of the hidden neurons in the next step.
        error: of each class.
        scratch, record: see there.
    """

    weights: Int16
    neurons: NeuronState
    sent: Int32
    arrived: Int32
    pre: Int32
    signal: Int64
    error: Int64
    scratch: Scratch
    record: StepRecord


def fixed_arrays(blueprint: LearningBlueprint) -> Fixed:
    """Arrays for the kernels."""
    coarse, fine = exponentials()
    layers = _layers(blueprint.layers)
    return Fixed(
        n_inputs=blueprint.n_inputs,
        n_classes=blueprint.n_classes,
        period=blueprint.period,
        window=blueprint.window,
        voltage_exp=blueprint.voltage_exp,
        feedback_shift=blueprint.feedback_shift,
        softmax=blueprint.readout == "softmax_sum",
        layers=layers,
        neurons=_neurons(blueprint.layers, blueprint.n_classes),
        synapses=_synapses(blueprint.synapses, blueprint.n_inputs, layers.at),
        coarse=coarse,
        fine=fine,
    )


def new_twin_state(blueprint: LearningBlueprint, recorded_steps: int = 0) -> TwinState:
    """State with the blueprint's weights; with room for a record of so many steps."""
    n_neurons = sum(layer.size for layer in blueprint.layers)
    n_traces = sum(synapse.weights.shape[1] for synapse in blueprint.synapses)
    n_sent = blueprint.n_inputs + n_neurons
    return TwinState(
        weights=np.concatenate([synapse.weights.astype(np.int16).ravel() for synapse in blueprint.synapses]),
        neurons=NeuronState(**{name: np.zeros(n_neurons, np.int64) for name in NeuronState._fields}),
        sent=np.zeros(n_sent, np.int32),
        arrived=np.zeros(n_sent, np.int32),
        pre=np.zeros(n_traces, np.int32),
        signal=np.zeros(n_neurons - blueprint.n_classes, np.int64),
        error=np.zeros(blueprint.n_classes, np.int64),
        scratch=Scratch(
            sums=np.zeros(n_neurons, np.int64),
            listed=np.zeros(n_sent, np.int64),
            kept=np.zeros(n_sent, np.int16),
            powers=np.zeros(blueprint.n_classes, np.int64),
        ),
        record=StepRecord(
            wanted=recorded_steps > 0,
            sent=np.zeros((recorded_steps, n_sent), np.int8),
            voltage=np.zeros((recorded_steps, n_neurons), np.int32),
            y=np.zeros((recorded_steps, 3, n_neurons), np.int8),
            pre=np.zeros((recorded_steps, n_traces), np.int8),
            voltage_now=np.zeros(n_neurons, np.int64),
        ),
    )


def split_weights(blueprint: LearningBlueprint, weights: Int16) -> tuple[Int16, ...]:
    """Weights of each synapse, (neurons, source neurons), from all of them in a row; copies."""
    shapes: Sequence[tuple[int, ...]] = [synapse.weights.shape for synapse in blueprint.synapses]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    return tuple(part.reshape(shape).copy() for part, shape in zip(np.split(weights, ends), shapes))


def _layers(layers: Sequence[LayerBlueprint]) -> LayerArrays:
    sizes = [layer.size for layer in layers]

    def of_rules(name: str) -> Int64:
        return np.array([0 if layer.rule is None else getattr(layer.rule, name) for layer in layers], np.int64)

    return LayerArrays(
        at=_starts(sizes),
        n=np.array(sizes, np.int64),
        psi_peak=of_rules("psi_peak"),
        psi_shift=of_rules("psi_shift"),
        post_decay=of_rules("post_decay"),
        post_shift=of_rules("post_shift"),
    )


def _neurons(layers: Sequence[LayerBlueprint], n_classes: int) -> NeuronArrays:
    nothing = np.zeros((0, n_classes), np.int64)
    return NeuronArrays(
        keep_current=_joined([4096 - layer.current_decay.astype(np.int64) for layer in layers]),
        keep_voltage=_joined([4096 - layer.voltage_decay.astype(np.int64) for layer in layers]),
        threshold=_joined([layer.vth_mant.astype(np.int64) << 6 for layer in layers]),
        bias=_joined([layer.bias_mant.astype(np.int64) << layer.bias_exp for layer in layers]),
        feedback=_joined([nothing, *(layer.feedback for layer in layers if layer.feedback is not None)]),
    )


def _synapses(synapses: Sequence[SynapseBlueprint], n_inputs: int, layer_at: Int64) -> SynapseArrays:
    n_pre = [synapse.weights.shape[1] for synapse in synapses]
    limits = [weight_limits(synapse) for synapse in synapses]
    return SynapseArrays(
        target=np.array([synapse.target for synapse in synapses], np.int64),
        source_at=np.array([_source_at(synapse, n_inputs, layer_at) for synapse in synapses], np.int64),
        n_pre=np.array(n_pre, np.int64),
        weight_at=_starts([synapse.weights.size for synapse in synapses]),
        pre_at=_starts(n_pre),
        weight_exp=np.array([synapse.weight_exp for synapse in synapses], np.int64),
        low=np.array([low for low, _ in limits], np.int32),
        high=np.array([high for _, high in limits], np.int32),
        causal=np.array([synapse.causal.mantissa for synapse in synapses], np.int64),
        causal_shift=np.array([synapse.causal.exponent + _CAUSAL_SHIFT for synapse in synapses], np.int64),
        non_causal=np.array([synapse.non_causal.mantissa for synapse in synapses], np.int64),
        non_causal_shift=np.array([synapse.non_causal.exponent + _NON_CAUSAL_SHIFT for synapse in synapses], np.int64),
    )


def _source_at(synapse: SynapseBlueprint, n_inputs: int, layer_at: Int64) -> int:
    return 0 if synapse.source == FROM_INPUT else n_inputs + int(layer_at[synapse.source])


def _starts(sizes: Sequence[int]) -> Int64:
    """Where each part begins in a row of parts of these sizes."""
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)


def _joined(parts: Sequence[npt.NDArray[np.integer[Any]]]) -> Int64:
    return np.concatenate(parts).astype(np.int64)
