"""A learning plan as the arrays that the kernels take, and the arrays that change."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lapilli.simulators.decisions.softmax import exponentials
from lapilli.simulators.learning.plan import FROM_INPUT, LearningPlan, weight_limits

Int16 = npt.NDArray[np.int16]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

_CAUSAL_SHIFT = _NON_CAUSAL_SHIFT = 7
"""Exponents of the engine's products count from 2^-7."""


class Program(NamedTuple):
    """What does not change while a network learns.

    Arguments:
        period, window, voltage_exp, feedback_shift, n_inputs, n_classes: as of `LearningPlan`.
        softmax: whether a class is decided by the sum of softmax shares; else of voltages.
        layer_at, layer_n: where the neurons of each layer are.
        keep_current, keep_voltage, threshold, bias: of each neuron.
        psi_peak, psi_shift, post_decay, post_shift: of each layer, 0 of the readout.
        feedback: (neurons but those of the readout, classes).
        target, source_at, n_pre, weight_at, pre_at, weight_exp, low, high: of each synapse: its layer, where its
            sources are among all that send, its weights among all weights, its traces among all traces.
        causal, causal_shift, non_causal, non_causal_shift: mantissas and shifts of its products.
        coarse, fine: exponentials.
    """

    period: int
    window: int
    voltage_exp: int
    feedback_shift: int
    n_inputs: int
    n_classes: int
    softmax: bool
    layer_at: Int64
    layer_n: Int64
    keep_current: Int64
    keep_voltage: Int64
    threshold: Int64
    bias: Int64
    psi_peak: Int64
    psi_shift: Int64
    post_decay: Int64
    post_shift: Int64
    feedback: Int64
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
    coarse: Int64
    fine: Int64


class State(NamedTuple):
    """What changes while a network learns; all but `weights` starts from 0 with each sample.

    Arguments:
        weights: int16, of all synapses, one after the other.
        current, voltage, post: of each neuron; post: trace of Ψ with 6 bits below the point.
        arriving: what reaches each neuron in the next step; sums: of one synapse.
        sent, arrived: int32, who sent a spike in this step and in the one before: inputs, then neurons.
        pre: int32, traces of all synapses.
        listed, kept: sources of a synapse whose spike has arrived, and the weights that it met.
        signal: learning signals of the hidden neurons in the next step; error, powers: of each class.
        y1, y2, y3: what each neuron tells its synapses.
        records: whether the rest is filled: (steps, …) of what happened.
    """

    weights: Int16
    current: Int64
    voltage: Int64
    post: Int64
    arriving: Int64
    sums: Int64
    sent: Int32
    arrived: Int32
    pre: Int32
    listed: Int64
    kept: Int16
    signal: Int64
    error: Int64
    powers: Int64
    y1: Int64
    y2: Int64
    y3: Int64
    records: bool
    recorded_voltage: Int64
    record_sent: npt.NDArray[np.int8]
    record_voltage: Int32
    record_y: npt.NDArray[np.int8]
    record_pre: npt.NDArray[np.int8]


def compile_plan(plan: LearningPlan) -> Program:
    """Arrays for the kernels."""
    sizes = np.array([layer.size for layer in plan.layers], np.int64)
    layer_at = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    rules = [layer.rule for layer in plan.layers]
    n_pre = np.array([synapse.weights.shape[1] for synapse in plan.synapses], np.int64)
    n_weights = [synapse.weights.size for synapse in plan.synapses]
    sources = [synapse.source for synapse in plan.synapses]
    limits = np.array([weight_limits(synapse) for synapse in plan.synapses], np.int32)
    coarse, fine = exponentials()

    def neurons(name: str) -> Int64:
        return np.concatenate([getattr(layer, name) for layer in plan.layers]).astype(np.int64)

    def of_rules(name: str) -> Int64:
        return np.array([0 if rule is None else getattr(rule, name) for rule in rules], np.int64)

    def terms(name: str, part: str) -> Int64:
        return np.array([getattr(getattr(synapse, name), part) for synapse in plan.synapses], np.int64)

    return Program(
        plan.period,
        plan.window,
        plan.voltage_exp,
        plan.feedback_shift,
        plan.n_inputs,
        plan.n_classes,
        plan.readout == "softmax_sum",
        layer_at,
        sizes,
        4096 - neurons("current_decay"),
        4096 - neurons("voltage_decay"),
        neurons("vth_mant") << 6,
        np.concatenate([layer.bias_mant.astype(np.int64) << layer.bias_exp for layer in plan.layers]),
        of_rules("psi_peak"),
        of_rules("psi_shift"),
        of_rules("post_decay"),
        of_rules("post_shift"),
        np.concatenate(
            [np.zeros((0, plan.n_classes), np.int64)]
            + [layer.feedback.astype(np.int64) for layer in plan.layers if layer.feedback is not None]
        ),
        np.array([synapse.target for synapse in plan.synapses], np.int64),
        np.array([0 if n == FROM_INPUT else plan.n_inputs + layer_at[n] for n in sources], np.int64),
        n_pre,
        np.concatenate([[0], np.cumsum(n_weights)[:-1]]).astype(np.int64),
        np.concatenate([[0], np.cumsum(n_pre)[:-1]]).astype(np.int64),
        np.array([synapse.weight_exp for synapse in plan.synapses], np.int64),
        limits[:, 0].copy(),
        limits[:, 1].copy(),
        terms("causal", "mantissa"),
        terms("causal", "exponent") + _CAUSAL_SHIFT,
        terms("non_causal", "mantissa"),
        terms("non_causal", "exponent") + _NON_CAUSAL_SHIFT,
        coarse,
        fine,
    )


def new_state(plan: LearningPlan, recorded_steps: int = 0) -> State:
    """State with the plan's weights; with room for a record of so many steps."""
    n_neurons = sum(layer.size for layer in plan.layers)
    n_traces = sum(synapse.weights.shape[1] for synapse in plan.synapses)
    n_sent = plan.n_inputs + n_neurons

    def zeros(*shape: int) -> Int64:
        return np.zeros(shape, np.int64)

    return State(
        np.concatenate([synapse.weights.astype(np.int16).ravel() for synapse in plan.synapses]),
        zeros(n_neurons),
        zeros(n_neurons),
        zeros(n_neurons),
        zeros(n_neurons),
        zeros(n_neurons),
        np.zeros(n_sent, np.int32),
        np.zeros(n_sent, np.int32),
        np.zeros(n_traces, np.int32),
        zeros(n_sent),
        np.zeros(n_sent, np.int16),
        zeros(n_neurons - plan.n_classes),
        zeros(plan.n_classes),
        zeros(plan.n_classes),
        zeros(n_neurons),
        zeros(n_neurons),
        zeros(n_neurons),
        recorded_steps > 0,
        zeros(n_neurons),
        np.zeros((recorded_steps, n_sent), np.int8),
        np.zeros((recorded_steps, n_neurons), np.int32),
        np.zeros((recorded_steps, 3, n_neurons), np.int8),
        np.zeros((recorded_steps, n_traces), np.int8),
    )


def split_weights(plan: LearningPlan, weights: Int16) -> tuple[Int16, ...]:
    """Weights of each synapse, (neurons, source neurons), from all of them in a row; copies."""
    shapes: Sequence[tuple[int, ...]] = [synapse.weights.shape for synapse in plan.synapses]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    return tuple(part.reshape(shape).copy() for part, shape in zip(np.split(weights, ends), shapes))
