"""Networks of one time step: when each layer acts, so that the windows of a map can follow each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lapilli.netx_exports.clock import Clock
from lapilli.netx_exports.errors import UnsupportedError
from lapilli.netx_exports.network import Layer, Network
from lapilli.netx_exports.neurons.neuron import Neuron
from lapilli.netx_exports.readout import Readout
from lapilli.netx_exports.synapses.join import JoinSynapse
from lapilli.netx_exports.synapses.synapse import INPUT, MAX_DELAY, Shape, Synapse
from lapilli.netx_exports.synapses.window_conv import WindowConvSynapse
from lapilli.netx_exports.windows import Windows


@dataclass(frozen=True, eq=False)
class Cut:
    """A convolution of the windows of a map, one after the other, before it is laid out in time.

    Arguments:
        source, weights, padding, groups, weight_exp, port: as of `WindowConvSynapse`; all windows share them.
        dilated: whether the windows overlap.
    """

    source: str
    weights: npt.ArrayLike
    dilated: bool = False
    padding: tuple[int, int] = (0, 0)
    groups: int = 1
    weight_exp: int = 0
    port: str | None = None


@dataclass(frozen=True, eq=False)
class Join:
    """Windows that go back into a map, before it is laid out in time.

    Arguments:
        source, dilated, weights, weight_exp, port: as of `JoinSynapse`.
    """

    source: str
    dilated: bool = False
    weights: npt.ArrayLike = 1
    weight_exp: int = 0
    port: str | None = None


@dataclass(frozen=True, eq=False)
class Part:
    """A layer before it is laid out in time.

    A layer that a `Cut` feeds has the size of one window, and so has one that such a layer feeds by anything but a
    `Join`. All other layers are of whole maps.

    Arguments:
        name, shape, neuron: as of `Layer`.
        synapses: what feeds it, without delays.
    """

    name: str
    shape: Shape
    neuron: Neuron
    synapses: tuple[Synapse | Cut | Join, ...]


def one_step_network(
    input_shape: Shape,
    parts: Sequence[Part],
    n_windows: int,
    *,
    graded_input: bool = True,
    readout: Readout | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Network:
    """The network in which each layer acts as soon as its first complete input is there.

    An image is the input of one step; the next one may come `n_windows` steps later. Layers of whole maps act once for
    each image, `Clock(n_windows, phase)`; layers of windows in each step from their phase on. What is early waits:
    synapses of a shorter path get delays. Image k reaches the output in step `network.depth + k n_windows`.

    Arguments:
        input_shape: (C, H, W).
        parts: in an order in which every source comes earlier.
        n_windows: windows of a map in all layers, 1, 2 or 4.
        graded_input, readout, metadata: as of `Network`.

    Raises:
        NetworkError: when the parts do not fit together.
        UnsupportedError: when a layer is of a map and of a window at once, or a synapse cannot wait as long as it has
            to; naming each.
    """
    laid = _Laid(n_windows, {INPUT: tuple(input_shape)}, {INPUT: 0}, set(), [])
    layers = [laid.layer(part) for part in parts]
    if laid.problems:
        raise UnsupportedError("network of one time step", laid.problems)
    return Network(tuple(input_shape), tuple(layers), metadata or {}, graded_input, readout)


@dataclass
class _Laid:
    """What is laid out so far.

    Arguments:
        n_windows: of a map.
        shapes: of the sources.
        phases: the first step in which each of them sends.
        windowed: those that are layers of windows.
        problems: what cannot be.
    """

    n_windows: int
    shapes: dict[str, Shape]
    phases: dict[str, int]
    windowed: set[str]
    problems: list[str]

    def layer(self, part: Part) -> Layer:
        """The layer, with its clock and delays."""
        where = f"layer {part.name!r}"
        known = [synapse for synapse in part.synapses if synapse.source in self.phases]
        for synapse in part.synapses:
            if synapse.source not in self.phases:
                self.problems.append(f"{where}: source {synapse.source!r:.80} must be the input or an earlier layer")
        of_window = {self._feeds_window(synapse) for synapse in known}
        if len(of_window) > 1:
            self.problems.append(f"{where}: is fed as a map and as a window")
        if part.neuron.windows not in (0, self.n_windows):
            self.problems.append(f"{where}: neurons see {part.neuron.windows} windows where maps have {self.n_windows}")
        phase = max((self._arrival(synapse) for synapse in known), default=0)
        synapses = [one for synapse in known for one in self._laid_out(synapse, phase, part, where)]
        self.shapes[part.name], self.phases[part.name] = part.shape, phase
        if True in of_window:
            self.windowed.add(part.name)
        clock = Clock(1 if True in of_window else self.n_windows, phase)
        return Layer(part.name, part.shape, part.neuron, tuple(synapses), clock)

    def _feeds_window(self, synapse: Synapse | Cut | Join) -> bool:
        return isinstance(synapse, Cut) or (not isinstance(synapse, Join) and synapse.source in self.windowed)

    def _arrival(self, synapse: Synapse | Cut | Join) -> int:
        """The step in which the first image, or its first window, arrives without any delay."""
        if isinstance(synapse, Cut):
            return self.phases[synapse.source] + 1
        if isinstance(synapse, Join):
            return self.phases[synapse.source] + self.n_windows
        return self.phases[synapse.source] + synapse.steps

    def _laid_out(self, synapse: Synapse | Cut | Join, phase: int, part: Part, where: str) -> list[Synapse]:
        late = phase - self._arrival(synapse)
        where = f"{where}, from {synapse.source!r}"
        if isinstance(synapse, Cut):
            return self._windows(synapse, late, where)
        if isinstance(synapse, Join):
            if late or synapse.source not in self.windowed:
                self.problems.append(f"{where}: a join reads a layer of windows and cannot wait, here {late} steps")
            first = self.phases[synapse.source]
            weights, weight_exp, port = synapse.weights, synapse.weight_exp, synapse.port
            return [JoinSynapse(synapse.source, self.n_windows, synapse.dilated, first, weights, weight_exp, port)]
        if synapse.delay_range != (0, 0) or synapse.by_position:
            self.problems.append(f"{where}: must come without delays, got a synapse of the kind {synapse.kind}")
        return [self._waiting(synapse, late, where)] if late else [synapse]

    def _waiting(self, synapse: Synapse, late: int, where: str) -> Synapse:
        try:
            if late <= MAX_DELAY:
                return synapse.with_delays(np.full((1, 1), late))
        except NotImplementedError:
            pass
        self.problems.append(f"{where}: a synapse of the kind {synapse.kind} cannot wait {late} steps")
        return synapse

    def _windows(self, cut: Cut, late: int, where: str) -> list[Synapse]:
        """A convolution of each window, with one array of weights."""
        shape, windows = self.shapes[cut.source], Windows(self.n_windows, cut.dilated)
        problems = windows.problems(*shape[1:]) if len(shape) == 3 else [f"windows are of a (C, H, W) map, got {shape}"]
        if cut.source in self.windowed:
            problems.append("windows cannot be cut out of windows")
        if late + self.n_windows - 1 > MAX_DELAY:
            problems.append(f"windows cannot wait {late} steps")
        if problems:
            self.problems += [f"{where}: {problem}" for problem in problems]
            return []
        window = windows.window_shape(*shape[1:])
        first = WindowConvSynapse(
            cut.source, cut.weights, (0, 0), window, cut.padding, cut.groups, late, cut.weight_exp, cut.port
        )
        return [
            WindowConvSynapse(
                cut.source,
                first.weights,
                origin,
                window,
                cut.padding,
                cut.groups,
                late + number,
                cut.weight_exp,
                cut.port,
            )
            for number, origin in enumerate(windows.origins(*shape[1:]))
        ]


@dataclass(frozen=True)
class WindowSchedule:
    """When a network of windows answers.

    Arguments:
        windows: of a map.
        period: steps from one image to the next.
        latency: steps from an image to its answer, both counted.
        window_layers: layers of the size of one window.
    """

    windows: int
    period: int
    latency: int
    window_layers: int

    def steps(self, n_images: int) -> int:
        """Steps of a sample of so many images, one each period from step 0 on, that end with the last answer."""
        return (n_images - 1) * self.period + self.latency


def window_schedule_of(network: Network) -> WindowSchedule | None:
    """When a network of windows answers; None for a network whose maps are not cut."""
    joins = [one.windows for layer in network.layers for one in layer.synapses if one.windows]
    seen = [layer.neuron.windows for layer in network.layers if layer.neuron.windows]
    if not joins and not seen:
        return None
    clock = network.output.clock
    of_windows = {one.source for layer in network.layers for one in layer.synapses if one.windows}
    of_windows |= {layer.name for layer in network.layers if layer.neuron.windows}
    return WindowSchedule(max(joins + seen), clock.period, clock.phase + 1, len(of_windows))


def steps_of_an_image(network: Network) -> dict[str, int]:
    """In how many steps of an image the input and each layer are at work, by name: those of windows in several."""
    schedule = window_schedule_of(network)
    period = 1 if schedule is None else schedule.period
    return {INPUT: 1} | {layer.name: max(1, period // layer.clock.period) for layer in network.layers}
