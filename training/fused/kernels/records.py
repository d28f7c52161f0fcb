"""What the kernels of a layer take, by name, and the names of what a layer does.

`Modes` and `Wanted` say what happens. An array that belongs to something that does not happen is `absent`, and no
kernel reads it: kernels ask the names, never an array's size.

numba's disk cache does not see when the fields of these classes change places. It sees this file, because every kernel
that takes them uses a function of this file.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lapilli.simulators.compiled import spliced


class Modes(NamedTuple):
    """What happens in a layer.

    Arguments:
        events: events meet weights.
        numbers: something arrives as real numbers.
        recurrent: spikes meet the weights of a recurrent synapse in the next step.
        dropout: what is sent is multiplied by factors.
        spiking: neurons spike and are reset; else they send their voltages.
        own_delays: each neuron is late by steps of its own; else all by the same.
        chunks: states are kept at the borders of chunks of steps, which run again on the way back.
        keeps_currents, keeps_voltages: those of every step are kept.
    """

    events: bool
    numbers: bool
    recurrent: bool
    dropout: bool
    spiking: bool
    own_delays: bool
    chunks: bool
    keeps_currents: bool
    keeps_voltages: bool


class Wanted(NamedTuple):
    """Which gradients are asked for on the way back.

    Arguments:
        decays, bias, delays: those of `Sums`.
        weights, feedback: of the synapses' weights.
        arriving: of what arrives, to be handed out.
    """

    decays: bool
    bias: bool
    delays: bool
    weights: bool
    feedback: bool
    arriving: bool


class Events(NamedTuple):
    """Events of a batch, ordered by sample and step.

    Arguments:
        starts: where those of each sample and step start, int64 (samples * steps + 1).
        sources: their channels, int32 (events).
        are_graded: whether they have `values`, single precision (events); else each is 1.
    """

    starts: Any
    sources: Any
    values: Any
    are_graded: bool


@spliced
def events_of(events, row):
    """Where the events of a sample and step begin and end."""
    return events.starts[row], events.starts[row + 1]


@spliced
def value_of(events, event):
    """The value of an event."""
    return events.values[event] if events.are_graded else np.float32(1)


class Incoming(NamedTuple):
    """What arrives at a layer.

    Arguments:
        events: `Events`; weights: int8 (inputs, neurons) that they meet.
        real: what arrives as real numbers in SLAYER's unit, (samples, steps, neurons), from sample `real_first` on.
        feedback: weights of a recurrent synapse, int8 (neurons, neurons).
    """

    events: Events
    weights: Any
    real: Any
    real_first: Any
    feedback: Any


class Cells(NamedTuple):
    """Constants of neurons.

    Arguments:
        scale: units of fixed point in SLAYER's unit, single precision.
        keep_current, keep_voltage: 4096 less the decay, uint32.
        threshold: the least voltage that spikes, in units.
        bias: added to the voltages in each step, in units, int32 (neurons).
        noise: factors of dropout, (samples, steps or 1, neurons).
        shifts: steps by which the output of each neuron is late; uniform_shift: the same of all neurons.
    """

    scale: Any
    keep_current: Any
    keep_voltage: Any
    threshold: Any
    bias: Any
    noise: Any
    shifts: Any
    uniform_shift: Any


class Kept(NamedTuple):
    """What the forward pass keeps.

    Arguments:
        currents, voltages: before the reset, (samples, steps, neurons), the upper 16 bits (int16).
        low_currents, low_voltages: their lower 8 bits (uint8).
        interval: steps of a chunk.
        borders: current and voltage before the reset at the start of each chunk, int32 (samples, chunks, 2, neurons).
    """

    currents: Any
    low_currents: Any
    voltages: Any
    low_voltages: Any
    borders: Any
    interval: int


class Slope(NamedTuple):
    """How gradients pass neurons.

    Arguments:
        unit: of voltages and currents.
        threshold, peak: of the surrogate, in SLAYER's unit; steepness: log2(e) / tau of it.
        keep_current, keep_voltage: share of the state that a step keeps, single precision.
    """

    unit: Any
    threshold: Any
    steepness: Any
    peak: Any
    keep_current: Any
    keep_voltage: Any


class Sums(NamedTuple):
    """Gradients of what neurons have, (neurons), double precision; added to.

    Those of decays and delays are as SLAYER defines them.
    """

    current_decay: Any
    voltage_decay: Any
    bias: Any
    delay: Any


class Found(NamedTuple):
    """Gradients of what is in front of the neurons.

    Arguments:
        weights: (inputs, neurons), feedback: (neurons, neurons); both are added to.
        arriving: of what arrives, (samples, steps, neurons), from sample `first` on, as the gradients of the output.
    """

    weights: Any
    feedback: Any
    arriving: Any
    first: int


class StepRoom(NamedTuple):
    """Room for one step of a sample, int32 (neurons) each.

    Arguments:
        arriving: what arrives, in units.
        before_reset: voltages before the reset.
        spiking: neurons that spike.
        current, voltage: states of a sample that runs again.
    """

    arriving: Any
    before_reset: Any
    spiking: Any
    current: Any
    voltage: Any


class OrderRoom(NamedTuple):
    """Room to bring the events of a sample into the order of their sources.

    Arguments:
        steps: int32, for as many events as a sample has at most.
        ends: int32, a number for each source.
    """

    steps: Any
    ends: Any


class BackRoom(NamedTuple):
    """Room for the way back of some samples at once.

    Arguments:
        step: `StepRoom`.
        row: single precision (neurons).
        through_current, through_voltage: gradients that come from the step after, single precision (samples at once,
            neurons).
        arriving: single precision (samples at once, steps, neurons), where they are not handed out.
        currents, voltages: of a chunk, int32 (samples at once, steps, neurons).
        panels: packed weights of the recurrent synapse, single precision.
        caused: gradients of what is sent, from what it causes in the next step, single precision (TILE_ROWS, padded
            neurons).
        spiked: spikes of the samples at once as bits, uint64 (samples, steps, words).
        inputs, feedback: `OrderRoom` of the two synapses.
    """

    step: StepRoom
    row: Any
    through_current: Any
    through_voltage: Any
    arriving: Any
    currents: Any
    voltages: Any
    panels: Any
    caused: Any
    spiked: Any
    inputs: OrderRoom
    feedback: OrderRoom


def absent(kind: npt.DTypeLike, n_dims: int) -> npt.NDArray[Any]:
    """What stands for an array of something that does not happen; numba compiles kernels for its type."""
    return np.empty((0,) * n_dims, kind)
