"""Networks of spiking LSTM cells: a pipeline of copies of each cell, and the same network one copy at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lapilli.netx_exports.clock import Clock
from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.neuron import Neuron
from lapilli.netx_exports.neurons.spiking_lstm import GATES, SpikingLstm
from lapilli.netx_exports.readout import Readout
from lapilli.netx_exports.synapses.dense import DenseSynapse
from lapilli.netx_exports.synapses.hand_over import HandOverSynapse
from lapilli.netx_exports.synapses.synapse import INPUT, MAX_DELAY, Shape, Synapse


@dataclass(frozen=True, eq=False)
class LstmCell:
    """A layer of LSTM units before it is laid out in copies.

    Arguments:
        name: of the cell; its copies are `name.0`, `name.1`, …
        neuron: with the start values of the first copy.
        feed: weights (4 units, sources); its source, delays and port do not count.
        recurrence: weights (4 units, units); likewise.
    """

    name: str
    neuron: SpikingLstm
    feed: DenseSynapse
    recurrence: DenseSynapse

    @property
    def units(self) -> int:
        """Number of units."""
        return np.shape(self.recurrence.weights)[0] // GATES


@dataclass(frozen=True, eq=False)
class LstmReadout:
    """The layer behind the last cell, which sums over its copies.

    Arguments:
        neuron: of the outputs, without memory, such as `CubaLif(NEVER_SPIKES, 4096, 4096, bias)`.
        feed: weights (outputs, units); its source and delays do not count.
        kind: how a class is decided; None: the network does not say.
        name: of the layer.
    """

    neuron: Neuron
    feed: DenseSynapse
    kind: Readout | None = None
    name: str = "readout"


@dataclass(frozen=True, eq=False)
class Front:
    """What is in front of the first cell.

    Arguments:
        input_shape: of the network's input.
        graded_input: whether its events carry values, as for direct encoding.
        layers: between the input and the first cell, which reads the last of them; none: it reads the input. For
            `sequential`, each needs a clock whose phase is the step in which the first input can arrive at it.
    """

    input_shape: Shape
    graded_input: bool = False
    layers: tuple[Layer, ...] = ()

    @property
    def source(self) -> str:
        """What the first cell reads."""
        return self.layers[-1].name if self.layers else INPUT

    @property
    def lag(self) -> int:
        """The first step in which what the first element causes can arrive at the first cell: by the shortest path."""
        arrives = {INPUT: 0}
        for layer in self.layers:
            ways = [
                arrives[one.source] + one.steps + one.delay_range[0] for one in layer.synapses if one.source in arrives
            ]
            arrives[layer.name] = max(layer.clock.phase, min(ways, default=0))
        return 1 + arrives[self.source]


def pipelined(
    front: Front,
    cells: Sequence[LstmCell],
    readout: LstmReadout,
    n_copies: int,
    metadata: Mapping[str, Any] | None = None,
) -> Network:
    """A pipeline: the SNN steps of an element are steps of the network, and the next element follows in the next step.

    The input's step s is element s. Copy tau of cell l acts on it in step `front.lag + l + tau + s`. Copies of the
    first cell after copy 0 take over its input currents; those of the cells behind it read the copy of their number in
    the cell before. The readout has the answer to element s in step `front.lag + len(cells) + n_copies - 1 + s`. All
    copies share their arrays.

    Arguments:
        front: the input and the layers in front of the first cell.
        cells: one behind the other.
        readout: behind the last of them.
        n_copies: SNN steps of an element, 1…63.
        metadata: of the network.

    Raises:
        NetworkError: when the parts do not fit together.
        UnsupportedError: for a number of copies that delays do not reach.
    """
    if not cells or not 1 <= n_copies <= MAX_DELAY + 1:
        raise UnsupportedError("pipeline", [f"needs a cell and 1…{MAX_DELAY + 1} copies, got {n_copies}"])
    layers = list(front.layers)
    for number, cell in enumerate(cells):
        below = None if number == 0 else cells[number - 1].name
        for copy in range(n_copies):
            synapses = _cell_synapses(cell, copy, front.source if below is None else f"{below}.{copy}", below is None)
            neuron = cell.neuron if copy == 0 else replace(cell.neuron, starts=np.zeros(3, np.int32))
            clock = Clock(1, front.lag + number + copy)
            layers.append(Layer(f"{cell.name}.{copy}", (cell.units,), neuron, synapses, clock))
    feeds = [
        replace(readout.feed, source=f"{cells[-1].name}.{copy}", delays=[[n_copies - 1 - copy]])
        for copy in range(n_copies)
    ]
    clock = Clock(1, front.lag + len(cells) + n_copies - 1)
    outputs = np.shape(readout.feed.weights)[:1]
    layers.append(Layer(readout.name, outputs, readout.neuron, tuple(feeds), clock))
    return Network(front.input_shape, tuple(layers), metadata or {}, front.graded_input, readout.kind)


def _cell_synapses(cell: LstmCell, copy: int, source: str, is_first: bool) -> tuple[Synapse, ...]:
    """What feeds a copy of a cell."""
    own = replace(cell.recurrence, source=f"{cell.name}.{copy}", delays=None, port="recurrent")
    feed = replace(cell.feed, source=source, delays=None, port="input")
    if copy == 0:
        return feed, own
    before = f"{cell.name}.{copy - 1}"
    membranes = HandOverSynapse(before, "membranes", "membranes")
    return (HandOverSynapse(before, "currents", "input") if is_first else feed), own, membranes


@dataclass(frozen=True)
class Schedule:
    """When the copies of a network's cells act.

    Arguments:
        n_copies: layers in the longest chain of hand-overs.
        period: steps from an element to the next.
        first, last: steps in which the first and the last of the copies act on the first element.
    """

    n_copies: int
    period: int
    first: int
    last: int

    def cell_steps(self, n_elements: int) -> int:
        """Steps from the first that a copy acts in to the last, for a sample of so many elements."""
        return self.last - self.first + (n_elements - 1) * self.period + 1


def schedule_of(network: Network) -> Schedule | None:
    """When the copies act; None for a network without neurons that hand over anything.

    Neurons of windows hand over too, and are no copies: `lapilli.netx_exports.one_step` tells when these act.
    """
    chains = _chains(network)
    copies = [
        layer for layer in network.layers if (layer.name in chains or layer.neuron.handed) and not layer.neuron.windows
    ]
    if not copies:
        return None
    phases = [layer.clock.phase for layer in copies]
    period = max(layer.clock.period for layer in copies)
    return Schedule(1 + max(chains.values(), default=0), period, min(phases), max(phases))


def sequential(network: Network) -> Network:
    """The same network with the SNN steps of an element behind each other: the next element comes when they are done.

    The period of every layer is the number T of copies. What was to reach the next element waits for it: a connection
    that crosses k elements takes k (T - 1) steps more. The input's element s has to come in step `s T`
    (`Events.spaced`). What a layer does in step `phase + s` of the pipeline, bit for bit, it does in step
    `phase + s T` here.

    Arguments:
        network: a pipeline, whose layers all act in every step from their phases on.

    Raises:
        UnsupportedError: naming each layer and synapse for which there is no such schedule.
    """
    schedule = schedule_of(network)
    if schedule is None:
        raise UnsupportedError("sequential schedule", ["no neurons hand their states over"])
    found = [_slowed(layer, network, schedule.n_copies) for layer in network.layers]
    if problems := [problem for slowed in found for problem in slowed.problems]:
        raise UnsupportedError("sequential schedule", problems)
    return replace(network, layers=tuple(slowed.layer for slowed in found), metadata=dict(network.metadata))


@dataclass
class _Slowed:
    """A layer in the slower network, and why it cannot be one."""

    layer: Layer
    problems: list[str] = field(default_factory=list)


def _slowed(layer: Layer, network: Network, period: int) -> _Slowed:
    found = _Slowed(layer)
    if layer.clock.period != 1:
        found.problems.append(f"layer {layer.name!r}: has a period of {layer.clock.period} steps already")
        return found
    phases = {INPUT: 0} | {other.name: other.clock.phase for other in network.layers}
    synapses = []
    for index, synapse in enumerate(layer.synapses):
        # Elements from the one that is sent to the one that is reached, without delays.
        crossed = phases[synapse.source] + synapse.steps - layer.clock.phase
        if obstacle := _obstacle(synapse, crossed, period):
            found.problems.append(f"layer {layer.name!r}, synapse {index} from {synapse.source!r}: {obstacle}")
        else:
            synapses.append(_waiting(synapse, crossed, period))
    if not found.problems:
        found.layer = replace(layer, synapses=tuple(synapses), clock=Clock(period, layer.clock.phase))
    return found


def _obstacle(synapse: Synapse, crossed: int, period: int) -> str | None:
    """Why a synapse cannot wait for the elements that it reaches in the pipeline."""
    low, high = synapse.delay_range
    if synapse.by_position:
        return "what it does depends on the step of the sample"
    if low + crossed < 0:
        return "arrives before its layer acts on the first element"
    if low + crossed == high + crossed == 0:
        return None
    if not synapse.reads_events or not synapse.steps or (low < high and not synapse.delay_axes):
        return f"a {synapse.kind} synapse cannot wait for another element"
    latest = high + (high + crossed) * (period - 1)
    return f"would need a delay of {latest}, the longest is {MAX_DELAY}" if latest > MAX_DELAY else None


def _waiting(synapse: Synapse, crossed: int, period: int) -> Synapse:
    """The synapse with delays that reach as many elements on as those of the pipeline."""
    low, high = synapse.delay_range
    if low == high:
        later = low + (low + crossed) * (period - 1)
        return synapse if later == low else synapse.with_delays(np.full((1, 1), later))
    delays = np.asarray(synapse.delays, np.int64)  # type: ignore[attr-defined]
    return replace(synapse, delays=delays + (delays + crossed) * (period - 1))  # type: ignore[type-var]


def _chains(network: Network) -> dict[str, int]:
    """Hand-overs in a row that end at each layer which takes over from another."""
    found: dict[str, int] = {}
    for layer in network.layers:
        for synapse in layer.synapses:
            if not synapse.reads_events and synapse.source != layer.name:
                found[layer.name] = max(found.get(layer.name, 0), 1 + found.get(synapse.source, 0))
    return found
