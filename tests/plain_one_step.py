"""Networks of one time step, neuron by neuron and event by event in whole numbers of Python: from the docstrings alone.

Neurons: `WindowLif`, `Requantiser`, and `CubaLif` that remembers nothing. Nothing of `lapilli` computes here.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lapilli.netx_exports import Layer, Network
from lapilli.simulators import Events, RunResult

Sums = defaultdict[int, int]
"""What arrives at a port in a step, by neuron."""


def held(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


def wrapped(value: int, bits: int) -> int:
    return (value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def times_power(value: int, exponent: int) -> int:
    """Rounded down."""
    return value * 2**exponent if exponent >= 0 else value // 2**-exponent


def of_each(parameter: Any, shape: tuple[int, ...]) -> list[int]:
    """A parameter of each neuron: one for all, for each channel or for each neuron."""
    values = np.asarray(parameter)
    if values.ndim == 1 and values.shape == shape[:1] and len(shape) == 3:
        values = values[:, None, None]
    return [int(value) for value in np.broadcast_to(values, shape).reshape(-1)]


class Neurons:
    """The neurons of a layer, with states by name."""

    def __init__(self, layer: Layer) -> None:
        self.layer, self.neuron = layer, layer.neuron
        self.bias = of_each(layer.neuron.bias_mant, layer.shape)
        self.states = {name: [0] * layer.size for name in layer.neuron.states}
        self.products = 0

    def step(self, arriving: Mapping[str, Sums]) -> dict[int, int]:
        """What is sent, by neuron."""
        step = {"WINDOW": self._window, "REQUANTISER": self._requantise, "CUBA": self._memoryless}
        return step[self.neuron.model](arriving)

    def _requantise(self, arriving: Mapping[str, Sums]) -> dict[int, int]:
        neuron: Any = self.neuron
        mult = of_each(neuron.mult, self.layer.shape)
        for n in range(self.layer.size):
            scaled = (arriving["input"][n] + self.bias[n]) * mult[n] // 2**neuron.shift
            y = held(scaled, neuron.low, neuron.high)
            self.states["message"][n] = y if neuron.table is None else int(neuron.table[y + 128])
        return {n: value for n, value in enumerate(self.states["message"]) if value}

    def _memoryless(self, arriving: Mapping[str, Sums]) -> dict[int, int]:
        neuron: Any = self.neuron
        assert np.all(neuron.current_decay == 4096)
        assert np.all(neuron.voltage_decay == 4096)
        threshold, spikes = of_each(neuron.vth_mant, self.layer.shape), {}
        for n in range(self.layer.size):
            current = wrapped(arriving["input"][n] * 64, 32)
            current += -(2**24) if current > 2**23 else 2**24 if current <= -(2**23) else 0
            voltage = held(current + self.bias[n] * 64, -(2**23) + 1, 2**23 - 1)
            if voltage > threshold[n] * 64:
                spikes[n], voltage = 1, 0
            self.states["current"][n], self.states["voltage"][n] = current, voltage
        return spikes

    def _window(self, arriving: Mapping[str, Sums]) -> dict[int, int]:
        neuron: Any = self.neuron
        threshold, spikes = of_each(neuron.vth_mant, self.layer.shape), {}
        states = self.states
        for n in range(self.layer.size):
            a, b, c = states["potential"][n], arriving["potentials"][n], arriving["cosines"][n]
            start = 0
            if states["window"][n]:
                start = self._start(a, b, c)
                self.products += neuron.carry == "omega"
            potential = start + (arriving["input"][n] + self.bias[n]) * 64
            states["potential"][n] = potential = held(potential, -(2**23) + 1, 2**23 - 1)
            states["cosine"][n] = int(neuron.sine[(potential // 2**neuron.index_shift + 64) % 256])
            states["window"][n] = (states["window"][n] + 1) % neuron.windows
            if potential > threshold[n] * 64:
                spikes[n] = 1
        return spikes

    def _start(self, a: int, b: int, c: int) -> int:
        neuron: Any = self.neuron
        if neuron.carry == "omega":
            product = int(neuron.sine[a // 2**neuron.index_shift % 256]) * c
            return times_power(product, neuron.unit - 14)
        if neuron.carry == "table":
            entry = held((a + b) // 2**neuron.index_shift, -128, 127)
            return int(neuron.table[entry + 128]) * 2**neuron.table_shift
        carried = {"none": 0, "group": a, "layer": b, "sum": a + b}[neuron.carry]
        return carried * neuron.keep // 4096


class Plain:
    """One sample of a network."""

    def __init__(self, network: Network, values: np.ndarray) -> None:
        """Arguments: the network, and the input's values (neurons, steps)."""
        self.network, self.values = network, values if network.graded_input else values != 0
        self.neurons = {layer.name: Neurons(layer) for layer in network.layers}
        self.sent: dict[str, list[dict[int, int]]] = {layer.name: [] for layer in network.layers}
        self.states: dict[str, list[dict[str, list[int]]]] = {layer.name: [] for layer in network.layers}
        self.handed = dict.fromkeys(self.sent, 0)
        self.coming: dict[tuple[str, str, int], Sums] = defaultdict(lambda: defaultdict(int))

    def run(self) -> None:
        for step in range(self.values.shape[1]):
            events = {n: int(value) for n, value in enumerate(self.values[:, step]) if value}
            now = {"input": events}
            for layer in self.network.layers:
                arriving = {port: self.coming.pop((layer.name, port, step), Sums(int)) for port in layer.neuron.ports}
                acts = step >= layer.clock.phase and (step - layer.clock.phase) % layer.clock.period == 0
                now[layer.name] = self.neurons[layer.name].step(arriving) if acts else {}
                self.sent[layer.name].append(now[layer.name])
                states = self.neurons[layer.name].states
                self.states[layer.name].append({name: list(values) for name, values in states.items()})
            for layer in self.network.layers:
                for synapse in layer.synapses:
                    self._put_on_the_way(layer, synapse, step, now[synapse.source])

    def _put_on_the_way(self, layer: Layer, synapse: Any, step: int, events: dict[int, int]) -> None:
        port = synapse.port or "input"
        for late, target, total in getattr(self, f"_{synapse.kind}")(layer, synapse, step, events):
            arriving = self.coming[layer.name, port, step + 1 + late]
            arriving[target] = wrapped(arriving[target] + total, 32)

    def _hand_over(
        self, layer: Layer, synapse: Any, step: int, events: dict[int, int]
    ) -> Iterator[tuple[int, int, int]]:
        clock = next(other.clock for other in self.network.layers if other.name == synapse.source)
        if step < clock.phase or (step - clock.phase) % clock.period:
            return
        state = {"potentials": "potential", "cosines": "cosine"}[synapse.carried]
        for n, value in enumerate(self.neurons[synapse.source].states[state]):
            self.handed[layer.name] += 1
            yield 0, n, value

    def _identity(
        self, layer: Layer, synapse: Any, step: int, events: dict[int, int]
    ) -> Iterator[tuple[int, int, int]]:
        for n, value in events.items():
            yield synapse.delay, n, times_power(wrapped(synapse.weight * value, 32), synapse.weight_exp)

    def _dense(self, layer: Layer, synapse: Any, step: int, events: dict[int, int]) -> Iterator[tuple[int, int, int]]:
        for target, row in enumerate(np.asarray(synapse.weights).tolist()):
            total = wrapped(sum(row[n] * value for n, value in events.items()), 32)
            yield 0, target, times_power(total, synapse.weight_exp)

    def _join(self, layer: Layer, synapse: Any, step: int, events: dict[int, int]) -> Iterator[tuple[int, int, int]]:
        if step < synapse.phase:
            return
        window = (step - synapse.phase) % synapse.windows
        _, rows, columns = self.network.shapes[synapse.source]
        _channels, height, width = layer.shape
        top, left = [(0, 0), (0, width - columns), (height - rows, 0), (height - rows, width - columns)][window]
        if synapse.windows == 2:
            top, left = [(0, 0), (height - rows, 0)][window]
        weights = np.broadcast_to(np.asarray(synapse.weights), (height, width))
        for n, value in events.items():
            channel, place = divmod(n, rows * columns)
            y, x = top + place // columns, left + place % columns
            total = wrapped(int(weights[y, x]) * value, 32)
            late = synapse.windows - 1 - window
            yield late, (channel * height + y) * width + x, times_power(total, synapse.weight_exp)

    def _window_conv(
        self, layer: Layer, synapse: Any, step: int, events: dict[int, int]
    ) -> Iterator[tuple[int, int, int]]:
        (top, left), (rows, columns) = synapse.origin, synapse.window
        _, height, width = self.network.shapes[synapse.source]
        seen = {}
        for n, value in events.items():
            channel, place = divmod(n, height * width)
            y, x = place // width - top, place % width - left
            if 0 <= y < rows and 0 <= x < columns:
                seen[channel, y, x] = value
        for target, total in self._correlated(layer, synapse, seen, (1, 1)).items():
            yield synapse.delay, target, times_power(wrapped(total, 24), synapse.weight_exp)

    def _conv(self, layer: Layer, synapse: Any, step: int, events: dict[int, int]) -> Iterator[tuple[int, int, int]]:
        assert synapse.delays is None
        assert synapse.dilation == (1, 1)
        _, height, width = self.network.shapes[synapse.source]
        seen = {(n // (height * width), n // width % height, n % width): value for n, value in events.items()}
        for target, total in self._correlated(layer, synapse, seen, synapse.stride).items():
            yield 0, target, times_power(wrapped(total, 24), synapse.weight_exp)

    def _correlated(
        self, layer: Layer, synapse: Any, seen: dict[tuple[int, int, int], int], stride: tuple[int, int]
    ) -> Sums:
        """Sums of each target that any event meets; those that none meets are 0, whatever is done to them."""
        weights = np.asarray(synapse.weights).tolist()
        inputs, outputs = len(weights[0]), len(weights) // synapse.groups
        _, height, width = layer.shape
        found: Sums = defaultdict(int)
        for (channel, y, x), value in seen.items():
            group, within = divmod(channel, inputs)
            for out in range(group * outputs, (group + 1) * outputs):
                for ky, row in enumerate(weights[out][within]):
                    for kx, weight in enumerate(row):
                        ty, rest_y = divmod(y + synapse.padding[0] - ky, stride[0])
                        tx, rest_x = divmod(x + synapse.padding[1] - kx, stride[1])
                        if not rest_y and not rest_x and 0 <= ty < height and 0 <= tx < width:
                            found[(out * height + ty) * width + tx] += weight * value
        return found


def assert_plain(network: Network, events: Events, n_steps: int, found: RunResult) -> None:
    """Every event, state and counter of a run, all of whose layers are recorded, is that of the loop."""
    dense = events.with_steps(n_steps).to_dense().reshape(len(events), -1, n_steps)
    for sample, values in enumerate(dense):
        plain = Plain(network, values)
        plain.run()
        for number, layer in enumerate(network.layers):
            recording = found.recordings[layer.name]
            sent = np.zeros((layer.size, n_steps), int)
            for step, of_step in enumerate(plain.sent[layer.name]):
                for neuron, value in of_step.items():
                    sent[neuron, step] = value
            assert np.array_equal(recording.spikes.to_dense()[sample].reshape(sent.shape), sent), layer.name
            for state in layer.neuron.states:
                expected = np.array([of_step[state] for of_step in plain.states[layer.name]]).T
                values_found = getattr(recording, state)[sample].reshape(expected.shape)
                assert np.array_equal(values_found, expected), (layer.name, state)
            counted = {"table_products": plain.neurons[layer.name].products, "handed_values": plain.handed[layer.name]}
            for name, counter in found.counts.named.items():
                assert counter[sample, number] == counted[name], (layer.name, name)
